"""Exports of platforms: what lies in them, how their rows are read, and what becomes of them."""
