"""`provenance doctor`: is this installation whole?"""

import shutil
import sys
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path

import click

import detectors
import provenance
from detectors.errors import ConfigError

DISTRIBUTION = "provenance-check"
LIBRARIES = (
    "c2pa-python",
    "encypher-c2pa",
    "pillow",
    "pillow-heif",
    "numpy",
    "torch",
    "safetensors",
    "click",
    "rich",
    "msgspec",
    "cryptography",
)
OK, WARN, BAD = "ok", "note", "BAD"
Finding = tuple[str, str, str]


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """See whether this installation is whole; exit 3 if it is not."""
    from provenance.render.escape import escape

    worst = 0
    for state, what, said in _findings():
        worst = max(worst, 3 if state == BAD else 0)
        click.echo(escape(f"{state:<5} {what:<16} {said}"))
    ctx.exit(worst)


def _findings() -> Iterator[Finding]:
    """Give (state, what, what was seen), one line each."""
    yield OK, "version", f"provenance {provenance.__version__}, Python {sys.version.split()[0]}"
    yield from _packages()
    yield _command()
    yield from _libraries()
    yield from _detectors()
    yield from _configuration()


def _packages() -> Iterator[Finding]:
    """Two other distributions carry our package names; pip overwrites without a word."""
    owners = metadata.packages_distributions()
    for package in (provenance, detectors):
        name = package.__name__
        claimed = sorted(set(owners.get(name, [])))
        where = str(Path(package.__file__ or "").parent)
        if claimed == [DISTRIBUTION] or (not claimed and _editable()):
            yield OK, f"package {name}", where
        else:
            others = ", ".join(claimed) or "no installed distribution"
            yield (
                BAD,
                f"package {name}",
                f"{where} belongs to {others}, not to {DISTRIBUTION} alone",
            )


def _editable() -> bool:
    """Tell whether this is a developer's installation, which owns no files of the packages."""
    try:
        origin = metadata.distribution(DISTRIBUTION).read_text("direct_url.json") or ""
    except metadata.PackageNotFoundError:
        return False
    return '"editable": true' in origin


def _command() -> Finding:
    """Say which file a shell would run."""
    found = shutil.which("provenance")
    if found is None:
        return WARN, "command", "`provenance` is not on PATH; use `python -m provenance`"
    own = Path(sys.executable).parent / "provenance"
    if own.exists() and not Path(found).samefile(own):
        return WARN, "command", f"{found} runs, but this Python's own is {own}"
    return OK, "command", found


def _libraries() -> Iterator[Finding]:
    for name in LIBRARIES:
        try:
            yield OK, name, metadata.version(name)
        except metadata.PackageNotFoundError:
            yield BAD, name, "not installed: run `pip install provenance-check` again"


def _detectors() -> Iterator[Finding]:
    """Build every detector, plug-ins included, with the options of the configuration."""
    from detectors.catalog import catalog
    from provenance.cli import settings

    try:
        options = settings.load().settings.detectors
    except ConfigError:
        options = {}  # told in a line of its own
    for spec in catalog():
        try:
            yield OK, spec.name, spec.load(options.get(spec.name, {})).version
        except Exception as error:  # noqa: BLE001 - a plug-in may raise anything at import
            yield BAD, spec.name, f"{type(error).__name__}: {error}"


def _configuration() -> Iterator[Finding]:
    from provenance.cli import settings

    try:
        found = settings.load()
    except ConfigError as error:
        yield BAD, "configuration", str(error)
        return
    yield OK, "configuration", ", ".join(found.files) or "no file, defaults hold"
