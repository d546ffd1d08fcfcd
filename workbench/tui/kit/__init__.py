"""Charts as values: pure functions that draw into a grid of styled cells and know nothing of Textual."""
