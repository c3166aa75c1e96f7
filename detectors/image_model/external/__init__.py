"""Published picture models from a path of the user's: loaded safely, shown, and calibrated."""
