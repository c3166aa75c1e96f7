"""The marking of a TLP in STIX, the same for banks and for what is exported beside them."""

from typing import Any

from detectors.bank.entry import Tlp
from detectors.bank.exchange import stix


def marking(tlp: str) -> dict[str, Any]:
    """Return the marking object of a TLP 2.0, by its word in capital letters."""
    return stix.marking(Tlp(tlp))
