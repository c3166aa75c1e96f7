"""Looks for watermarks whose keys the user holds: KGW and SynthID-Text."""
