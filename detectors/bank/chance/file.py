"""The calibration of a bank, `calibration.json` in its folder, written whole or not at all.

The log of the bank does not mention it: without the file the shipped tables speak.
"""

import hashlib
from pathlib import Path
from typing import Final

import msgspec

from detectors.bank.chance.tables import Tables, shipped
from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError, DamagedError, UnavailableError
from detectors.storing.atomic import write_json

FORMAT: Final = "provenance.bank-calibration/1"
FILE: Final = "calibration.json"


class BankCalibration(msgspec.Struct, frozen=True, kw_only=True):
    """`calibration.json`."""

    format: str = FORMAT
    made: str
    """RFC 3339."""
    negatives: int
    """Pictures that were compared."""
    entries: int
    """Number of entries in the bank at that time."""
    tables: Tables


def load_calibration(bank: object) -> tuple[Tables, str]:
    """Load the tables of a bank, and eight digits that name them; the shipped ones and "" else.

    Args:
        bank: where it lies; only a folder holds a calibration.

    Raises:
        ConfigError: the file is there and cannot be read.
    """
    if not isinstance(bank, Path):
        return shipped(), ""
    file = bank / FILE
    try:
        raw = file.read_bytes()
    except FileNotFoundError:
        return shipped(), ""
    except OSError as error:
        what = f"{file}: cannot be read: {error.strerror}"
        raise UnavailableError(what, "see who may read it") from error
    try:
        found = msgspec.json.decode(raw, type=BankCalibration)
    except MALFORMED as error:
        raise DamagedError(f"{file}: {error}", "remove it or calibrate anew") from error
    if found.format != FORMAT:
        raise ConfigError(f"{file}: format {found.format[:40]!r}; this program reads {FORMAT!r}")
    return found.tables, hashlib.sha256(raw).hexdigest()[:8]


def save_calibration(bank: Path, calibration: BankCalibration) -> None:
    """Write a calibration into a bank, whole or not at all.

    Raises:
        ConfigError: it cannot be written.
    """
    write_json(bank / FILE, calibration)
