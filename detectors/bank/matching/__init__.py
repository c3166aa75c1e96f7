"""Compares a picture with the entries found: geometric verification, decisions, copies."""
