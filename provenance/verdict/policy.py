"""What the user decided: which evidence asks for which answer, read from a TOML file."""

import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Annotated, Any

import msgspec

from detectors.errors import ConfigError
from detectors.signal import FINDING_FROM, Claim, Outcome, Signal, Tier
from provenance import toml_file
from provenance.record import PolicyName, Risk
from provenance.toml_file import TomlFile
from provenance.verdict.evidence import (
    exact,
    false_discovery,
    false_match,
    ingredients_hold,
    state,
)

Share = Annotated[float, msgspec.Meta(gt=0, lt=1)]
Chance = Annotated[float, msgspec.Meta(ge=0, le=1)]
BUILT_IN = Path(__file__).with_name("policies")
STATES = ("trusted", "valid", "invalid", "distrusted")
"""States of a credential that are findings; the others carry no weight."""
CEILED = frozenset({Tier.STATISTICAL, Tier.METADATA, Tier.COORDINATION})
"""Tiers that never give `high`, however many agree (rule 5)."""


class Rule(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """One line of a policy: findings that answer every condition ask for at least this risk."""

    tier: Tier
    floor: Risk
    detector: list[str] = []
    """Any of these; empty: any at all. So with the lists below."""
    claim: list[Claim] = []
    state: list[str] = []
    """Of a credential; one that is expired but intact counts as `valid`."""
    code: list[str] = []
    """Reason codes."""
    ingredients_hold: bool | None = None
    """Whether every ingredient of the credential holds; None: either."""
    exact: bool | None = None
    """Whether a match is of the very bytes; None: either."""
    max_false_match: Chance | None = None
    """Highest chance of a false match, bank size included."""
    min_log10_lr: Annotated[float, msgspec.Meta(ge=FINDING_FROM)] | None = None
    """Lowest log10 likelihood ratio, of the sum over different sources too; below 0.3 a statistic
    is no finding."""
    max_q: Chance | None = None
    """Highest chance of a cluster as large and as dense (`expected_by_chance`)."""

    def __post_init__(self) -> None:
        """Refuse a row that would break a rule of the verdict.

        Raises:
            ValueError: msgspec turns it into a ValidationError with the path.
        """
        if self.floor is Risk.HIGH and self.tier in CEILED:
            raise ValueError(f"{self.tier.value} evidence never gives high (rule 5); use review")
        if self.floor is Risk.LOW and not self._only_trusted_captures():
            raise ValueError("low is for tier credential, claim captured, state trusted (rule 9)")
        if (self.tier is Tier.STATISTICAL) != (self.min_log10_lr is not None):
            raise ValueError(
                "min_log10_lr belongs to every statistical row, and to none else (rule 6)"
            )
        if self.tier is Tier.MATCH and not self.exact and self.max_false_match is None:
            raise ValueError("a match row needs exact = true or max_false_match (rule 14)")
        for word in set(self.state) - set(STATES):
            raise ValueError(f"state {word!r} asks for nothing (rule 7); use {', '.join(STATES)}")

    def _only_trusted_captures(self) -> bool:
        """Tell whether nothing but a trusted capture answers this row."""
        return (self.tier, self.claim, self.state) == (
            Tier.CREDENTIAL,
            [Claim.CAPTURED],
            ["trusted"],
        )

    def admits(self, signal: Signal) -> bool:
        """Tell whether a signal answers every condition but the likelihood ratio's."""
        return (
            signal.outcome is Outcome.FINDING
            and signal.tier is self.tier
            and (not self.detector or signal.detector in self.detector)
            and (not self.claim or signal.claim in self.claim)
            and (not self.state or state(signal) in self.state)
            and (not self.code or signal.reason.code in self.code)
            and (self.ingredients_hold in (None, ingredients_hold(signal)))
            and (self.exact in (None, exact(signal)))
            and _at_most(false_match(signal), self.max_false_match)
            and _at_most(false_discovery(signal), self.max_q)
        )


class Required(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Detectors without which a verdict is incomplete, by kind of item."""

    images: list[str]
    texts: list[str]


class PolicyFile(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """A policy file as written."""

    summary: str = ""
    """One line: for whom."""
    prior: Share
    """Stated share of AI among the items, before any evidence."""
    min_ppv: Share = 0.5
    """Share of right flags below which a statistic asks for nothing (rule 6)."""
    trust_lists: list[str] = []
    """Names of trust lists in use besides those that always are."""
    required: Required
    rows: list[Rule]


class Policy(PolicyFile, frozen=True, kw_only=True):
    """A policy file with the name and digest that go into every record."""

    name: str
    sha256: str
    """Of the file's bytes."""
    data: bytes
    """The file's bytes."""

    @property
    def stamp(self) -> PolicyName:
        """What the record says of it."""
        return PolicyName(name=self.name, sha256=self.sha256)


def names() -> list[str]:
    """Return the names of the built-in policies, sorted."""
    return sorted(path.stem for path in BUILT_IN.glob("*.toml"))


def load(name_or_path: str, known: Collection[str] = ()) -> Policy:
    """Load a built-in policy by name, or the user's from a file.

    Args:
        name_or_path: a built-in policy's name, else a file.
        known: names of the installed detectors, to refuse others; none: any name is taken.

    Raises:
        ConfigError: no such policy, or the file cannot be used; names file and line.
    """
    if name_or_path in names():
        return _checked(toml_file.load(BUILT_IN / f"{name_or_path}.toml"), name_or_path, ())
    path = Path(name_or_path)
    try:
        file = toml_file.load(path)
    except OSError as error:
        known_names = ", ".join(names())
        raise ConfigError(
            f"policy {name_or_path!r}: neither a built-in policy ({known_names}) nor a readable"
            f" file ({error.strerror})"
        ) from error
    return _checked(file, path.stem, known)


def parse(data: bytes, where: str, name: str) -> Policy:
    """Return the policy that the bytes of a file state.

    Args:
        data: of the file.
        where: what to call it in an error.
        name: of the policy.

    Raises:
        ConfigError: they state none; names the line.
    """
    return _checked(toml_file.parse(data, where), name, ())


def _checked(file: TomlFile, name: str, known: Collection[str]) -> Policy:
    """Return the policy that a file states."""
    try:
        terms = msgspec.convert(file.table, PolicyFile)
    except msgspec.ValidationError as error:
        file.refuse(error, _fields, _words)
    if known:
        _known_detectors(file, terms, known)
    own = {field: getattr(terms, field) for field in PolicyFile.__struct_fields__}
    return Policy(**own, name=name, sha256=hashlib.sha256(file.data).hexdigest(), data=file.data)


def _fields(path: str) -> list[str]:
    """Return the keys that may stand in the table at a path."""
    table: type[msgspec.Struct] = PolicyFile
    if path.startswith("$.rows"):
        table = Rule
    elif path.startswith("$.required"):
        table = Required
    return list(table.__struct_fields__)


def _words(path: str) -> list[str]:
    """Return the words that may stand at a path."""
    choices: Any = {"floor": Risk, "tier": Tier}.get(path.rpartition(".")[2], Claim)
    return [word.value for word in choices]


def _known_detectors(file: TomlFile, terms: PolicyFile, known: Collection[str]) -> None:
    """Refuse names of detectors that are not installed: a typo would silence its row."""
    said = [("$.required.images", name) for name in terms.required.images]
    said += [("$.required.texts", name) for name in terms.required.texts]
    for index, row in enumerate(terms.rows):
        said += [(f"$.rows[{index}].detector", name) for name in row.detector]
    for path, name in said:
        if name not in known:
            advice = toml_file.nearest(name, list(known))
            where = f"{file.where}:{file.line_of(path)}"
            raise ConfigError(f"{where}: unknown detector {name!r}; {advice}")


def _at_most(value: float | None, limit: float | None) -> bool:
    """Tell whether a value keeps a limit; what has no value keeps no limit."""
    return limit is None or (value is not None and value <= limit)
