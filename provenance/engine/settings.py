"""What decided a record besides the item and the day, as bytes that can be kept and compared."""

from collections.abc import Mapping
from typing import Any

import msgspec

from detectors.spec import Settings
from provenance.canonical import canonical
from provenance.version import __version__


def settings_body(told: Mapping[str, Settings], policy: str) -> bytes:
    """Return the bytes whose SHA-256 is a record's `tool.settings`.

    No path, job count, day, key or password enters, hashed or not: of a detector only what it
    tells itself.

    Args:
        told: detector that ran → its settings.
        policy: SHA-256 of the policy file, hex.

    Raises:
        TypeError: a detector tells what is no JSON.
        ValueError: the same, of a number or a text.
    """
    every = [told[name] for name in sorted(told)]
    return canonical(
        {
            "detectors": {
                name: {"version": one.version, "options": one.options} for name, one in told.items()
            },
            "models": {name: sha256 for one in every for name, sha256 in one.models.items()},
            "banks": _once([msgspec.to_builtins(bank) for one in every for bank in one.banks]),
            "lists": _once([msgspec.to_builtins(each) for one in every for each in one.lists]),
            "policy": policy,
            "tool": __version__,
        }
    )


def _once(values: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return the values without repetitions, in their order: two detectors may use one bank."""
    return [value for at, value in enumerate(values) if value not in values[:at]]
