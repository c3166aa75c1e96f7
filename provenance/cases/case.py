"""The document of a case, `provenance.case/1`, as it lies in `CASE/case.json`."""

from pathlib import Path
from typing import Any, Final

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from detectors.signal import Signal
from detectors.storing.atomic import write_json
from provenance.coordination.clusters import SharedObject, Undistinguished
from provenance.record import PolicyName, Record, Risk

SCHEMA: Final = "provenance.case/1"
NAME: Final = "case.json"


class CheckedPosts(msgspec.Struct, kw_only=True):
    """What became of an account's posts."""

    checked: int = 0
    risk: dict[str, int] = {}
    """Risk → posts."""
    worst: list[str] = []
    """Names of the records of those that ask for a look, the worst first."""


class BankMatch(msgspec.Struct, kw_only=True):
    """An entry of a bank that a picture of the account matches."""

    entry: str | None
    bank: str | None
    kind: str | None = msgspec.field(name="class")
    tlp: str | None
    """Whom the entry may be shown to; None: the bank no longer has it."""
    false_match_probability: float | None
    part: str
    """`avatar`, or the record of the post that shows the picture."""


class Account(msgspec.Struct, kw_only=True):
    """What is known of an account."""

    account_id: str
    platform: str | None
    handle: str | None = None
    name: str | None = None
    bio: str | None = None
    created_at: str | None = None
    followers: int | None = None
    risk: Risk
    sentence: str
    signals: list[Signal]
    """Those of the avatar, of the posts together, and of the network; `part` says which."""
    reasons: list[int]
    """Indexes of the signals that decided the risk, strongest first."""
    avatar: Record | None
    posts: CheckedPosts
    clusters: list[str]
    same_picture_as: list[str]
    """Accounts whose avatar is the same picture, saved again, cut or to the byte."""
    bank_matches: list[BankMatch]


class Share(msgspec.Struct, kw_only=True, frozen=True):
    """One post of a shared object."""

    post: str
    account: str
    time: str


class Shared(SharedObject, frozen=True, kw_only=True):
    """What members of a cluster posted, with who posted it when."""

    by: list[Share]


class Cluster(msgspec.Struct, frozen=True, kw_only=True):
    """A cluster as `coordination` tells it, with who posted what when."""

    id: str
    accounts: list[str]
    kinds: list[str]
    first: str
    last: str
    edges: int
    min_objects_per_edge: int
    objects: list[Shared]
    addresses: list[Shared]
    """Web addresses that several members posted, whether they are evidence or too popular for
    that."""
    expected_by_chance: float
    null: list[str]
    does_not_prove: str


class Hour(msgspec.Struct, kw_only=True):
    """What was posted in an hour."""

    hour: str
    """When it begins, RFC 3339."""
    posts: int
    by_cluster: dict[str, int]
    """Cluster → posts of its members."""


class Gap(msgspec.Struct, kw_only=True, frozen=True):
    """What was not looked at, and why."""

    what: str
    reason: str
    count: int | None = None


class Case(msgspec.Struct, kw_only=True):
    """What is known of some accounts."""

    schema: str = SCHEMA
    id: str
    """Digest of the name and of all account ids: the same case has the same id."""
    name: str
    tool: dict[str, str]
    policy: PolicyName
    accounts: list[Account]
    """The highest risk first, then by id."""
    clusters: list[Cluster]
    not_distinguishable: list[Undistinguished]
    timeline: list[Hour]
    not_assessed: list[Gap]
    counts: dict[str, Any]
    method: dict[str, Any]
    """Parameters of the search for clusters."""
    does_not_prove: str


def load(folder: Path) -> Case:
    """Read the case in a folder.

    Raises:
        ConfigError: there is none, or it cannot be used.
    """
    path = folder / NAME
    try:
        case = msgspec.json.decode(path.read_bytes(), type=Case)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}; `provenance case build` makes one") from error
    except MALFORMED as error:
        raise ConfigError(f"{path}: is of no case: {error}") from error
    if case.schema != SCHEMA:
        raise ConfigError(f"{path}: is of format {case.schema!r}, not {SCHEMA!r}")
    return case


def save(case: Case, folder: Path) -> None:
    """Write a case into a folder, which is there.

    Raises:
        UnavailableError: it cannot be written.
    """
    write_json(folder / NAME, case)
