"""The options that `check`, `scan` and `explain` share."""

from collections.abc import Callable
from typing import Any, TypeVar

import click

from detectors.errors import ConfigError
from provenance.cli import settings
from provenance.engine.check import Choice

F = TypeVar("F", bound=Callable[..., Any])
FAIL_ON = ("high", "review", "inconclusive", "never")
COLORS = ("auto", "always", "never")


def _listed(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> list[str]:
    """Split comma-separated names."""
    return [name.strip() for item in value for name in item.split(",") if name.strip()]


def _models(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """Read DETECTOR=PATH."""
    pairs = [item.partition("=") for item in value]
    if wrong := next((name for name, sign, path in pairs if not sign or not path), None):
        raise click.BadParameter(f"{wrong!r}: write DETECTOR=PATH")
    return {name: path for name, _, path in pairs}


_CHOOSE = (
    click.option(
        "--only",
        multiple=True,
        callback=_listed,
        metavar="DETECTOR,…",
        envvar="PROVENANCE_ONLY",
        help="Run these detectors and no other.",
    ),
    click.option(
        "--without",
        multiple=True,
        callback=_listed,
        metavar="DETECTOR,…",
        envvar="PROVENANCE_WITHOUT",
        help="Leave these detectors out.",
    ),
    click.option(
        "--bank",
        "banks",
        multiple=True,
        metavar="BANK",
        envvar="PROVENANCE_BANK",
        help="Match pictures against this bank of known fakes; may be repeated.",
    ),
    click.option(
        "--policy",
        metavar="NAME|FILE",
        envvar="PROVENANCE_POLICY",
        help="default, profile-photos, newsroom, posts, or a TOML file.",
    ),
    click.option("--fast", is_flag=True, help="Take the quick path of detectors that have one."),
    click.option(
        "--model",
        "models",
        multiple=True,
        callback=_models,
        metavar="DETECTOR=PATH",
        help="Let a detector use this model: a folder, an ONNX file or RULE:DIR,DIR.",
    ),
    click.option(
        "--device",
        type=click.Choice(["cpu", "cuda"]),
        default="cpu",
        show_default=True,
        help="Where models run; cuda needs torch with a GPU.",
    ),
)
_SHOW = (
    click.option(
        "--fail-on",
        type=click.Choice(FAIL_ON),
        envvar="PROVENANCE_FAIL_ON",
        help="Exit with 1 if an item has this risk or a higher one. [default: high]",
    ),
    click.option(
        "--jobs",
        "-j",
        type=click.IntRange(min=1),
        envvar="PROVENANCE_JOBS",
        help="Worker processes. [default: one a core]",
    ),
    click.option(
        "--color", type=click.Choice(COLORS), envvar="PROVENANCE_COLOR", help="[default: auto]"
    ),
    click.option(
        "--lang",
        envvar="PROVENANCE_LANG",
        metavar="LANG",
        help="Language of the sentences. [default: en]",
    ),
    click.option("-v", "--verbose", is_flag=True, help="Show every fact."),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        help="No progress; in a terminal only items at or above --fail-on.",
    ),
)


def choosing(command: F) -> F:
    """Add the options that choose detectors and policy."""
    for option in reversed(_CHOOSE):
        command = option(command)
    return command


def showing(command: F) -> F:
    """Add the options that decide how it runs and what is shown."""
    for option in reversed(_SHOW):
        command = option(command)
    return command


def choice(found: settings.Found, given: dict[str, Any]) -> Choice:
    """Give the choice that the options and the configuration make.

    Raises:
        ConfigError: a detector, policy, bank or model cannot be used.
    """
    from datetime import UTC, datetime

    from detectors.catalog import catalog
    from provenance.engine.choose import choose

    configured = found.settings
    return choose(
        catalog(),
        policy=given["policy"] or configured.policy,
        today=datetime.now(UTC).date().isoformat(),
        only=given["only"] or configured.only,
        without=given["without"] or configured.without,
        banks=tuple(given["banks"] or configured.bank),
        models=given["models"],
        device=given["device"],
        fast=given["fast"],
        configured=configured.detectors,
    )


def one_of(name: str, value: str, allowed: tuple[str, ...]) -> str:
    """Give a configured value back if it is one of those allowed.

    Raises:
        ConfigError: it is not.
    """
    if value not in allowed:
        raise ConfigError(f"{name} = {value!r}: use one of {', '.join(allowed)}")
    return value
