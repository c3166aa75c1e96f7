"""Matches pictures against banks of known fake-profile pictures."""
