"""GitHub Actions: annotations on standard output, and a summary of the step in Markdown.

Form and limits are those of "Workflow commands for GitHub Actions": a step shows ten annotations of
a kind, and a summary holds 1 MiB. What is over that is cut from the lowest risk, and said.
"""

import os
from collections import Counter
from collections.abc import Callable, Iterable
from typing import Final, TextIO

from detectors.errors import UnavailableError
from provenance.intake.files import named
from provenance.intake.location import Location, Root
from provenance.record import Record, Risk
from provenance.render import RenderOptions
from provenance.render.markdown import code, plain
from provenance.render.words import Words

KINDS: Final = {Risk.HIGH: "error", Risk.REVIEW: "warning"}
UNCHECKED: Final = "notice"
"""The annotation of an item that could not be checked."""
ORDER: Final = ("error", "warning", "notice")
MOST: Final = 10
"""Annotations of a kind that a step shows."""
MOST_BYTES: Final = 2**20
"""Of a step's summary."""
TAIL: Final = 2**11
"""Bytes that its last lines may need."""
DATA: Final = {"%": "%25", "\r": "%0D", "\n": "%0A"}
"""Escapes of a message."""
PROPERTY: Final = DATA | {":": "%3A", ",": "%2C"}
"""Escapes of a property."""


def write(records: Iterable[Record], out: TextIO, look: RenderOptions) -> None:
    """Write an annotation an item while there is room, then a line that counts, then the summary.

    What a baseline accepts has no annotation. Names and sentences are escaped as for a terminal, so
    none of them begins a line or a command.
    """
    step = _Step(look)
    for record in records:
        if annotation := step.add(record):
            out.write(f"{annotation}\n")
            out.flush()
    if cut := look.cut():
        out.write(f"{_command('error', {}, step.words.shown(cut))}\n")
    out.writelines(f"{line}\n" for line in step.closing())
    if look.job_summary:
        _append(look.job_summary, step.summary)


class _Step:
    """Turns records into annotations and lines of the summary, and counts them."""

    def __init__(self, look: RenderOptions) -> None:
        self.words = Words(look)
        self._look, self._root = look, Root(look.root)
        self._risks: Counter[str] = Counter()
        self._kinds: Counter[str] = Counter()
        self._lines: dict[str, list[str]] = {kind: [] for kind in ORDER}
        self._bytes: Counter[str] = Counter()

    def add(self, record: Record) -> str:
        """Count a record; return its annotation, empty where it has none."""
        self._risks[record.verdict.risk] += 1
        kind = self._kind(record)
        if self._look.acceptance(record) is not None:
            kind = UNCHECKED if self._look.unchecked(record) else None
        if kind is None:
            return ""
        missed = self.words.missed(record)
        said = missed if kind == UNCHECKED else self.words.whole(record)
        place = self._root.locate(record)
        self._keep(kind, place, said)
        self._kinds[kind] += 1
        if self._kinds[kind] > MOST:
            return ""
        file = self.words.shown(named(place.path))
        where = {"file": file, "line": str(place.line)} if place.inside else {}
        who = "" if place.inside and not place.post else f"{self.words.shown(place.name)}: "
        risk = self.words.word(f"risk.{record.verdict.risk.value}")
        title = self.words.word("github.title.notice") if kind == UNCHECKED else risk
        return _command(kind, {**where, "title": f"provenance: {title}"}, f"{who}{said}")

    def _kind(self, record: Record) -> str | None:
        asks = KINDS.get(record.verdict.risk)
        return asks or (UNCHECKED if self._look.unchecked(record) else None)

    def _keep(self, kind: str, place: Location, said: str) -> None:
        """Keep a line of the summary while such lines alone do not fill it."""
        line = f"- {code(self.words.shown(place.name))}: {plain(said)}\n"
        self._bytes[kind] += len(line.encode())
        if self._bytes[kind] <= MOST_BYTES:
            self._lines[kind].append(line)

    def closing(self) -> list[str]:
        """Return the lines that count: risks, what has no annotation, the exit."""
        counts = {risk.value: self._risks[risk] for risk in Risk}
        lines = [f"{self.words.word('screen.count', total=self._risks.total(), **counts)}."]
        for kind in ORDER:
            if self._kinds[kind] > MOST:
                over = {"left": self._kinds[kind] - MOST, "count": self._kinds[kind], "most": MOST}
                lines.append(self.words.word(f"github.left_out.{kind}", **over))
        if self._look.closing is not None:
            lines.append(self.words.shown(self._look.closing()))
        return lines

    def summary(self, room: int) -> str:
        """Return the summary in Markdown, the highest risk first.

        Args:
            room: bytes that it may have; what is over is counted.
        """
        head = ["\n## provenance\n\n", *(f"{plain(line)}\n\n" for line in self.closing())]
        room -= TAIL + sum(len(line.encode()) for line in head)
        shown = list[str]()
        for kind in filter(self._kinds.get, ORDER):
            shown.append(f"\n### {self.words.word(f'github.title.{kind}')}\n\n")
            for line in self._lines[kind]:
                room -= len(line.encode())
                if room >= 0:
                    shown.append(line)
                    self._kinds[kind] -= 1
        if left := self._kinds.total():
            shown.append(f"\n{plain(self.words.word('github.summary_cut', count=left))}\n")
        return "".join([*head, *shown])


def _append(file: str, summary: Callable[[int], str]) -> None:
    """Append a summary to what the step has said before, within GitHub's limit.

    Raises:
        UnavailableError: it cannot be written.
    """
    try:
        with open(file, "a", encoding="utf-8") as out:  # noqa: PTH123 - the name is the runner's
            out.write(summary(MOST_BYTES - os.fstat(out.fileno()).st_size))
    except OSError as error:
        raise UnavailableError(
            f"the summary of the step cannot be written: {error}",
            "see what GITHUB_STEP_SUMMARY names",
        ) from error


def _command(name: str, properties: dict[str, str], message: str) -> str:
    """Return a workflow command."""
    told = ",".join(f"{key}={_escaped(value, PROPERTY)}" for key, value in properties.items())
    return f"::{name}{' ' * bool(told)}{told}::{_escaped(message, DATA)}"


def _escaped(text: str, escapes: dict[str, str]) -> str:
    return "".join(escapes.get(char, char) for char in text)
