"""Text models of the user's own: a classifier, or a rule over language models."""
