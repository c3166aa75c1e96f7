"""Who posts the same things at the same times, and how often chance alone would give as much."""
