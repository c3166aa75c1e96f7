"""`provenance case export`: what of a case may leave, in the formats of others."""

from pathlib import Path
from typing import TYPE_CHECKING, Final

import click

from detectors.errors import ConfigError
from provenance.cli.options import speaking

if TYPE_CHECKING:
    from collections.abc import Callable

    from provenance.cases.case import Case
    from provenance.cases.sharing import Sharing

FORMS: Final = ("html", "json", "stix", "misp", "graphml", "csv", "markdown")
TLPS: Final = ("CLEAR", "GREEN", "AMBER", "AMBER+STRICT", "RED")


@click.command()
@click.argument("case", metavar="CASE", type=click.Path(file_okay=False, path_type=Path))
@click.option("--as", "form", type=click.Choice(FORMS), required=True, help="The format.")
@click.option(
    "--out", type=click.Path(dir_okay=False, path_type=Path), required=True, metavar="PATH",
    help="Where it goes.",
)  # fmt: skip
@click.option(
    "--tlp", type=click.Choice(TLPS), default="AMBER", show_default=True,
    help="Traffic Light Protocol 2.0: how far it may travel.",
)  # fmt: skip
@click.option(
    "--to", metavar="NAME",
    help="Whom it is handed to. With --tlp RED, ids, names and texts go along.",
)  # fmt: skip
@click.option(
    "--key", type=click.Path(dir_okay=False, exists=True, path_type=Path), metavar="FILE",
    help="Key of the digests that stand for ids, 16 bytes or more. [default: one that is kept for"
    " the case]",
)  # fmt: skip
@click.option("--pictures", is_flag=True, help="Let small copies of pictures leave too.")
@click.option(
    "--notes", type=click.Path(dir_okay=False, exists=True, path_type=Path), metavar="FILE",
    help="With markdown: what people know (TOML: who, why and sections of your own).",
)  # fmt: skip
@speaking
def export(
    case: Path,
    *,
    form: str,
    out: Path,
    tlp: str,
    to: str | None,
    key: Path | None,
    pictures: bool,
    notes: Path | None,
    lang: str | None,
) -> None:
    """Write what of CASE may leave.

    \b
    html      a page to read, print and hand over
    json      the case itself
    stix      a bundle (STIX 2.1) with accounts, groupings and notes
    misp      an event
    graphml   the clusters as a graph, for Gephi
    csv       indicators in the columns of threat reports, defanged
    markdown  the frame of a public report, with gaps for what a machine cannot know

    Ids are replaced by digests under a key; handles, names, texts and pictures are left out. They
    leave with --tlp RED --to NAME alone. What a bank holds for a smaller circle than --tlp is told
    without its id and source.
    """  # noqa: D301 - click's mark for lines as they are
    from platformdirs import user_data_path

    from detectors.storing.atomic import atomic_write
    from provenance.cases.case import load
    from provenance.cases.sharing import Sharing, shared
    from provenance.cli.options import configuration, language

    if notes and form != "markdown":
        raise ConfigError("--notes goes with --as markdown")
    sharing = Sharing(
        tlp=tlp, to=to, key=key, keys=user_data_path("provenance") / "cases", pictures=pictures
    )
    locale = language(configuration([str(case)], {"config": None}), {"lang": lang})
    leaving = shared(load(case), sharing)
    atomic_write(out, _writer(form, sharing, case, notes, locale)(leaving))
    _tell(out, sharing)


def _writer(
    form: str, sharing: "Sharing", folder: Path, notes: Path | None, locale: str
) -> "Callable[[Case], bytes]":
    """Return what writes a case in a format."""
    import msgspec

    from provenance.cases.exports import graphml, indicators, misp, report, stix

    if form == "json":
        return lambda case: msgspec.json.format(msgspec.json.encode(case), indent=1) + b"\n"
    if form == "html":
        from provenance.render.html.case import page, pictures_of

        shown = sharing.pictures or sharing.raw
        return lambda case: page(case, pictures_of(folder) if shown else {}, locale)
    if form == "markdown":
        said = _notes(notes)
        return lambda case: report.write(case, said, locale)
    writers: dict[str, Callable[[Case], bytes]] = {
        "stix": lambda case: stix.write(case, sharing.tlp),
        "misp": lambda case: misp.write(case, sharing.tlp),
        "graphml": graphml.write,
        "csv": indicators.write,
    }
    return writers[form]


def _notes(path: Path | None) -> dict[str, str]:
    """Return what people know, by name.

    Raises:
        ConfigError: the file cannot be used.
    """
    from provenance.toml_file import load

    if path is None:
        return {}
    file = load(path)
    if wrong := next(
        (name for name, text in file.table.items() if not isinstance(text, str)), None
    ):
        raise ConfigError(f"{path}:{file.line_of(f'$.{wrong}')}: {wrong} must be a text")
    return file.table


def _tell(out: Path, sharing: "Sharing") -> None:
    from provenance.render.escape import escape

    said = f"with ids, names and texts, for {sharing.to}" if sharing.raw else "ids are keyed"
    click.echo(escape(f"provenance: {out}: TLP:{sharing.tlp}, {said}"), err=True)
