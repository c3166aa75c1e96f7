"""The Python front door: check files, bytes, streams, texts and posts, and whole folders.

```python
with provenance.Checker(policy="default", banks=["fakes.bank"], jobs=2) as checker:
    record = checker.check("a.jpg")
    print(record.verdict.risk, record.to_json())
```
"""

import os
from collections import deque
from collections.abc import Iterable, Iterator, Mapping, Sequence
from types import TracebackType
from typing import TYPE_CHECKING, Any, Final, Self

from detectors.catalog import catalog
from detectors.errors import ConfigError
from detectors.item import Item, Kind
from provenance.engine.config import configure
from provenance.engine.supervisor import utc_day
from provenance.engine.warm import InProcess, Workers
from provenance.intake import bytes as given
from provenance.intake import files, paths
from provenance.record import Record

if TYPE_CHECKING:
    from concurrent.futures import Future

AnyPath = str | bytes | os.PathLike[str] | os.PathLike[bytes]
Source = str | os.PathLike[str] | given.Data
"""What is checked: a path, the bytes themselves, or a binary file that is read to its end."""
AHEAD: Final = 4
"""Items a worker that are submitted ahead of the record that a scan waits for."""


class Checker:
    """Checks items with detectors that are built once and kept warm.

    Any thread may call it, and several at once. `close`, or the end of a `with` block, ends its
    workers.

    Example:
        >>> with Checker(only=["text_marks"], jobs=0) as checker:
        ...     record = checker.check_text("As an AI language model, I cannot do that.", name="a")
        >>> record.item.uri, record.verdict.risk.value
        ('a', 'review')
    """

    def __init__(
        self,
        *,
        policy: str | os.PathLike[str] = "default",
        banks: Sequence[str | os.PathLike[str]] = (),
        only: Iterable[str] | None = None,
        without: Iterable[str] = (),
        models: Mapping[str, str | os.PathLike[str]] | None = None,
        options: Mapping[str, Mapping[str, Any]] | None = None,
        device: str = "cpu",
        fast: bool = False,
        fingerprints: bool = False,
        jobs: int = 1,
    ) -> None:
        """Build the detectors; no configuration file or variable is read.

        Args:
            policy: name of a built-in policy, or a policy file.
            banks: folders or addresses of banks of known fakes.
            only: detectors to use; None: all.
            without: detectors to leave out.
            models: detector → path of a model.
            options: detector → its options, as in `[detectors.NAME]` of a configuration.
            device: `cpu` or `cuda`.
            fast: prefer the quick path of detectors that have one.
            fingerprints: compute those of every picture, whichever detectors look.
            jobs: worker processes. 0 checks in this process: without limits on time and memory, and
                a deadline is looked at between detectors only. Hostile bytes need 1 or more.

        Raises:
            ConfigError: policy, bank, detector, model or option cannot be used.
        """
        config = configure(
            catalog(),
            policy=os.fspath(policy),
            today=utc_day(),
            only=only or (),
            without=without,
            banks=[os.fspath(bank) for bank in banks],
            models={name: os.fspath(path) for name, path in (models or {}).items()},
            device=device,
            fast=fast,
            fingerprints=fingerprints,
            configured=options,
        )
        if jobs < 0:
            raise ConfigError(f"jobs = {jobs}: 0 for none, else the number of worker processes")
        self._jobs = jobs
        self._looks: InProcess | Workers = Workers(config, jobs) if jobs else InProcess(config)

    def __enter__(self) -> Self:
        """Return itself."""
        return self

    def __exit__(
        self, _kind: type[BaseException] | None, _error: object, _trace: TracebackType | None
    ) -> None:
        """Close it."""
        self.close()

    def close(self) -> None:
        """End the workers; what is being checked meanwhile is cancelled."""
        self._looks.close()

    def check(
        self,
        source: Source,
        *,
        name: str | None = None,
        kind: str | None = None,
        deadline: float | None = None,
    ) -> Record:
        """Return the record of a file, of bytes, or of what a binary file still holds.

        Args:
            source: a path, bytes, or a file opened for reading bytes.
            name: `item.uri` of the record; None: the path as it stands, the file's own name, or
                `-` for bytes.
            kind: `image` or `text`; None: by content.
            deadline: seconds after which the record is wanted as far as it has come; what has not
                ended by then is `not_assessed` with code `engine.deadline`.

        Raises:
            ConfigError: the path is a folder or a file of posts, which `scan` takes.
        """
        return self._looks.submit(_item(source, name, _kind(kind)), deadline).result()

    def check_text(self, text: str, *, name: str = "-", deadline: float | None = None) -> Record:
        """Return the record of a text.

        Args:
            text: what to check; half surrogates are replaced.
            name: `item.uri` of the record.
            deadline: as for `check`.
        """
        return self._looks.submit(given.text(text, name), deadline).result()

    def check_post(
        self,
        *,
        text: str | None = None,
        media: Iterable[tuple[str, Source]] = (),
        name: str = "-",
        deadline: float | None = None,
    ) -> Record:
        """Return the record of a post: text and media, judged together.

        Args:
            text: of the post; None: it has none.
            media: (name, path or bytes or binary file) of each medium.
            name: `item.uri` of the record.
            deadline: as for `check`.

        Raises:
            ConfigError: the post has neither text nor media.
        """
        item = given.post(text, [_item(source, each, None) for each, source in media], name)
        return self._looks.submit(item, deadline).result()

    def scan(self, *roots: AnyPath) -> Iterator[Record]:
        """Yield the records of all files below these folders, sorted by path.

        Links, special files and the folders of `intake.paths.UNWANTED` are passed over; each post
        of a file of posts is an item.

        Args:
            roots: folders, or files.

        Raises:
            ConfigError: there is no such folder or file.
        """
        due = deque["Future[Record]"]()
        for item in paths.scanned(paths.Walk([*map(os.fsdecode, roots)])):
            due.append(self._looks.submit(item, None))
            if len(due) > AHEAD * self._jobs:
                yield due.popleft().result()
        while due:
            yield due.popleft().result()


def check(path: AnyPath, *, policy: str = "default", bank: str = "") -> Record:
    """Return the record of one file, checked in this process; `Checker` does more, and faster.

    Args:
        path: a file; one that cannot be read gets a record that says so.
        policy: name of a built-in policy, or a policy file.
        bank: folder of a bank of known fakes; "" for none.

    Raises:
        ConfigError: policy or bank cannot be used, or the path is a folder or a file of posts,
            which `scan` takes.

    Example:
        >>> check("fixtures/signed/laundered.jpg").verdict.origin.value
        'ai_generated'
    """
    with Checker(policy=policy, banks=(bank,) if bank else (), jobs=0) as checker:
        return checker.check(os.fsdecode(path))


def scan(*roots: AnyPath, policy: str = "default", bank: str = "") -> Iterator[Record]:
    """Yield the records of all files below these folders, sorted by path, checked in this process.

    Arguments and errors as for `check` and `Checker.scan`.
    """
    return Checker(policy=policy, banks=(bank,) if bank else (), jobs=0).scan(*roots)


def _item(source: Source, name: str | None, kind: Kind | None) -> Item:
    """Return the item of a path, of bytes, or of a binary file.

    Raises:
        ConfigError: a path that is a folder or a file of posts; a file that gives text.
    """
    if not isinstance(source, str | os.PathLike):
        return given.item(source, name, kind)
    item = files.item(paths.single(os.fspath(source)), follow=True, kind=kind)
    if name is not None:
        item.uri = files.uri(name)
    return item


def _kind(name: str | None) -> Kind | None:
    """Return a kind by its name.

    Raises:
        ConfigError: it is neither `image` nor `text`.
    """
    if name not in (None, "image", "text"):
        raise ConfigError(f"kind = {name!r}: use image or text, or leave it out")
    return None if name is None else Kind(name)
