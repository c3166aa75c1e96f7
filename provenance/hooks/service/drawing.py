"""The match of a record drawn for the page, in an interpreter of its own.

This process has threads and may not fork, and the picture is a stranger's: so a fresh interpreter
is started for each drawing, and decodes it in a process of its own, with limits.
"""

import pickle
import subprocess
import sys
from contextlib import suppress
from pathlib import Path
from typing import Final, NamedTuple

from detectors.errors import ConfigError
from detectors.signal import MatchFacts, Tier, facts_of
from provenance.intake import bytes as given
from provenance.record import Record
from provenance.render import RenderOptions
from provenance.render.words import Words

SECONDS: Final = 60.0
COMMAND: Final = (
    "import sys; sys.path[:] = sys.argv[1:]; "
    "from provenance.hooks.service.drawing import answer; answer()"
)


class _Asked(NamedTuple):
    """What is drawn."""

    data: bytes
    record: Record
    banks: list[str]
    locale: str
    tables: tuple[str, ...]


def drawn(
    data: bytes, record: Record, banks: list[str], look: RenderOptions
) -> tuple[str, bytes] | None:
    """Return the entry of the first match of a record, and its drawing, WebP; None without one.

    Args:
        data: of the file.
        record: of it.
        banks: that were searched.
        look: language of what stands beside the pictures.
    """
    matched = (facts_of(one, MatchFacts).entry for one in record.signals if one.tier is Tier.MATCH)
    if not any(matched):
        return None
    asked = pickle.dumps(_Asked(data, record, banks, look.locale, look.tables))
    path = [entry or str(Path.cwd()) for entry in sys.path]
    with suppress(subprocess.SubprocessError, OSError):
        done = subprocess.run(  # noqa: S603 - this interpreter, and words of ours
            [sys.executable, "-P", "-c", COMMAND, *path],
            input=asked, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
            timeout=SECONDS, check=True,
        )  # fmt: skip
        found: tuple[str, bytes] | None = pickle.loads(done.stdout)  # noqa: S301 - what `answer` wrote
        return found
    return None


def answer() -> None:
    """Draw what stands on standard input: the life of the interpreter."""
    from provenance.engine.isolated import isolated

    asked: _Asked = pickle.load(sys.stdin.buffer)  # noqa: S301 - what `drawn` wrote
    found = None
    with suppress(ConfigError):
        found = isolated(asked.record.item.uri, _drawing, asked)
    pickle.dump(found, sys.stdout.buffer)


def _drawing(asked: _Asked) -> tuple[str, bytes] | None:
    from provenance.render.drawing import drawing

    words = Words(RenderOptions(locale=asked.locale, tables=asked.tables))
    return drawing(given.item(asked.data, "-"), asked.record, asked.banks, words, "WEBP")
