"""`provenance scan`: every file of folders."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.options import (
    Several,
    choice,
    choosing,
    configuration,
    format_option,
    showing,
)

if TYPE_CHECKING:
    from provenance.intake.paths import Found

FORMATS = ("terminal", "jsonl", "sarif", "junit")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "--exclude",
    cls=Several,
    multiple=True,
    metavar="GLOB",
    envvar="PROVENANCE_EXCLUDE",
    help="Pass over names or paths that match; may be repeated.",
)
@click.option(
    "--no-default-excludes",
    "unwanted",
    is_flag=True,
    help="Look into .git, node_modules, __pycache__ and their like too.",
)
@format_option(FORMATS)
@choosing
@showing
@click.pass_context
def scan(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    exclude: tuple[str, ...],
    *,
    unwanted: bool,
    **given: Any,
) -> None:
    """Check every file below PATHS, sorted by path.

    Links and special files are passed over, but for a folder that PATHS name by a link; so are
    folders of version control, caches and installed code (.git, node_modules and their like).
    Hidden files are checked like others.
    """
    from provenance.cli.progress import Progress
    from provenance.cli.run import run
    from provenance.engine.interrupt import interruptible
    from provenance.engine.supervisor import jobs_for
    from provenance.intake import files
    from provenance.intake import paths as intake

    with interruptible() as interruption:
        found = configuration(paths, given)
        chosen = choice(found, given)
        excluded = exclude or found.settings.exclude
        with Progress("Listing files", quiet=given["quiet"]) as progress:
            below = interruption.at_once(
                lambda: intake.found(paths, excluded, progress.step, unwanted=unwanted),
                intake.Found(files=[], links=[], excluded=[]),
            )
        _tell(below, frozenset(paths), verbose=given["verbose"])
        if not (below.files or interruption()):
            click.echo("provenance: no file found, nothing was checked", err=True)
        count = len(below.files)
        jobs = jobs_for(count, given["jobs"] or found.settings.jobs)
        items = intake.scanned(below.files)
        named = frozenset(map(files.uri, paths))
        code = run(
            chosen, items, found, given,
            jobs=jobs, formats=FORMATS, count=count, named=named, interruption=interruption,
        )  # fmt: skip
    ctx.exit(code)


def _tell(below: "Found", named: frozenset[str], *, verbose: bool) -> None:
    """Say on stderr what was passed over; with -v, and where the user named it, each by name."""
    from provenance.intake.files import uri
    from provenance.render.escape import escape

    if below.links:
        click.echo(f"provenance: passed over {len(below.links)} links and special files", err=True)
    for path in below.links:
        if verbose or path in named:
            hint = "; `provenance check` follows links" if path in named else ""
            click.echo(escape(f"provenance: passed over {uri(path)}{hint}"), err=True)
    if below.excluded:
        names = ", ".join(sorted({Path(path).name for path in below.excluded}))
        said = f"provenance: did not look into {len(below.excluded)} folders ({names})"
        click.echo(f"{said}; --no-default-excludes does", err=True)
    for path in below.excluded if verbose else ():
        click.echo(escape(f"provenance: did not look into {uri(path)}"), err=True)
