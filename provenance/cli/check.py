"""`provenance check`: files and standard input."""

from typing import Any

import click

from detectors.decode.sniff import Kind
from provenance.cli.options import choice, choosing, configuration, format_option, showing

FORMATS = ("terminal", "json", "jsonl", "sarif", "junit", "github", "gitlab")


@click.command(epilog="`-` is standard input; `--` ends the options.")
@click.argument("files", nargs=-1, required=True, type=click.Path())
@click.option(
    "--kind",
    type=click.Choice(["image", "text"]),
    help="Read the input as this, where its content leaves room.",
)
@format_option(FORMATS)
@choosing
@showing
@click.pass_context
def check(ctx: click.Context, /, files: tuple[str, ...], kind: str | None, **given: Any) -> None:
    """Check FILES (or standard input) and print a verdict on each, with its evidence."""
    from provenance.cli.run import run
    from provenance.engine.interrupt import interruptible
    from provenance.engine.ordered import local
    from provenance.engine.supervisor import jobs_for
    from provenance.intake import paths

    said = Kind(kind) if kind else None
    with interruptible() as interruption:
        found = configuration(files, given)
        chosen = choice(found, given)
        named = paths.named(files, said)
        count = len(named)
        jobs = jobs_for(count, given["jobs"] or found.settings.jobs)
        items = paths.items(named, said)
        code = run(
            chosen, items, found, given,
            workers=local(chosen, jobs), formats=FORMATS, count=count, interruption=interruption,
        )  # fmt: skip
    ctx.exit(code)
