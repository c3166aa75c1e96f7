"""The formats in which a case leaves, a module each."""
