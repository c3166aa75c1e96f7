"""Perceptual hashes of pictures, and the views of a picture that are hashed."""
