"""Speed as a ratio to the floor, in one run on one machine. Not tests: nothing here passes or fails."""
