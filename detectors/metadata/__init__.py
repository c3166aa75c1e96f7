"""AI marks in named metadata fields."""
