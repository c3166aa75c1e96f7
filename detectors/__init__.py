"""The ground floor: items, signals and the detectors that look for evidence."""
