"""The banks that are configured, as `doctor` shows them."""

from detectors.bank.location import location_of, opened


def state(bank: str) -> tuple[str, int, int]:
    """Open a bank, and return its name, how many entries it has, and its number of changes.

    Args:
        bank: a folder or an address.

    Raises:
        ConfigError: it cannot be used.
    """
    found = opened(location_of(bank))
    return found.name, len(found.entries), found.changes
