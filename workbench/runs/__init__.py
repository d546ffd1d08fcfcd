"""Runs: started, supervised, read back and compared."""
