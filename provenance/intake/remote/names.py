"""Names of buckets and of objects in them."""

import os
import re
from typing import Final

from detectors.errors import ConfigError

SCHEMES: Final = ("s3", "s3a", "gs", "gcs", "az", "abfs", "abfss")
"""Stores of objects whose server the user's own settings name, never the name of a source: a list
of names may come from others."""
BEGINNINGS: Final = tuple(f"{scheme}://" for scheme in SCHEMES)
ADDRESS: Final = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*://")
BUCKET: Final = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,254}")
MAX_KEY: Final = 1024
"""Bytes of a key, the most that S3 and Google Cloud Storage take."""
VERSION: Final = "?versionId="
"""In a key s3fs reads this as the version of another object."""


def is_remote(path: str) -> bool:
    """Tell whether a name is that of a bucket or of something in one."""
    return path.startswith(BEGINNINGS)


def refuse_others(path: str) -> None:
    """Refuse an address that is no bucket's.

    Raises:
        ConfigError: it is one, and no file of this name is there.
    """
    if ADDRESS.match(path) and not is_remote(path) and not os.path.lexists(path):
        raise ConfigError(
            f"{path!r}: scan fetches nothing from the web; it reads files, and buckets"
            " (s3://BUCKET/PREFIX, gs://, az://) with the extra `remote`"
        )


def split(path: str) -> tuple[str, str]:
    """Return the folder of an object, and its name there; for a bucket, nothing and nothing."""
    folder, _, name = path.rpartition("/")
    return (folder, name) if "/" in path.partition("://")[2] else ("", "")


def may_be(path: str) -> bool:
    """Tell whether a name can be that of an object: text of no more bytes than a key has."""
    try:
        return len(path.partition("://")[2].partition("/")[2].encode()) <= MAX_KEY
    except UnicodeEncodeError:
        return False
