"""How the probe is trained and measured."""
