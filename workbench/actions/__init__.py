"""Everything a user can do, one function each, a module per noun. Every front end calls these and nothing below them."""
