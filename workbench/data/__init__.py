"""Tables and what they hold: read at the edge (tables), measured (measure), described (profile), held together."""
