"""The HTTP service: `provenance serve`."""
