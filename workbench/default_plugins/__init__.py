"""The built-in behaviour of the hooks, as plugins like any other."""
