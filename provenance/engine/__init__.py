"""Items become records."""
