"""Finds the entries near a picture: by digest, by hash, by binary descriptors."""
