"""The terminal interface; the only part that needs Textual. Begin with app.py, then screens/base.py."""
