"""`provenance report`: a run, or records alone, as a page, a table or a ticket."""

import sys
from pathlib import Path
from typing import get_args

import click

from detectors.errors import ConfigError
from detectors.storing.atomic import appearing
from provenance.cli.options import configuration, language, speaking
from provenance.cli.settings import FailOn
from provenance.record import Risk

FORMS = ("html", "csv", "parquet", "markdown")
STDOUT = "-"


@click.command()
@click.argument("source", metavar="RUN|RECORDS.jsonl", type=click.Path(path_type=Path))
@click.option(
    "--format",
    "form",
    type=click.Choice(FORMS),
    default="html",
    show_default=True,
    help="A page for a browser, a table, or Markdown for a ticket.",
)
@click.option(
    "--out",
    metavar="FILE|-",
    help="Where it goes; - is standard output. [default: a file in RUN, for records alone standard"
    " output]",
)
@click.option(
    "--fail-on",
    type=click.Choice(get_args(FailOn)),
    default="high",
    show_default=True,
    help="In Markdown, name the items of this risk or a higher one.",
)
@click.option("--no-thumbnails", is_flag=True, help="Leave small copies of pictures out.")
@speaking
def report(
    source: Path, form: str, out: str | None, fail_on: str, *, no_thumbnails: bool, lang: str | None
) -> None:
    """Report on a run, or on records alone (what --format jsonl wrote).

    The page is one file that fetches nothing and shows what was found beside the pictures, what was
    not assessed, and how often such a finding is wrong. Nothing is checked anew, and the same
    records give the same bytes.
    """
    from detectors.catalog import catalog
    from provenance.render.escape import escape
    from provenance.render.report import FORMATS, Report, write

    made = Report(
        source,
        tuple(table for spec in catalog() for table in spec.messages),
        fail_on=None if fail_on == "never" else Risk(fail_on),
        thumbnails=not no_thumbnails,
        locale=language(configuration([str(source)], {"config": None}), {"lang": lang}),
        tell=lambda line: click.echo(escape(f"provenance: {line}"), err=True),
    )
    if out is None:
        out = str(source / FORMATS[form][1]) if source.is_dir() else STDOUT
    if out == STDOUT:
        if form == "parquet" and sys.stdout.isatty():
            raise ConfigError("parquet is no text for a terminal; name a file with --out")
        write(made, form, sys.stdout.buffer)
        return
    if Path(out).exists() and Path(out).samefile(made.records):
        raise ConfigError(f"{out}: holds the records; name another file")
    with appearing(Path(out)) as file:
        write(made, form, file)
    click.echo(escape(out), err=True)
