"""Lineage: what every file, run and model came from, and what came from it, out of stored rows alone."""
