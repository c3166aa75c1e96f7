"""A bank in a folder: its log, the snapshot for searching, and how the two are compacted."""
