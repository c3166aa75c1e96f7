"""The options that commands share, most of them those of `check`, `scan` and `explain`."""

from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

from detectors.errors import ConfigError
from provenance.cli import offer, settings
from provenance.cli.configuration import Configuration, load
from provenance.cli.settings import WORDS
from provenance.engine.config import RunConfig

F = TypeVar("F", bound=Callable[..., Any])


class Several(click.Option):
    """An option that may be repeated; its variable holds one value, or a JSON list of them."""

    def value_from_envvar(self, ctx: click.Context) -> list[str] | None:
        """Return the values of the variable, None where it is not set."""
        text = self.resolve_envvar_value(ctx)
        return None if text is None else settings.several(str(self.envvar), text)


def _listed(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> list[str]:
    """Split comma-separated names."""
    return [name.strip() for item in value for name in item.split(",") if name.strip()]


def _models(_ctx: click.Context, _param: click.Parameter, value: tuple[str, ...]) -> dict[str, str]:
    """Read DETECTOR=PATH."""
    pairs = [item.partition("=") for item in value]
    if wrong := next((name for name, sign, path in pairs if not sign or not path), None):
        raise click.BadParameter(f"{wrong!r}: write DETECTOR=PATH")
    return {name: path for name, _, path in pairs}


speaking = click.option(
    "--lang",
    envvar="PROVENANCE_LANG",
    metavar="LANG",
    shell_complete=offer.languages,
    help="Language of the sentences: en or de. [default: en]",
)
"""Adds the option of a command that prints sentences."""
_CHOOSE = (
    click.option(
        "--only",
        multiple=True,
        callback=_listed,
        metavar="DETECTOR,…",
        shell_complete=offer.detectors,
        envvar="PROVENANCE_ONLY",
        help="Run these detectors and no other.",
    ),
    click.option(
        "--without",
        multiple=True,
        callback=_listed,
        metavar="DETECTOR,…",
        shell_complete=offer.detectors,
        envvar="PROVENANCE_WITHOUT",
        help="Leave these detectors out.",
    ),
    click.option(
        "--bank",
        "banks",
        cls=Several,
        multiple=True,
        metavar="BANK",
        shell_complete=offer.files,
        envvar="PROVENANCE_BANK",
        help="Match pictures against this bank of known fakes; may be repeated.",
    ),
    click.option(
        "--policy",
        metavar="NAME|FILE",
        shell_complete=offer.policies,
        envvar="PROVENANCE_POLICY",
        help="default, profile-photos, newsroom, posts, or a TOML file.",
    ),
    click.option(
        "--fast/--no-fast",
        default=None,
        envvar="PROVENANCE_FAST",
        help="Take the quick path of detectors that have one.",
    ),
    click.option(
        "--fingerprints/--no-fingerprints",
        default=None,
        envvar="PROVENANCE_FINGERPRINTS",
        help="Compute the PDQ hash of every picture, whichever detectors look.",
    ),
    click.option(
        "--model",
        "models",
        cls=Several,
        multiple=True,
        callback=_models,
        metavar="DETECTOR=PATH",
        shell_complete=offer.models,
        envvar="PROVENANCE_MODEL",
        help="Let a detector use this model: a folder, an ONNX file or RULE:DIR,DIR.",
    ),
    click.option(
        "--device",
        type=click.Choice(WORDS["device"]),
        envvar="PROVENANCE_DEVICE",
        help="Where models run; cuda needs torch with a GPU. [default: cpu]",
    ),
    click.option(
        "--config",
        metavar="FILE",
        shell_complete=offer.files,
        envvar="PROVENANCE_CONFIG",
        help="Obey this configuration file, wherever it lies.",
    ),
    speaking,
)
FAIL_ON = click.option(
    "--fail-on",
    type=click.Choice(WORDS["fail_on"]),
    envvar="PROVENANCE_FAIL_ON",
    help="Exit with 1 if an item has this risk or a higher one. [default: high]",
)
JOBS = click.option(
    "--jobs",
    "-j",
    type=click.IntRange(min=1),
    envvar="PROVENANCE_JOBS",
    help="Worker processes. [default: one a core]",
)
_SHOW = (
    click.option(
        "--show",
        type=click.Choice(WORDS["show"]),
        envvar="PROVENANCE_SHOW",
        help="In a terminal, show items of this risk or a higher one, and those that could not be"
        " read. [default: low for check, review for scan]",
    ),
    FAIL_ON,
    click.option(
        "--baseline",
        metavar="FILE",
        envvar="PROVENANCE_BASELINE",
        type=click.Path(dir_okay=False),
        help="Do not count findings that people have accepted in this file: `provenance baseline`.",
    ),
    JOBS,
    click.option(
        "--color",
        type=click.Choice(WORDS["color"]),
        envvar="PROVENANCE_COLOR",
        help="[default: auto]",
    ),
    click.option(
        "--root",
        type=click.Path(exists=True, file_okay=False),
        metavar="DIR",
        help="Locations in SARIF, JUnit, github and gitlab are relative to this folder."
        " [default: the git checkout, else the working folder]",
    ),
    click.option(
        "-v",
        "--verbose",
        is_flag=True,
        help="Show every fact of the items shown, and name what is passed over.",
    ),
    click.option(
        "-q",
        "--quiet",
        is_flag=True,
        help="In a terminal only what --fail-on names, a line each with its first reason; no"
        " progress.",
    ),
)


def choosing(command: F) -> F:
    """Add the options that choose detectors, policy and language."""
    for option in reversed(_CHOOSE):
        command = option(command)
    return command


def showing(command: F) -> F:
    """Add the options that decide how it runs and what is shown."""
    for option in reversed(_SHOW):
        command = option(command)
    return command


def format_option(formats: tuple[str, ...]) -> Callable[[F], F]:
    """Return the option `--format` of a command that writes these."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(formats),
        envvar="PROVENANCE_FORMAT",
        help="How records are printed. [default: terminal]",
    )


def words_or_json(command: F) -> F:
    """Add the option `--format` of a command that prints no records."""
    return click.option(
        "--format",
        "form",
        type=click.Choice(["terminal", "json"]),
        default="terminal",
        show_default=True,
        help="Words, or JSON.",
    )(command)


def configuration(sources: Sequence[str], given: dict[str, Any]) -> Configuration:
    """Return the configuration in force, and say on stderr which file is not obeyed.

    Raises:
        ConfigError: a file cannot be used.
    """
    found = load(sources, given["config"])
    if found.ignored:
        from provenance.render.escape import escape

        click.echo(escape(f"provenance: {found.ignored}"), err=True)
    return found


def choice(found: Configuration, given: dict[str, Any]) -> RunConfig:
    """Return the choice that the options and the configuration make.

    Raises:
        ConfigError: a detector, policy, bank or model cannot be used.
    """
    from datetime import UTC, datetime

    from detectors.catalog import catalog
    from provenance.engine.config import configure

    configured, specs = found.settings, catalog()
    _known(found, [spec.name for spec in specs])
    return configure(
        specs,
        policy=given["policy"] or configured.policy,
        today=datetime.now(UTC).date().isoformat(),
        only=given["only"] or configured.only,
        without=given["without"] or configured.without,
        banks=tuple(given["banks"] or configured.bank),
        models=given["models"] or configured.model,
        device=given["device"] or configured.device,
        fast=_either(given["fast"], configured.fast),
        fingerprints=_either(given["fingerprints"], configured.fingerprints),
        configured=configured.detectors,
    )


def _either(given: bool | None, configured: bool) -> bool:
    """Return a switch of the command line, the configured one where it was not used."""
    return configured if given is None else given


def _known(found: Configuration, known: list[str]) -> None:
    """Refuse detectors that a configuration names and that are not there.

    Raises:
        ConfigError: names file and line.
    """
    from provenance.engine.config import known_detector

    for key in ("only", "without", "model", "detectors"):
        for name in getattr(found.settings, key):
            try:
                known_detector(name, known)
            except ConfigError as error:
                raise ConfigError(f"{found.origin[key]}: {key}: {error}") from error


def language(found: Configuration, given: dict[str, Any]) -> str:
    """Return the language of the sentences.

    Raises:
        ConfigError: there are none in it.
    """
    from provenance.messages import languages

    return one_of("lang", given["lang"] or found.settings.lang, languages())


def one_of(name: str, value: str, allowed: Sequence[str]) -> str:
    """Return a configured value if it is one of those allowed.

    Raises:
        ConfigError: it is not.
    """
    if value not in allowed:
        raise ConfigError(f"{name} = {value!r}: use one of {', '.join(allowed)}")
    return value
