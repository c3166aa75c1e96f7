"""The audit log: what was decided, so that it can be shown, judged again and proved."""
