"""Widgets that draw themselves into a grid: few and fat, because many small ones are slow."""
