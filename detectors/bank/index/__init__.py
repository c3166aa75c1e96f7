"""What an index is built of: multi-index hash tables, and binary descriptors by their prefix."""
