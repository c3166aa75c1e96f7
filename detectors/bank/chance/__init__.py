"""How likely a match is false: shipped tables, and the calibration of a user's own bank."""
