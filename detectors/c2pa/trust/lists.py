"""What lists there are, and what those in use say."""

import hashlib
import tomllib
from collections.abc import Callable
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Final, Literal, TypeVar

import msgspec

from detectors.errors import ConfigError, DamagedError, Error
from detectors.spec import ListDigest

HOME: Final = Path(__file__).parent
STALE_AFTER: Final = 90
"""Days after which a list is said to be old: certificates are withdrawn between editions."""

MOST_BYTES: Final = 1 << 20
"""Largest index that is read; an ordinary one has 1 KB."""

T = TypeVar("T")
Use = Literal["signers", "timestamps", "end-entities", "distrusted"]


class Part(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One file of certificates and what it is good for."""

    use: Use
    """`signers`: CAs of signers; `timestamps`: CAs of time stamp authorities; `end-entities`:
    certificates of single signers; `distrusted`: CAs or signers that are not believed."""
    issued: date
    file: str
    """Beside the index."""
    source: str
    sha256: str
    """SHA-256 of the file's bytes, hex."""
    own: bool = False
    """The user's; else the package's."""


class TrustList(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A named list."""

    name: str
    enabled: bool
    part: list[Part]
    """At most one for each use."""

    @property
    def own(self) -> bool:
        """Whether any of it is the user's."""
        return any(part.own for part in self.part)

    @property
    def issued(self) -> date:
        """The date of its oldest part."""
        return min(part.issued for part in self.part)

    def age(self, today: date) -> int:
        """Days since it was issued."""
        return (today - self.issued).days

    @property
    def sha256(self) -> str:
        """Of its parts' uses and of their certificates' SHA-256, hex."""
        parts = sorted(f"{part.use} {part.sha256}" for part in self.part)
        return hashlib.sha256("\n".join(parts).encode()).hexdigest()

    def pem(self, folder: Path, *uses: Use) -> str:
        """Return the certificates for these uses, PEM.

        Args:
            folder: the user's folder, where own parts lie.
            uses: which parts.

        Raises:
            ConfigError: a file is missing or not the one that was imported.
        """
        parts = [(part, folder if part.own else HOME) for part in self.part if part.use in uses]
        return "\n".join(_read(self.name, home / part.file, part.sha256) for part, home in parts)


class Signers(msgspec.Struct, frozen=True, kw_only=True):
    """A list in use that can make a signer trusted."""

    name: str
    issued: date
    anchors: str
    """CA certificates, PEM."""
    end_entities: str
    """Certificates of single signers, PEM."""

    def told(self, today: date) -> dict[str, Any]:
        """Return its name, date and age in days, and until when it is not old, or that it is."""
        age, until = (today - self.issued).days, self.issued + timedelta(STALE_AFTER)
        fresh = {"fresh_until": until.isoformat()} if today <= until else {"stale": True}
        return {"name": self.name, "date": self.issued.isoformat(), "age_days": age} | fresh


class InUse(msgspec.Struct, frozen=True, kw_only=True):
    """What the verifiers are given."""

    signers: list[Signers]
    """In the order of their names."""
    time_stamps: str
    """CA certificates of time stamp authorities, PEM."""
    distrusted: str
    """Certificates of CAs and signers that are not believed, PEM."""
    lists: tuple[ListDigest, ...]
    """Every list in use, in the order of their names."""


class Index(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """An `index.toml`."""

    lists: list[TrustList] = msgspec.field(name="list", default_factory=list)
    enabled: dict[str, bool] = {}
    """The user's word on packaged lists."""


def user_folder() -> Path:
    """Return the folder of the user's lists; it need not exist."""
    from platformdirs import user_data_path

    return user_data_path("provenance") / "trust"


def known(folder: Path) -> list[TrustList]:
    """Return every list of the package and of this folder, by name.

    Where both have a list of one name, the user's parts stand instead of those of the same use.

    Raises:
        ConfigError: the user's index cannot be read.
    """
    index = user_index(folder)
    packaged = _index(HOME / "index.toml").lists
    lists = {row.name: switched(row, index.enabled.get(row.name, row.enabled)) for row in packaged}
    for row in index.lists:
        kept = lists[row.name].part if row.name in lists else []
        uses = {part.use for part in row.part}
        parts = row.part + [part for part in kept if part.use not in uses]
        lists[row.name] = msgspec.structs.replace(row, part=parts)
    return sorted(lists.values(), key=lambda row: row.name)


def switched(row: TrustList, enabled: bool) -> TrustList:
    """Return the list, enabled or disabled."""
    return msgspec.structs.replace(row, enabled=enabled)


def user_index(folder: Path) -> Index:
    """Return the user's index; an empty one where there is none."""
    path = folder / "index.toml"
    if not path.is_file():
        return Index()
    index = _index(path)
    for row in index.lists:
        row.part[:] = [msgspec.structs.replace(part, own=True) for part in row.part]
    return index


def in_use(names: list[str], folder: Path) -> InUse:
    """Return the certificates of the lists in use.

    Args:
        names: lists in use besides those enabled.
        folder: the user's lists.

    Raises:
        ConfigError: no list has that name, or a file cannot be used.
    """
    return steady(folder, lambda lists: _in_use(lists, names, folder))


def steady(folder: Path, read: Callable[[list[TrustList]], T]) -> T:
    """Return what is read of the lists; anew where somebody changed them in the meantime.

    Args:
        folder: the user's lists.
        read: is given the lists, and reads files that they name.

    Raises:
        ConfigError: a file cannot be used.
    """
    lists = known(folder)
    while True:
        try:
            return read(lists)
        except Error:
            before, lists = lists, known(folder)
            if lists == before:
                raise


def _in_use(lists: list[TrustList], names: list[str], folder: Path) -> InUse:
    if missing := sorted(set(names) - {row.name for row in lists}):
        there = ", ".join(row.name for row in lists)
        raise ConfigError(f"trust_lists: no list is named {missing[0]!r}; there are {there}")
    chosen = [row for row in lists if row.enabled or row.name in names]
    signers = [
        Signers(
            name=row.name,
            issued=row.issued,
            anchors=row.pem(folder, "signers"),
            end_entities=row.pem(folder, "end-entities"),
        )
        for row in chosen
    ]
    return InUse(
        signers=[row for row in signers if row.anchors or row.end_entities],
        time_stamps="\n".join(row.pem(folder, "timestamps") for row in chosen),
        distrusted="\n".join(row.pem(folder, "distrusted") for row in chosen).strip(),
        lists=tuple(ListDigest(row.name, row.sha256) for row in chosen),
    )


def _index(path: Path) -> Index:
    """Read an index."""
    try:
        with path.open("rb") as file:
            data = file.read(MOST_BYTES + 1)
        if len(data) > MOST_BYTES:
            raise DamagedError(f"{path}: more than {MOST_BYTES} bytes", "remove it to begin anew")
        raw: dict[str, Any] = tomllib.loads(data.decode("utf-8"))
        return msgspec.convert(raw, Index)
    except (OSError, ValueError, RecursionError, msgspec.ValidationError) as error:
        raise DamagedError(f"{path}: {error}", "remove the file to begin anew") from error


def _read(name: str, path: Path, sha256: str) -> str:
    """Read the certificates of a list and see that they are those that were imported."""
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DamagedError(f"trust list {name}: {error}", "import it again") from error
    if hashlib.sha256(data).hexdigest() != sha256:
        what = f"trust list {name}: {path} was changed after its import"
        raise DamagedError(what, "import it again")
    return data.decode("ascii", "replace")
