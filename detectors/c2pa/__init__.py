"""Manifest stores of content credentials: what is declared, whether it holds, whom to trust."""
