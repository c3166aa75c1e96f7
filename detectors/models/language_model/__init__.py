"""The frozen language model: what a text looks like from the middle of it."""
