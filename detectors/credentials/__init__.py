"""Content credentials (C2PA) of pictures and PDF files."""
