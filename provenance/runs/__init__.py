"""Runs: records of many items in a folder, continued, brought up to date, and counted."""
