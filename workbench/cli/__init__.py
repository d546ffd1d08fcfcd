"""The command line: one file per command, output.py for what they print, failures.py for errors."""
