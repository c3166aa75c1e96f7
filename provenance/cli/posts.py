"""`provenance posts`: exports of platforms as files of posts."""

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from provenance.cli.options import words_or_json
from provenance.cli.suggest import Suggesting

if TYPE_CHECKING:
    from provenance.intake.convert import Conversion, Source

_FILE = click.Path(dir_okay=False, path_type=Path)


class Form(click.ParamType[str]):
    """The name of a format of exports, `auto`, or `csv:` and the path of a map of columns."""

    name = "FORMAT"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name.

        Raises:
            click.BadParameter: it is none.
        """
        from provenance.intake.platforms import AUTO, FORMATS, MAPPED

        if value not in (AUTO, *FORMATS) and not str(value).startswith(MAPPED):
            known = ", ".join((AUTO, *FORMATS, f"{MAPPED}MAP.toml"))
            self.fail(f"{value!r} is none of {known}", param, ctx)
        return str(value)

    def shell_complete(
        self, _ctx: click.Context, _param: click.Parameter, incomplete: str
    ) -> list[Any]:
        """Return the formats that begin so."""
        from click.shell_completion import CompletionItem

        from provenance.intake.platforms import AUTO, FORMATS, MAPPED

        names = (AUTO, *FORMATS, MAPPED)
        return [CompletionItem(name) for name in names if name.startswith(incomplete)]


@click.group(cls=Suggesting)
def posts() -> None:
    """Turn exports of platforms into files of posts, and count them."""


@posts.command()
@click.argument("exports", metavar="EXPORT...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--as", "form", type=Form(), default="auto", show_default=True,
    help="What the exports are, by its name below; csv:MAP.toml is any table by a map of columns.",
)  # fmt: skip
@click.option("--out", required=True, type=_FILE, metavar="FILE", help="Where the posts go.")
@click.option("--accounts-out", type=_FILE, metavar="FILE", help="Where the accounts go.")
@click.option(
    "--left-out", type=_FILE, metavar="FILE",
    help="Where rows go that are no posts, each with the reason.",
)  # fmt: skip
@click.option(
    "--key", type=_FILE, metavar="FILE",
    help="Replace ids, handles and mentions by digests under this key, 16 bytes or more; names,"
    " descriptions of accounts and names of files are left out.",
)  # fmt: skip
@click.pass_context
def convert(  # noqa: PLR0917 - click names them
    ctx: click.Context,
    /,
    exports: Sequence[str],
    form: str,
    out: Path,
    accounts_out: Path | None,
    left_out: Path | None,
    key: Path | None,
) -> None:
    """Turn each EXPORT (a file, a folder or a ZIP archive) into posts, one JSON object a line.

    \b
    x-archive  the archive that X gives a person of their own account
    x-io       tables of X's releases on information operations
    x-api      JSON of X's API, version 2 and 1.1
    bluesky    events of Jetstream, answers of getAuthorFeed, listed records
    mastodon   statuses of the REST API, or the outbox of an account's export
    telegram   result.json of Telegram Desktop, with its folders
    reddit     submissions and comments as JSON lines
    youtube    comments, as tables of YouTube Data Tools
    tiktok     videos of the Research API
    facebook   tables of Meta's Content Library
    coortweet  tables with object_id, account_id, content_id, timestamp_share

    Nothing is fetched. Media that lie below the folder of FILE are named there; others, and those
    of archives, are copied to FILE-media. Deletions, service messages and broken rows are left out;
    if there are any, the exit code is 3.
    """  # noqa: D301 - click's mark for lines as they are
    from provenance.cli import UNCHECKED
    from provenance.intake.convert import Conversion, sources
    from provenance.intake.exports.keyed import key as load_key

    conversion = Conversion(out, load_key(key) if key else None)
    found = sources(exports, form)
    _write(conversion, found, accounts_out, left_out)
    _tell(conversion, found, left_out)
    if conversion.counts.left_out:
        ctx.exit(UNCHECKED)


def _write(
    conversion: "Conversion",
    found: "Sequence[Source]",
    accounts: Path | None,
    left_out: Path | None,
) -> None:
    from provenance.cli.progress import Progress

    with Progress("Converting") as progress:
        for _ in conversion.write(found, accounts, left_out):
            progress.step()


def _tell(conversion: "Conversion", found: "Sequence[Source]", left_out: Path | None) -> None:
    """Say on stderr what became of the exports."""
    from provenance.render.escape import escape

    counts = conversion.counts
    lines = [f"{source.package.uri}: {source.format}" for source in found]
    lines.append(f"{_many(counts.posts, 'post')} of {_many(counts.accounts, 'account')}")
    if counts.missing_media:
        lines.append(f"{_many(counts.missing_media, 'medium', 'media')} could not be read")
    if counts.first:
        more = "" if left_out else "; --left-out FILE lists them"
        why = f"{counts.first.where}: {counts.first.reason}"
        lines.append(f"{_many(counts.left_out, 'row')} left out, the first: {why}{more}")
    for line in lines:
        click.echo(escape(f"provenance: {line}"), err=True)


def _many(count: int, one: str, several: str | None = None) -> str:
    return f"{count:,} {one if count == 1 else several or one + 's'}"


@posts.command()
@click.argument("sources", metavar="POSTS...", nargs=-1, required=True, type=click.Path())
@words_or_json
@click.pass_context
def stats(ctx: click.Context, /, sources: Sequence[str], form: str) -> None:
    """Count the posts of files of JSON lines: accounts, days, reposts, links, media.

    Lines that are no posts are named on standard error, and then the exit code is 3.
    """
    from provenance.cli import UNCHECKED
    from provenance.cli.progress import Progress
    from provenance.intake.exports.stats import Stats
    from provenance.render.escape import escape, json_text

    counted = Stats()
    with Progress("Counting") as progress:
        for left in counted.read(sources):
            if left:
                progress.clear()
                click.echo(escape(f"provenance: {left.where}: {left.reason}"), err=True)
            progress.step()
    body = counted.body()
    if form == "json":
        click.echo(json_text(body))
    else:
        for name, value in body.items():
            click.echo(escape(f"{name.replace('_', ' '):<14}{_shown(value)}"))
    if counted.malformed:
        ctx.exit(UNCHECKED)


def _shown(value: Any) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{name} {_shown(count)}" for name, count in value.items()) or "none named"
    return f"{value:,}" if isinstance(value, int) else str(value or "none")
