"""Signed feeds of known pictures: published as a folder, followed into a bank, by TUF."""
