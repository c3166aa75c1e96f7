"""Long texts: read in pieces, with passages that stand out from the rest."""
