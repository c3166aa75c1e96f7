"""The text classifier: how likely a text's wording is from a model rather than from a person."""
