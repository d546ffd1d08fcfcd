"""What a run was made of and what it made: its code, its environment, its data and its outputs."""
