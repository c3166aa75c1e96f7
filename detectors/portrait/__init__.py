"""Portraits that lie exactly where one family of generators puts every face."""
