"""Decoders of watermarks that a user holds: what they read, and what a credential names."""
