"""The log as readers see it: its lines, one after the other, and the policies that judged."""

from collections.abc import Iterator
from functools import cache
from typing import NamedTuple

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError, DamagedError
from provenance.audit.entry import DECODER, Appeal, Entry
from provenance.audit.folder import HASH, LogFolder, digest, read
from provenance.record import Record
from provenance.verdict import Policy, parse


class Decision(NamedTuple):
    """A line that holds a decision."""

    entry: Entry
    record: Record


class Reader:
    """Reads a log; an unfinished last line is passed over.

    It does not verify: what it reads may have been altered.
    """

    def __init__(self, folder: LogFolder) -> None:
        """Take a log."""
        self.folder = folder
        self.policy = cache(self._policy)

    def lines(self) -> Iterator[tuple[int, bytes]]:
        """Yield the number of each line that is there, and the line.

        Raises:
            UnavailableError: the log cannot be read.
        """
        n = 0
        for segment in self.folder.segments():
            if segment.forgotten:
                n += segment.size // HASH
                continue
            for line in read(segment):
                if line.whole:
                    yield n, line.data
                    n += 1

    def entries(self) -> Iterator[Entry]:
        """Yield what each line says.

        Raises:
            DamagedError: a line is none.
            UnavailableError: the log cannot be read.
        """
        for n, line in self.lines():
            yield self._entry(n, line)

    def decisions(self) -> Iterator[Decision]:
        """Yield the decisions; errors as for `entries`."""
        for entry in self.entries():
            if (record := entry.record) is not None:
                yield Decision(entry, record)

    def decision(self, n: int) -> tuple[bytes, Decision]:
        """Return a decision by its number, and its line.

        Raises:
            ConfigError: there is none of this number.
            DamagedError: it is no line of a log.
        """
        for at, line in self.lines():
            if at == n:
                entry = self._entry(n, line)
                if (record := entry.record) is not None:
                    return line, Decision(entry, record)
                raise ConfigError(f"line {n} of {self.folder.path} is no decision")
        raise ConfigError(f"{self.folder.path}: there is no line {n}, or it was dropped")

    def appeals(self) -> dict[int, list[tuple[Entry, Appeal]]]:
        """Return the appeals against each decision, in their order; errors as for `entries`."""
        found = dict[int, list[tuple[Entry, Appeal]]]()
        for entry in self.entries():
            if isinstance(entry.appeal, Appeal):
                found.setdefault(entry.appeal.line, []).append((entry, entry.appeal))
        return found

    def _policy(self, sha256: str, name: str) -> Policy:
        """Return the policy of a digest, from its text in the log.

        Raises:
            ConfigError: its text is missing, altered, or states no policy.
        """
        path = self.folder.policy(sha256)
        try:
            data = path.read_bytes()
        except OSError as error:
            raise ConfigError(f"{path}: the text of policy {name}: {error.strerror}") from error
        if digest(data) != sha256:
            raise DamagedError(f"{path}: was altered", "`provenance audit verify` says more")
        return parse(data, str(path), name)

    def _entry(self, n: int, line: bytes) -> Entry:
        try:
            return DECODER.decode(line)
        except MALFORMED as error:
            where = f"{self.folder.path}: line {n}"
            raise DamagedError(
                f"{where}: {error}", "`provenance audit verify` says more"
            ) from error
