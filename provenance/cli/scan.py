"""`provenance scan`: every file of folders."""

from typing import Any

import click

from provenance.cli.options import choice, choosing, showing

FORMATS = ("terminal", "jsonl", "sarif", "junit")


@click.command()
@click.argument("paths", nargs=-1, required=True, type=click.Path())
@click.option(
    "--exclude",
    multiple=True,
    metavar="GLOB",
    help="Pass over names or paths that match; may be repeated.",
)
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMATS),
    default="terminal",
    show_default=True,
    help="How records are printed.",
)
@choosing
@showing
@click.pass_context
def scan(
    ctx: click.Context, /, paths: tuple[str, ...], exclude: tuple[str, ...], **given: Any
) -> None:
    """Check every file below PATHS, sorted by path.

    Links and special files are passed over; hidden files are checked like others.
    """
    from provenance.cli import settings
    from provenance.cli.progress import Progress
    from provenance.cli.run import run
    from provenance.engine.pool import jobs_for
    from provenance.intake import paths as intake

    found = settings.load()
    chosen = choice(found, given)
    passed_over: list[str] = []
    with Progress("Listing files", quiet=given["quiet"]) as progress:
        names = intake.found(paths, exclude, passed_over.append, progress.step)
    if passed_over:
        click.echo(f"provenance: passed over {len(passed_over)} links and special files", err=True)
    if not names:
        click.echo("provenance: no file found, nothing was checked", err=True)
    jobs = jobs_for(len(names), given["jobs"] or found.settings.jobs)
    items = intake.scanned(names)
    ctx.exit(run(chosen, items, found, given, jobs=jobs, folder=True, count=len(names)))
