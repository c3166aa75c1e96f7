"""How other programs put what they ask for, and what they want to be told, a module each."""
