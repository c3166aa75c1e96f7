"""`provenance doctor`: is this installation whole?"""

import re
import shutil
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from functools import partial
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import click

import detectors
import provenance
from detectors.errors import Error

if TYPE_CHECKING:
    from provenance.cli.configuration import Configuration
    from provenance.engine.config import RunConfig

DISTRIBUTION: Final = "provenance-check"
OK, NOTE, BAD = "ok", "note", "BAD"
ADDS: Final = {
    "cluster": "scan on a Ray cluster",
    "documents": "texts of PDF, Word and web pages",
    "feeds": "signed feeds: provenance feed",
    "networks": "exports of platforms that are JSON documents or packed by Zstandard",
    "postgres": "banks on a PostgreSQL server",
    "queue": "work on Redis, RabbitMQ, NATS and Kafka",
    "remote": "scan of buckets (s3://)",
    "serve": "the service that answers by HTTP: provenance serve",
    "tables": "reports in Parquet",
    "timm": "picture detectors of others, as timm folders",
    "train": "training on a GPU, --device cuda, watermarks of texts made on a GPU",
    "transformers": "models of others, as transformers folders",
    "watermarks": "watermarks in texts whose key you hold",
}
"""Extra → what it adds."""
_REQUIRED: Final = re.compile(r"([A-Za-z0-9._-]+)(?:\[[^\]]*\])?([^;]*)(?:;(.*))?")
_EXTRA: Final = re.compile(r"extra\s*==\s*['\"]([^'\"]+)['\"]")
OLD: Final = (
    "new signers and withdrawn ones may be missing. Fetch the current list of its publisher"
    " (https://github.com/c2pa-org/conformance-public for c2pa) and import it:"
    " `provenance trust import FILE --name {} --issued DATE --use signers`"
)
"""What to do about a trust list."""
Finding = tuple[str, str, str]


class Required(NamedTuple):
    """A library that the distribution's metadata name."""

    name: str
    wanted: str
    """`>=1.20,<1.29`; empty for any version."""
    extra: str
    """That it belongs to; empty for what is always needed."""


@click.command()
@click.pass_context
def doctor(ctx: click.Context) -> None:
    """See whether this installation is whole; exit 3 if it is not.

    Looks at every library, tries every detector on a small item, opens the banks and models that
    are configured, and says which trust lists are old.
    """
    from provenance.cli.secrets import without_secrets
    from provenance.render.escape import escape

    worst = 0
    for state, what, said in _findings():
        worst = max(worst, 3 if state == BAD else 0)
        line = " ".join(without_secrets(said).split())
        click.echo(escape(f"{state:<5} {what:<16} {line}"))
    ctx.exit(worst)


def _findings() -> Iterator[Finding]:
    """Yield (state, what, what was seen), one line each."""
    yield OK, "version", f"provenance {provenance.__version__}, Python {sys.version.split()[0]}"
    yield from _packages()
    yield _command()
    yield from _libraries()
    yield from _extras()
    yield from _in_use()
    yield from _lists()


def _packages() -> Iterator[Finding]:
    """Yield whose our two packages are: two other distributions carry their names."""
    owners = metadata.packages_distributions()  # pip overwrites without a word
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
        return NOTE, "command", "`provenance` is not on PATH; use `python -m provenance`"
    own = Path(sys.executable).parent / "provenance"
    if own.exists() and not Path(found).samefile(own):
        return NOTE, "command", f"{found} runs, but this Python's own is {own}"
    return OK, "command", found


def required() -> list[Required]:
    """Return what the distribution's metadata ask for; empty where it is not installed."""
    try:
        lines = metadata.requires(DISTRIBUTION) or []
    except metadata.PackageNotFoundError:
        return []
    found = []
    for line in lines:
        parts = _REQUIRED.match(line)
        if parts:
            extra = _EXTRA.search(parts[3] or "")
            found.append(Required(parts[1], parts[2].strip(" ()"), extra[1] if extra else ""))
    return found


def _libraries() -> Iterator[Finding]:
    """Yield every library that is always needed, in the version that is there."""
    needed = [each for each in required() if not each.extra]
    if not needed:
        yield BAD, "libraries", f"{DISTRIBUTION} is not installed, so what it needs is not known"
    for each in sorted(needed):
        there = _version(each.name)
        again = f"run `pip install '{each.name}{each.wanted}'`"
        if there is None:
            yield BAD, each.name, f"not installed: {again}"
        elif not fits(there, each.wanted):
            yield BAD, each.name, f"{there} is installed, {each.wanted} is needed: {again}"
        else:
            yield OK, each.name, f"{there} ({each.wanted or 'any version'})"


def _extras() -> Iterator[Finding]:
    """Yield every extra: what it adds, and whether it is there."""
    for extra, adds in ADDS.items():
        parts = [each for each in required() if each.extra == extra]
        missing = [each.name for each in parts if _version(each.name) is None]
        wrong = [
            f"{each.name} {there}, {each.wanted} is needed"
            for each in parts
            if (there := _version(each.name)) and not fits(there, each.wanted)
        ]
        what, install = f"extra {extra}", f"pip install '{DISTRIBUTION}[{extra}]'"
        if missing:
            yield NOTE, what, f"not installed: {adds} ({install}; missing: {', '.join(missing)})"
        elif wrong:
            yield BAD, what, f"{'; '.join(wrong)}: {install}"
        elif parts:
            yield OK, what, adds


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def fits(version: str, wanted: str) -> bool:
    """Tell whether a version lies in a range of `>=` and `<`, by its numbers."""
    for part in filter(None, (part.strip() for part in wanted.split(","))):
        bound = _numbers(part.lstrip("<>=!~ "))
        have = _numbers(version)
        if (part.startswith(">=") and have < bound) or (part.startswith("<") and have >= bound):
            return False
    return True


def _numbers(version: str) -> tuple[int, ...]:
    """Return the numbers of a version, without zeros at its end; `2.9.0+cpu` is `2.9`."""
    numbers = [int(number) for number in re.findall(r"\d+", re.split(r"[+a-z]", version)[0])]
    while numbers and not numbers[-1]:
        numbers.pop()
    return tuple(numbers)


def _in_use() -> Iterator[Finding]:
    """Yield configuration, banks and detectors, as `check` would use them."""
    from provenance.cli.configuration import load

    try:
        found = load(["."])
    except Error as error:
        yield BAD, "configuration", str(error)
        return
    yield OK, "configuration", ", ".join(found.files) or "no file, defaults hold"
    if found.ignored:
        yield NOTE, "configuration", found.ignored
    try:
        choice = _choice(found)
    except Error as error:
        yield BAD, "configuration", str(error)
        return
    yield from _banks(choice)
    yield from _feeds()
    yield from _detectors(choice)


def _choice(found: "Configuration") -> "RunConfig":
    """Return what `check` chooses without an option on the command line."""
    from detectors.catalog import catalog
    from provenance.cli import settings
    from provenance.engine.config import configure

    said, variables = found.settings, settings.environment()
    several = {
        key: settings.several(settings.variable(key), variables[key])
        for key in ("bank", "model")
        if key in variables
    }
    models = [pair.partition("=") for pair in several.get("model", ())]
    return configure(
        catalog(),
        policy=variables.get("policy", said.policy),
        today=datetime.now(UTC).date().isoformat(),
        banks=several.get("bank", said.bank),
        models={name: path for name, _, path in models} or said.model,
        device=variables.get("device", said.device),
        fast=said.fast,
        configured=said.detectors,
    )


def _banks(choice: "RunConfig") -> Iterator[Finding]:
    """Open the banks that are configured."""
    from provenance.banking.state import state

    for name in choice.banks:
        try:
            bank, entries, changes = state(name)
        except Error as error:
            yield BAD, "bank", str(error)
        else:
            yield OK, f"bank {bank}", f"{entries} entries, change {changes}"


def _feeds() -> Iterator[Finding]:
    """Yield how fresh the feeds are that are followed, and keys that lie where none should."""
    from importlib.util import find_spec

    if find_spec("tuf") is None or find_spec("securesystemslib") is None:
        return
    from provenance.feeds.health import followed, keys_beside

    try:
        for name, fresh, said in followed(datetime.now(UTC)):
            yield OK if fresh else NOTE, f"feed {name}", said
        for name, where in keys_beside():
            said = f"root keys lie beside the online keys in {where}: keep them offline"
            yield NOTE, f"feed {name}", said
    except Error as error:
        yield BAD, "feeds", str(error)


def _detectors(choice: "RunConfig") -> Iterator[Finding]:
    """Try every detector, plug-ins included, each in a process of its own."""
    from provenance.cli.trials import tried
    from provenance.engine.isolated import isolated

    for spec in choice.specs:
        try:
            works, said = isolated(spec.name, partial(tried, spec), choice)
        except Error as error:
            works, said = False, str(error)
        yield OK if works else BAD, spec.name, said


def _lists() -> Iterator[Finding]:
    """Yield the trust lists in use, and what to do about an old one."""
    from provenance.cli.trust import states

    try:
        for name, issued, age, use in states():
            if use == "off":
                yield OK, f"list {name}", "not in use"
            elif use == "stale":
                yield NOTE, f"list {name}", f"{age} days old (issued {issued}): {OLD.format(name)}"
            else:
                yield OK, f"list {name}", f"issued {issued}, {age} days old"
    except Error as error:
        yield BAD, "trust lists", str(error)
