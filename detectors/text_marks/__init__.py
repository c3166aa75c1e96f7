"""Looks for what assistants leave behind in texts, and for hidden characters."""
