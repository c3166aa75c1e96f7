"""What the user names becomes items."""
