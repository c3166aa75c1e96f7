"""Records for people and for other programs: one module a format, each a stream."""

from collections.abc import Callable, Iterable
from typing import TextIO

import msgspec

from detectors.spec import resolve
from provenance.engine.tally import could_not_check
from provenance.record import Record, Risk
from provenance.verdict import Policy

FORMATS = {
    "terminal": "provenance.render.terminal:write",
    "json": "provenance.render.json:write",
    "jsonl": "provenance.render.jsonl:write",
    "sarif": "provenance.render.sarif:write",
    "junit": "provenance.render.junit:write",
    "github": "provenance.render.github:write",
    "gitlab": "provenance.render.gitlab:write",
}


class RenderOptions(msgspec.Struct, frozen=True, kw_only=True):
    """How the user wants to see records, and what the stream cannot know of itself."""

    width: int = 80
    """Columns."""
    colour: bool = False
    unicode: bool = True
    """False: whoever reads takes ASCII only."""
    verbose: bool = False
    """Every fact."""
    quiet: bool = False
    """A line for an item at or above `fail_on`, and no count."""
    show: Risk = Risk.LOW
    """On a screen, the risk from which on an item is shown."""
    root: str = "."
    """The folder that locations are relative to."""
    unchecked: Callable[[Record], bool] = could_not_check
    """Tells whether an item could not be checked."""
    folder: bool = False
    """Many items: a line for each that asks for attention, and a count."""
    fail_on: Risk | None = Risk.HIGH
    """The risk from which on an item is flagged; None: never."""
    locale: str = "en"
    tables: tuple[str, ...] = ()
    """`package:file.toml` of plug-ins' sentences."""
    policy: Policy | None = None
    """The policy in force, whose prior the rate of wrong flags rests on; None: no rate is given."""
    closing: Callable[[], str] | None = None
    """Returns a folder's last line: why the exit code is what it is. Called at the end."""

    accepted: Callable[[Record], str | None] | None = None
    """Returns why people accepted what was found in an item, None where they did not; None: there
    is no baseline."""
    job_summary: str | None = None
    """Of `github`: the file that takes the summary of the job's step."""

    cut: Callable[[], str] = lambda: ""
    """Returns that a run was interrupted, and where; empty if it was not. Called at the end."""

    def acceptance(self, record: Record) -> str | None:
        """Return why people accepted what was found in an item, None where they did not."""
        return self.accepted(record) if self.accepted else None


Write = Callable[[Iterable[Record], TextIO, RenderOptions], None]


def renderer(name: str) -> Write:
    """Return the function that writes records in a format.

    Args:
        name: a key of `FORMATS`.
    """
    write: Write = resolve(FORMATS[name])
    return write
