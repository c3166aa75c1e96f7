"""Tables of shares as CooRTweet takes them: who shared which object, in which post, when."""

import csv
import math
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from detectors.errors import ConfigError

COLUMNS = ("object_id", "account_id", "content_id", "timestamp_share")


class Share(NamedTuple):
    """One row: an account shared an object in a content."""

    time: float
    """Seconds, of any epoch."""
    content: str
    account: str


def shares(path: Path) -> dict[str, list[Share]]:
    """Return the shares of each object.

    Args:
        path: a CSV file in UTF-8 with a header; further columns are ignored.

    Raises:
        ConfigError: it cannot be read, lacks a column, or a row cannot be used; names the line.
    """
    found: dict[str, list[Share]] = {}
    try:
        with path.open(encoding="utf-8-sig", newline="") as file:
            for name, share in _rows(csv.reader(file), path):
                found.setdefault(name, []).append(share)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise ConfigError(f"{path}: not UTF-8 text") from error
    return found


def _rows(rows: Any, path: Path) -> Iterator[tuple[str, Share]]:
    try:
        header: list[str] = next(rows, [])
        if missing := [name for name in COLUMNS if name not in header]:
            raise ConfigError(f"{path}:1: no column {', '.join(missing)}")
        name, account, content, time = (header.index(name) for name in COLUMNS)
        for row in rows:
            if not row:
                continue
            if len(row) != len(header):
                raise ConfigError(
                    f"{path}:{rows.line_num}: {len(row)} values, the header has {len(header)}"
                )
            seconds = _seconds(row[time], f"{path}:{rows.line_num}")
            yield row[name], Share(seconds, row[content], row[account])
    except csv.Error as error:
        raise ConfigError(f"{path}:{rows.line_num}: {error}") from error


def _seconds(value: str, where: str) -> float:
    try:
        seconds = float(value)
    except ValueError:
        seconds = math.nan
    if not math.isfinite(seconds):
        raise ConfigError(f"{where}: timestamp_share {value[:40]!r} is no number of seconds")
    return seconds
