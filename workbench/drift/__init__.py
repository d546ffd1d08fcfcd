"""Whether data is still what it was: profiles of windows, statistics, the rule that judges them, alerts."""
