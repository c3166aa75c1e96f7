"""Files that the product writes: each whole or not at all, none through a link, one writer each."""
