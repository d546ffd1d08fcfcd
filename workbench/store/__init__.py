"""The embedded SQLite store of one project: connections, schema and migrations, and the feed of changes."""
