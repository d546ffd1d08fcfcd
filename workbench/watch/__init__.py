"""Watching a project folder and training when something in it changes."""
