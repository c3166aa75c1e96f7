"""`provenance.check` and `provenance.scan` for callers in Python.

They run in the caller's process, one item after another; the command's supervision (worker
processes, time limits) is `provenance.engine.pool`.
"""

import os
from collections.abc import Iterator
from datetime import UTC, datetime

from detectors.catalog import catalog
from provenance.engine.check import Engine
from provenance.engine.config import RunConfig, configure
from provenance.intake import files, paths
from provenance.record import Record

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]


def check(path: AnyPath, *, policy: str = "default", bank: str = "") -> Record:
    """Return the record of one file.

    Args:
        path: a file; one that cannot be read gets a record that says so.
        policy: name of a built-in policy, or a policy file.
        bank: folder of a bank of known fakes; "" for none.

    Raises:
        ConfigError: policy or bank cannot be used, or the path is a folder or a file of posts,
            which `scan` takes.
    """
    file = paths.single(os.fsdecode(path))
    return Engine(_choice(policy, bank)).check(files.item(file, follow=True))


def scan(*roots: AnyPath, policy: str = "default", bank: str = "") -> Iterator[Record]:
    """Yield the records of all files below these folders, sorted by path.

    Links, special files and the folders of `intake.paths.UNWANTED` are passed over. Arguments and
    errors as for `check`.
    """
    engine = Engine(_choice(policy, bank))
    names = paths.found(map(os.fsdecode, roots), ()).files
    return (engine.check(item) for item in paths.scanned(names))


def _choice(policy: str, bank: str) -> RunConfig:
    return configure(
        catalog(),
        policy=policy,
        banks=(bank,) if bank else (),
        today=datetime.now(UTC).date().isoformat(),
    )
