"""Items, signals and the detectors that look for evidence; knows nothing of the command."""
