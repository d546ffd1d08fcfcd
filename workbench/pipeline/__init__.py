"""Pipelines: stages that form a graph through their files, and what of them is out of date."""
