"""Content credentials (C2PA) in texts and beside them."""
