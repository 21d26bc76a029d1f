"""One company sees nothing of another: every address, every method, every role, and what all of them say."""
