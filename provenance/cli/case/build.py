"""`provenance case build`: records, accounts and clusters become a case."""

from collections.abc import Callable, Container, Generator, Iterable, Mapping
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from detectors.errors import ConfigError, UnavailableError
from detectors.storing.atomic import atomic_write
from provenance.cli.options import JOBS, choice, choosing, configuration, language

if TYPE_CHECKING:
    from provenance.cases.build import Builder
    from provenance.cases.gaps import Gaps
    from provenance.cases.people import Person
    from provenance.coordination.clusters import Document
    from provenance.coordination.posts import Posts
    from provenance.engine.config import RunConfig
    from provenance.engine.interrupt import Interruption
    from provenance.record import Record

MANY = 1 << 20
"""Stands for the number of items that is not known before they are opened."""
PAGE = "case.html"
RUN = "run"
"""Folder of a case in which its own run lies."""


@click.command()
@click.argument("sources", metavar="POSTS...", nargs=-1, required=True, type=click.Path())
@click.option(
    "--out", metavar="CASE", required=True, type=click.Path(file_okay=False, path_type=Path),
    help="The folder of the case; what was checked for it before is not checked again.",
)  # fmt: skip
@click.option("--name", help="What the case is called. [default: the name of the folder]")
@click.option(
    "--accounts", metavar="FILE", type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Accounts as JSON lines: account_id, platform, handle, name, bio, created_at, avatar.",
)  # fmt: skip
@click.option(
    "--run", metavar="RUN", type=click.Path(file_okay=False, exists=True, path_type=Path),
    help="Take the records of this run instead of checking posts and avatars.",
)  # fmt: skip
@click.option(
    "--coordination", "document", metavar="FILE",
    type=click.Path(dir_okay=False, exists=True, path_type=Path),
    help="Take the clusters of this document (`coordination --texts --format json`).",
)  # fmt: skip
@click.option(
    "--seed", type=click.IntRange(min=0), default=0, show_default=True, metavar="N",
    help="Of the permutations that tell what chance gives.",
)  # fmt: skip
@JOBS
@choosing
@click.pass_context
def build(
    ctx: click.Context,
    /,
    sources: tuple[str, ...],
    *,
    out: Path,
    name: str | None,
    accounts: Path | None,
    run: Path | None,
    document: Path | None,
    seed: int,
    jobs: int | None,
    **given: Any,
) -> None:
    """Build a case of the accounts that POSTS and the file of accounts name.

    Posts and avatars are checked, clusters of accounts are searched for, avatars are compared with
    each other and with the banks, and each account is judged by all of it together. CASE then has
    case.json and case.html: working copies with ids, names and texts.
    """
    from provenance.cases.build import Builder, Material
    from provenance.cases.case import save
    from provenance.cases.gaps import Gaps
    from provenance.coordination.posts import read
    from provenance.engine.interrupt import interruptible
    from provenance.intake.files import uri
    from provenance.record import Record
    from provenance.render.html.case import page, pictures_of

    settings = configuration([*sources, *([str(accounts)] if accounts else [])], given)
    chosen, locale = choice(settings, given), language(settings, given)
    gaps = Gaps(locale)
    people = _people(accounts, gaps)
    avatars = _avatars(people, accounts, gaps)
    posts = read(sources)
    found = _loaded(document) if document else _searched(posts, seed, locale)
    builder, pictures = Builder(), dict[str, Record]()
    uris = {account: uri(path) for account, path in avatars.items()}
    paths = [*sources, *dict.fromkeys(avatars.values())]
    with interruptible() as interruption:
        wanted = jobs or settings.settings.jobs
        records = _of_run(run) if run else _checked(out / RUN, paths, chosen, wanted, interruption)
        _sort(records, {*uris.values()}, builder, pictures)
    if interruption.code:
        click.echo("provenance: interrupted; the same command goes on from there", err=True)
        ctx.exit(interruption.code)
    shown = {account: pictures[name] for account, name in uris.items() if name in pictures}
    if not chosen.banks:
        gaps.note("banks", "case.no_bank")
    material = Material(
        name=name or out.resolve().name,
        people=people,
        posts=posts,
        found=found,
        avatars=shown,
        same=_same(shown, avatars),
        policy=chosen.policy,
        gaps=gaps.found,
        locale=locale,
    )
    case = builder.case(material, _tlp_of(chosen.banks))
    out.mkdir(parents=True, exist_ok=True)
    save(case, out)
    _keep_pictures(out, shown.values(), (run or out / RUN))
    atomic_write(out / PAGE, page(case, pictures_of(out), locale))
    _tell(out, case.counts)


def _people(path: Path | None, gaps: "Gaps") -> "list[Person]":
    """Return the accounts of a file; without one, and for lines that are none, note that."""
    from provenance.cases.people import Person, people
    from provenance.render.escape import escape

    if path is None:
        gaps.note("avatars", "case.no_accounts_file")
        return []
    found: list[Person] = []
    broken = 0
    for each in people(path):
        if isinstance(each, Person):
            found.append(each)
        else:
            broken += 1
            click.echo(escape(f"provenance: {each.where}: {each.reason}"), err=True)
    gaps.note("accounts", "case.unread_account", broken)
    return list({person.id: person for person in found}.values())


def _avatars(people: "list[Person]", path: Path | None, gaps: "Gaps") -> dict[str, str]:
    """Return account → path of its avatar, of those that lie below the folder of their file."""
    from provenance.cases.people import avatar

    folder = path.parent if path else Path()
    named = [person for person in people if person.avatar]
    found = {person.id: avatar(person, folder) for person in named}
    there = {account: file for account, file in found.items() if file and Path(file).is_file()}
    gaps.note("avatars", "case.no_avatar", len(people) - len(named))
    gaps.note("avatars", "case.avatar_outside", len(named) - len(there))
    return there


def _searched(posts: "Posts", seed: int, locale: str) -> "Document":
    from provenance.coordination.clusters import document

    return document(posts, seed=seed, texts=True, locale=locale)


def _loaded(path: Path) -> "Document":
    """Read a document of clusters.

    Raises:
        ConfigError: it is none.
    """
    import msgspec

    from detectors.decode.untrusted import MALFORMED
    from provenance.coordination.clusters import Document

    try:
        return msgspec.json.decode(path.read_bytes(), type=Document)
    except (*MALFORMED, OSError) as error:
        raise ConfigError(f"{path}: is no document of `coordination`: {error}") from error


def _of_run(run: Path) -> "Iterable[Record]":
    """Return the records of a run that is there."""
    from provenance.render.report import Report

    return Report(run, tell=lambda line: click.echo(f"provenance: {line}", err=True))


def _checked(
    folder: Path,
    paths: list[str],
    chosen: "RunConfig",
    wanted: int | None,
    interruption: "Interruption",
) -> "Generator[Record]":
    """Yield the records of posts and avatars, from a run of the case's own.

    Raises:
        UnavailableError: its disk is full, or what was named has vanished.
    """
    from provenance.cli.progress import Progress
    from provenance.engine.ordered import local
    from provenance.engine.supervisor import jobs_for
    from provenance.intake.names import Sources
    from provenance.intake.paths import Walk
    from provenance.render import jsonl
    from provenance.runs.folder import RunFolder
    from provenance.runs.run import Pass, Stopped

    run = Pass(RunFolder(str(folder)), chosen, paths, jsonl.line)
    jobs = jobs_for(MANY, wanted)
    try:
        with local(chosen, jobs, traced=True) as crew, run.open(), Progress("Checking") as progress:
            walk = Walk(Sources(paths))
            stream = run.records(walk, crew, interruption.ending, interruption)
            with closing(stream):
                yield from progress.watch(stream)
            (run.interrupt if interruption() else run.end)(0)
    except Stopped as error:
        raise UnavailableError(str(error), "the same command goes on from there") from error


def _sort(
    records: "Iterable[Record]",
    avatars: Container[str],
    builder: "Builder",
    pictures: "dict[str, Record]",
) -> None:
    """Give records of posts to the builder, and keep those of avatars."""
    from detectors.decode.sniff import Kind

    for record in records:
        if record.item.uri in avatars:
            pictures[record.item.uri] = record
            builder.note_gaps(record)
        elif record.item.kind is Kind.POST:
            builder.add(record)


def _same(shown: "Mapping[str, Record]", avatars: Mapping[str, str]) -> dict[str, list[str]]:
    """Return which accounts have the same avatar, those apart that a bank knows as harmless."""
    from detectors.decode.sniff import Kind
    from detectors.signal import Claim
    from provenance.cases.pictures import same_pictures

    compared = {
        account: (avatars[account], record.item.sha256)
        for account, record in shown.items()
        if record.item.kind is Kind.IMAGE
        and record.item.sha256
        and not any(signal.claim is Claim.KNOWN_INNOCENT for signal in record.signals)
    }
    return same_pictures(compared)


def _keep_pictures(out: Path, records: "Iterable[Record]", run: Path) -> None:
    """Keep small copies of avatars in the case, those that the run has or that can be made anew."""
    from provenance.render.html.case import PICTURES
    from provenance.render.html.thumbnails import small_copies
    from provenance.runs.folder import OWN
    from provenance.runs.ledger import NAME

    folder = out / PICTURES
    folder.mkdir(exist_ok=True)
    found = list(records)
    digests = list(dict.fromkeys(each.item.sha256 for each in found if each.item.sha256))
    ledger = run / OWN / NAME
    numbers = {digest: number for number, digest in enumerate(digests)}
    for number, copy in small_copies(found, ledger if ledger.exists() else None, numbers):
        atomic_write(folder / f"{digests[number]}.webp", copy)


def _tlp_of(banks: list[str]) -> "Callable[[str | None, str | None], str | None]":
    """Return what tells whom an entry of these banks may be shown to."""
    from provenance.banking.lookup import tlps

    return tlps(banks)


def _tell(out: Path, counts: Mapping[str, Any]) -> None:
    from provenance.render.escape import escape

    said = (
        f"{counts['accounts']:,} accounts, {counts['posts']:,} posts,"
        f" {counts['clusters']:,} clusters with {counts['accounts_in_clusters']:,} accounts"
    )
    click.echo(escape(f"provenance: {out}: {said}"), err=True)
