"""Everything that decides a record: detectors, their options, a policy, a day."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from detectors.errors import ConfigError
from detectors.spec import Spec
from provenance import toml_file
from provenance.verdict import Policy, load


class RunConfig(msgspec.Struct, frozen=True, kw_only=True):
    """What the user chose: which detectors look, with which options, and who judges."""

    specs: tuple[Spec, ...]
    options: Mapping[str, Mapping[str, Any]]
    """Detector → its options."""
    policy: Policy
    today: str
    """UTC day of the run, YYYY-MM-DD."""
    fingerprints: bool = False
    """Whether every picture gets its fingerprints, whichever detectors look."""

    @property
    def banks(self) -> list[str]:
        """The banks of all detectors that take some, as the user named them."""
        taking = [self.options.get(s.name, {}) for s in self.specs if "banks" in s.takes]
        return list(dict.fromkeys(bank for taken in taking for bank in taken.get("banks", ())))


def configure(
    specs: Sequence[Spec],
    *,
    policy: str = "default",
    today: str,
    only: Iterable[str] = (),
    without: Iterable[str] = (),
    banks: Sequence[str] = (),
    models: Mapping[str, str] | None = None,
    device: str = "cpu",
    fast: bool = False,
    fingerprints: bool = False,
    configured: Mapping[str, Mapping[str, Any]] | None = None,
) -> RunConfig:
    """Return the configuration of a run.

    Args:
        specs: the catalog.
        policy: name of a built-in policy, or a policy file.
        today: UTC day, YYYY-MM-DD.
        only: detectors to keep; none: all.
        without: detectors to leave out.
        banks: folders of banks.
        models: detector → model path.
        device: `cpu` or `cuda`.
        fast: prefer the quick path of detectors that have one.
        fingerprints: compute those of every picture, whichever detectors look.
        configured: detector → options from the user's configuration.

    Raises:
        ConfigError: an unknown detector or policy.
    """
    known = [spec.name for spec in specs]
    for name in (*only, *without, *(models or {}), *(configured or {})):
        known_detector(name, known)
    judged = load(policy, known)
    kept = set(only) or set(known)
    offered: dict[str, Any] = {
        "device": "" if device == "cpu" else device,
        "banks": list(banks),
        "today": today,
        "trust_lists": list(judged.trust_lists),
        "fast": fast,
    }
    said = [(name, {"model": path}) for name, path in (models or {}).items()]
    said += [(s.name, {what: offered[what] for what in s.takes if offered[what]}) for s in specs]
    return RunConfig(
        specs=tuple(s for s in specs if s.name in kept and s.name not in set(without)),
        options=_merged(configured or {}, said),
        policy=judged,
        today=today,
        fingerprints=fingerprints,
    )


def _merged(
    configured: Mapping[str, Mapping[str, Any]], said: Iterable[tuple[str, dict[str, Any]]]
) -> dict[str, dict[str, Any]]:
    """Return the options of each detector: what was said on the command line wins."""
    options = {name: dict(given) for name, given in configured.items()}
    for name, more in said:
        if more:
            options.setdefault(name, {}).update(more)
    return options


def known_detector(name: str, known: Sequence[str]) -> None:
    """Do nothing for a name of the catalog.

    Raises:
        ConfigError: the name is not in the catalog.
    """
    if name not in known:
        raise ConfigError(f"unknown detector {name!r}: {toml_file.nearest(name, known)}")
