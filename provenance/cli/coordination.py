"""`provenance coordination`: accounts that post the same things at the same times."""

import math
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detectors.errors import ConfigError
from provenance.cli.options import configuration, language, speaking
from provenance.cli.suggest import Suggesting

if TYPE_CHECKING:
    from provenance.cases.case import Case
    from provenance.coordination.clusters import Document
    from provenance.coordination.pictures import Workers
    from provenance.coordination.posts import Posts

MANY = 64
"""Workers at most, where nobody says how many."""
FLAGGED, UNREAD = 1, 3
"""Exit codes: there is a cluster, and --fail-on asks for it; a line is no post."""
SEARCH = "find"
CASE, POLICY = "coordination", "posts"
"""Name and policy of the case that pages and exports are made of."""


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
@click.option("--jobs", type=click.IntRange(min=1), metavar="N",
              help="Processes that look at pictures. [default: one a processor]")  # fmt: skip
@click.option("--engine", default="local", show_default=True, metavar="local|ray|ADDRESS",
              help="Where pictures are looked at: here, by Ray or its cluster.")  # fmt: skip
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
              help="Of the permutations that tell what chance gives.")  # fmt: skip
@click.option("--texts", is_flag=True, help="Show the texts and addresses that are shared.")
@click.option("--format", "form", type=click.Choice(["terminal", "json", "jsonl", "html"]),
              default="terminal", show_default=True,
              help="json: one document; jsonl: a cluster a line; html: a page.")  # fmt: skip
@click.option("--graphml", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write members and pairs as a graph, for Gephi; ids are keyed.")  # fmt: skip
@click.option("--csv", "tables", type=click.Path(file_okay=False, path_type=Path), metavar="DIR",
              help="Write who posted which object when, as tables; ids are keyed.")  # fmt: skip
@click.option("--stix", type=click.Path(dir_okay=False, path_type=Path), metavar="FILE",
              help="Write a bundle (STIX 2.1); ids are keyed.")  # fmt: skip
@click.option("--key", type=click.Path(dir_okay=False, exists=True, path_type=Path),
              metavar="FILE", help="Key of the digests that stand for ids, 16 bytes or more."
              " [default: one that is kept for these accounts]")  # fmt: skip
@click.option("--follow", is_flag=True,
              help="Read posts as they come; print each new cluster as JSON.")  # fmt: skip
@click.option("--window-hours", type=click.FloatRange(min=1), default=48, show_default=True,
              metavar="N", help="With --follow, search the posts of the last hours.")  # fmt: skip
@click.option("--most", type=click.IntRange(min=1), default=200_000, show_default=True,
              metavar="N", help="With --follow, keep so many posts at most.")  # fmt: skip
@click.option("--every", type=click.IntRange(min=1), default=10_000, show_default=True,
              metavar="N", help="With --follow, search after so many posts.")  # fmt: skip
@click.option("--fail-on", type=click.Choice(["chance", "never"]), default="never",
              show_default=True,
              help="Exit with 1 if a cluster is there that chance does not explain.")  # fmt: skip
@speaking
def find(sources: tuple[str, ...], *, form: str, lang: str | None, **given: Any) -> int:
    """Find clusters of accounts in files of posts, with the chance of each.

    POSTS are files of JSON lines (- is standard input). A cluster shows that accounts posted the
    same things at the same times more often than chance explains: not who they are, not that they
    are fake. Nothing is fetched, and short links are never resolved.
    """
    from provenance.coordination.posts import read
    from provenance.coordination.traits import look_at

    locale = language(configuration(list(sources), {"config": None}), {"lang": lang})
    if given["follow"]:
        return _follow(sources, given)
    posts = read(sources, given["media_root"])
    traits = look_at(posts, given["accounts"], given["media_root"], _workers(given))
    broken = _tell_broken(posts)
    from provenance.coordination.clusters import document  # numpy: the workers are forked before

    found = document(posts, traits, seed=given["seed"], texts=given["texts"], locale=locale)
    _export(posts, found, locale, given)
    _show(posts, found, form, locale, texts=given["texts"])
    if given["fail_on"] == "chance" and found.clusters:
        return FLAGGED
    return UNREAD if broken else 0


def _workers(given: dict[str, Any]) -> "Workers":
    """Return what provides workers that look at pictures."""
    from provenance.engine.ordered import local
    from provenance.engine.supervisor import jobs_for

    if given["engine"] == "local":
        return lambda config: local(config, jobs_for(MANY, given["jobs"]))
    from provenance.engine.ray.crew import cluster

    return lambda config: cluster(config, given["engine"], given["jobs"])


def _follow(sources: tuple[str, ...], given: dict[str, Any]) -> int:
    """Print clusters of one source as they come up, until it ends or a signal does."""
    import time

    from provenance.coordination.posts import Row, opened, rows
    from provenance.coordination.stream import Window, follow
    from provenance.engine.interrupt import interruptible
    from provenance.render.coordination import line
    from provenance.render.escape import escape

    if len(sources) != 1:
        raise ConfigError("--follow reads one source: a file, or - for standard input")
    broken = 0

    def skip(_kind: str, what: str) -> None:
        nonlocal broken
        broken += 1
        click.echo(escape(f"provenance: {what}"), err=True)

    window = Window(given["window_hours"] * 3600, given["most"])
    with interruptible() as interruption, opened(sources[0]) as file:
        came = (
            (where, row, time.time())
            for where, row in interruption.ending(rows(file, sources[0], Row, skip))
        )
        for cluster in follow(came, window, given["every"], given["seed"], texts=given["texts"]):
            sys.stdout.write(line(cluster))
            sys.stdout.flush()
    if window.unusable:
        click.echo(f"provenance: {window.unusable:,} posts have no time that is past", err=True)
    return interruption.code or (UNREAD if broken else 0)


def _tell_broken(posts: "Posts") -> int:
    """Say on stderr what could not be read, and return how much that is.

    Raises:
        ConfigError: it is everything.
    """
    from provenance.render.escape import escape

    broken = posts.skipped["malformed"] + posts.skipped["unreadable_media"]
    for fault in posts.faults:
        click.echo(escape(f"provenance: {fault}"), err=True)
    if broken > len(posts.faults):
        click.echo(f"provenance: {broken - len(posts.faults):,} more of the kind", err=True)
    if not posts.read and broken:
        raise ConfigError("no posts in what was named")
    return broken


def _show(posts: "Posts", found: "Document", form: str, locale: str, *, texts: bool) -> None:
    """Print what was found: a working copy, with ids as they are."""
    from provenance.cli.run import colour, width
    from provenance.render import RenderOptions
    from provenance.render.coordination import write
    from provenance.render.html.case import page

    if form == "html":
        sys.stdout.buffer.write(page(_case(posts, found, locale, texts=texts), {}, locale))
        return
    if form == "jsonl" and (count := len(found.not_distinguishable)):
        said = "groups of accounts that chance gives as well; --format json has them"
        click.echo(f"provenance: {count} {said}", err=True)
    utf8 = (sys.stdout.encoding or "").lower().replace("-", "") == "utf8"
    look = RenderOptions(width=width(), colour=colour("auto"), unicode=utf8, locale=locale)
    write(found, form, sys.stdout, look)


def _export(posts: "Posts", found: "Document", locale: str, given: dict[str, Any]) -> None:
    """Write what leaves, ids keyed."""
    if not (given["graphml"] or given["tables"] or given["stix"]):
        if given["key"]:
            raise ConfigError("--key goes with --graphml, --csv or --stix")
        return
    from platformdirs import user_data_path

    from detectors.storing.atomic import atomic_write
    from provenance.cases.exports import graphml, stix, tables
    from provenance.cases.sharing import Sharing, shared

    sharing = Sharing(key=given["key"], keys=user_data_path("provenance") / "cases")
    leaving = shared(_case(posts, found, locale, texts=given["texts"]), sharing)
    if given["graphml"]:
        atomic_write(given["graphml"], graphml.write(leaving))
    if given["stix"]:
        atomic_write(given["stix"], stix.write(leaving, sharing.tlp))
    if given["tables"]:
        given["tables"].mkdir(parents=True, exist_ok=True)
        for name, data in tables.write(leaving).items():
            atomic_write(given["tables"] / name, data)


def _case(posts: "Posts", found: "Document", locale: str, *, texts: bool) -> "Case":
    """Return a case of the members of clusters, of which nothing but the posts was looked at."""
    import msgspec

    from provenance.cases.build import Builder, Material
    from provenance.verdict import load

    material = Material(
        name=CASE, people=[], posts=posts, found=found, avatars={}, same={}, policy=load(POLICY),
        gaps=[], locale=locale, members_only=True,
    )  # fmt: skip
    case = Builder().case(material, lambda _bank, _entry: None)
    if texts:
        return case
    clusters = [msgspec.structs.replace(cluster, addresses=[]) for cluster in case.clusters]
    return msgspec.structs.replace(case, clusters=clusters)


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
