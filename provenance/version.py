"""The version of this program, for records, help and the wheel."""

__version__ = "0.1.0"
