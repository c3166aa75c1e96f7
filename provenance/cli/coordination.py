"""`provenance coordination`: accounts that post the same things at the same times."""

import math
import sys
from pathlib import Path

import click

from detectors.errors import ConfigError
from provenance.cli.options import configuration, language, speaking
from provenance.cli.suggest import Suggesting

FLAGGED, UNREAD = 1, 3
"""Exit codes: there is a cluster, and --fail-on asks for it; a line is no post."""
SEARCH = "find"


class _Searching(Suggesting):
    """A group whose first command is meant where none is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        named = not args or args[0] in self.commands or args[0] in ctx.help_option_names
        return super().parse_args(ctx, args if named else [SEARCH, *args])


@click.group(cls=_Searching)
def coordination() -> None:
    """Find accounts that post the same things at the same times.

    `provenance coordination POSTS…` is short for `coordination find POSTS…`.
    """


@coordination.command(SEARCH)
@click.argument("sources", metavar="POSTS…", nargs=-1, required=True)
@click.option("--accounts", type=click.Path(), metavar="FILE",
              help="Accounts as JSON lines: handle, created_at, avatar.")  # fmt: skip
@click.option("--media-root", type=click.Path(file_okay=False, exists=True), metavar="DIR",
              help="Folder below which all media lie. [default: that of each file]")  # fmt: skip
@click.option("--jobs", type=click.IntRange(min=1), default=1, show_default=True, metavar="N",
              help="Processes that look at pictures.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
              help="Of the permutations that tell what chance gives.")  # fmt: skip
@click.option("--texts", is_flag=True, help="Show the texts and addresses that are shared.")
@click.option("--format", "form", type=click.Choice(["terminal", "json", "jsonl"]),
              default="terminal", show_default=True,
              help="json: one document; jsonl: a cluster a line.")  # fmt: skip
@click.option("--fail-on", type=click.Choice(["chance", "never"]), default="never",
              show_default=True,
              help="Exit with 1 if a cluster is there that chance does not explain.")  # fmt: skip
@speaking
def find(
    sources: tuple[str, ...],
    *,
    accounts: str | None,
    media_root: str | None,
    jobs: int,
    seed: int,
    texts: bool,
    form: str,
    fail_on: str,
    lang: str | None,
) -> int:
    """Find clusters of accounts in files of posts, with the chance of each.

    POSTS are files of JSON lines (- is standard input). A cluster shows that accounts posted the
    same things at the same times more often than chance explains: not who they are, not that they
    are fake. Nothing is fetched, and short links are never resolved.
    """
    from provenance.cli.run import colour, width
    from provenance.coordination.clusters import document
    from provenance.coordination.posts import read
    from provenance.coordination.traits import look_at
    from provenance.render import RenderOptions
    from provenance.render.coordination import write
    from provenance.render.escape import escape

    locale = language(configuration(list(sources), {"config": None}), {"lang": lang})
    posts = read(sources, media_root)
    traits = look_at(posts, accounts, media_root, jobs)
    broken = posts.skipped["malformed"] + posts.skipped["unreadable_media"]
    for fault in posts.faults:
        click.echo(escape(f"provenance: {fault}"), err=True)
    if broken > len(posts.faults):
        click.echo(f"provenance: {broken - len(posts.faults):,} more of the kind", err=True)
    if not posts.read and broken:
        raise ConfigError("no posts in what was named")
    found = document(posts, traits, seed=seed, texts=texts, locale=locale)
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    look = RenderOptions(width=width(), colour=colour("auto"), unicode=utf8, locale=locale)
    write(found, form, sys.stdout, look)
    if fail_on == "chance" and found.clusters:
        return FLAGGED
    return UNREAD if broken else 0


def _finite(_ctx: click.Context, _param: click.Parameter, value: float) -> float:
    if not math.isfinite(value):
        raise click.BadParameter(f"{value} is no number of seconds")
    return value


@coordination.command()
@click.argument("source", metavar="SHARES.csv", type=click.Path(path_type=Path))
@click.option(
    "--window", type=click.FloatRange(min=0), default=10.0, show_default=True, metavar="S",
    callback=_finite, help="Seconds at most between two shares of an object.",
)  # fmt: skip
@click.option(
    "--min-participation", type=click.IntRange(min=1), default=2, show_default=True, metavar="N",
    help="Leave out accounts with fewer shares.",
)  # fmt: skip
@click.option(
    "--format", "form", type=click.Choice(["jsonl"]), default="jsonl", show_default=True,
    help="One pair a line.",
)  # fmt: skip
def pairs(source: Path, window: float, min_participation: int, form: str) -> None:  # noqa: ARG001 - there is one
    """List the pairs of contents that share an object within a window, as CooRTweet does.

    SHARES.csv has the columns object_id, account_id, content_id and timestamp_share (seconds).
    """
    import msgspec

    from provenance.coordination.pairs import pairs as found_in
    from provenance.coordination.shares import shares

    encode = msgspec.json.Encoder().encode
    for pair in found_in(shares(source), window, min_participation):
        row = pair._asdict()
        if pair.time_delta.is_integer():
            row["time_delta"] = int(pair.time_delta)
        sys.stdout.write(encode(row).decode() + "\n")
