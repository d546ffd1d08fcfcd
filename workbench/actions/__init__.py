"""Everything a user can do, one function each, a module per noun; every front end calls these and nothing below."""
