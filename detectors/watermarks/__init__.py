"""Watermarks in pixels with public messages, and visible labels that programs paste."""
