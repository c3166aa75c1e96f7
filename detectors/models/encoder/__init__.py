"""The frozen image encoder: the first eight blocks of CLIP ViT-B/16, one pass an item."""
