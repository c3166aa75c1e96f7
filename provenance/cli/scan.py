"""`provenance scan`: every file of folders."""

import os
from contextlib import nullcontext
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
    from collections.abc import Container, Iterable

    from provenance.audit.log import AuditLog
    from provenance.engine.config import RunConfig
    from provenance.intake.paths import Walk

ANYWHERE = "/"
"""Stands for sources that a list names: they may lie anywhere, so no project file is obeyed."""
MANY = 1 << 20
"""Stands for the number of items that is not known before they are opened."""
CHANGED = "--changed"
FORMATS = ("terminal", "jsonl", "sarif", "junit", "github", "gitlab")


class Scan(click.Command):
    """A command whose `--changed` takes the next word only behind a PATH."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line."""
        options = args[: args.index("--")] if "--" in args else args
        if CHANGED in options:
            at = options.index(CHANGED)
            before, _, _ = self.make_parser(ctx).parse_args(args[:at])
            base, rest = "", args[at + 1 :]
            path_before = isinstance(before["paths"], tuple) and bool(before["paths"])
            if path_before and rest and not rest[0].startswith("-"):
                base = rest.pop(0)
            args = [*args[:at], f"{CHANGED}={base}", *rest]
        return super().parse_args(ctx, args)


@click.command(cls=Scan)
@click.argument("paths", nargs=-1, type=click.Path())
@click.option(
    "--files-from",
    metavar="FILE",
    type=click.Path(allow_dash=True),
    help="Also check what FILE names, one name a line; - for standard input.",
)
@click.option("-0", "--null", "nul", is_flag=True, help="Names in FILE are closed by NUL.")
@click.option(
    "--exclude",
    cls=Several,
    multiple=True,
    metavar="GLOB",
    envvar="PROVENANCE_EXCLUDE",
    help="Pass over names or paths that match; may be repeated.",
)
@click.option(
    "--gitignore", is_flag=True, help="Pass over what git ignores in the checkouts of PATHS."
)
@click.option(
    CHANGED,
    metavar="[BASE]",
    help="Only files that git says were added or changed since the branch left BASE, and new ones."
    " [default: the target of a merge request, else the remote's default branch]",
)
@click.option(
    "--no-default-excludes",
    "unwanted",
    is_flag=True,
    help="Look into .git, node_modules, __pycache__ and their like too.",
)
@click.option(
    "--out",
    metavar="RUN",
    type=click.Path(file_okay=False),
    help="Keep the records in this folder, and continue or refresh what lies there.",
)
@click.option(
    "--deepen",
    metavar="RISK|@FILE",
    help="With --out: only items of this risk or a higher one, or those named in FILE, are looked"
    " at, by what has not looked yet.",
)
@click.option(
    "--audit",
    metavar="LOG",
    type=click.Path(path_type=Path),
    help="Write every decision into this audit log; `provenance audit init` makes one.",
)
@click.option(
    "--engine",
    metavar="local|ray|ADDRESS",
    default="local",
    show_default=True,
    help="Where items are checked: on this machine, on a Ray started here, or on the cluster at"
    " this address (auto, HOST:PORT, ray://HOST:PORT).",
)
@format_option(FORMATS)
@choosing
@showing
@click.pass_context
def scan(
    ctx: click.Context,
    /,
    paths: tuple[str, ...],
    files_from: str | None,
    exclude: tuple[str, ...],
    changed: str | None,
    *,
    out: str | None,
    deepen: str | None,
    audit: Path | None,
    engine: str,
    nul: bool,
    gitignore: bool,
    unwanted: bool,
    **given: Any,
) -> None:
    """Check every file below PATHS: path by path, inside each sorted by name.

    Archives (zip, tar, tar.gz, tar.bz2, tar.xz) and files of posts are opened: each member, each
    post is an item. PATHS may lie in buckets (s3://BUCKET/PREFIX) with the extra `remote`.

    Links and special files are passed over, but for a folder that PATHS name by a link; so are
    folders of version control, caches and installed code (.git, node_modules and their like).
    Hidden files are checked like others.
    """
    from provenance.cli.progress import Progress
    from provenance.cli.run import run
    from provenance.engine.interrupt import interruptible
    from provenance.engine.ordered import local
    from provenance.engine.ray.crew import cluster
    from provenance.engine.supervisor import jobs_for
    from provenance.hooks.changed import Changed
    from provenance.intake import git, remote
    from provenance.intake import paths as intake
    from provenance.intake.names import Sources, listed

    if changed is not None and out:
        raise click.UsageError("--changed goes without --out: a run is of all its items")
    if changed is not None and any(map(remote.is_remote, paths)):
        raise click.UsageError("--changed is for checkouts of git, not for buckets")
    if deepen and not out:
        raise click.UsageError("--deepen goes with --out")
    folder = None
    if out:
        from provenance.cli.runs import keep
        from provenance.runs.folder import RunFolder

        folder = RunFolder(out)
    if deepen and folder and not (paths or files_from):
        paths = folder.sources()
    if not (paths or files_from):
        raise click.UsageError("name files or folders, or a list of them with --files-from")
    sources = Sources(paths, listed(files_from, nul=nul) if files_from else ())
    with interruptible() as interruption:
        found = configuration([*paths, *([ANYWHERE] if files_from else [])], given)
        chosen = choice(found, given)
        log = _log(audit, chosen)
        walk = intake.Walk(
            sources,
            exclude or found.settings.exclude,
            unwanted=unwanted,
            ignored=git.ignored if gitignore else lambda _root: (),
            wanted=Changed(changed, os.environ) if changed is not None else lambda _path: True,
            buckets=True,
        )
        with Progress("Listing files", quiet=given["quiet"]) as progress:
            count = interruption.at_once(lambda: _counted(paths, progress.watch(walk)), 0)
        _tell(walk, sources, verbose=given["verbose"])
        if not (count or interruption()):
            what = "file found" if changed is None else "changed file found"
            click.echo(f"provenance: no {what}, nothing was checked", err=True)
        alone = count == 1 and not any(map(intake.is_collection, walk))
        wanted = given["jobs"] or found.settings.jobs
        jobs = jobs_for(1 if alone else MANY, wanted)
        traced, bodies = folder is not None, log.bodies if log else None
        workers = (
            local(chosen, jobs, traced=traced, settings=bodies)
            if engine == "local"
            else cluster(chosen, engine, wanted, traced=traced, settings=bodies)
        )
        with log or nullcontext():
            if folder is None:
                code = run(
                    chosen, intake.scanned(walk), found, given, workers=workers, formats=FORMATS,
                    count=count, named=sources, interruption=interruption, audit=log,
                )  # fmt: skip
            else:
                code = keep(
                    chosen, walk, found, given, folder=folder, deepen=deepen, sources=[*paths],
                    workers=workers, count=count, named=sources, interruption=interruption,
                    audit=log,
                )  # fmt: skip
    ctx.exit(code)


def _counted(paths: "Iterable[str]", walked: "Iterable[str]") -> int:
    """Count files.

    Args:
        paths: sources that are named by themselves, not in a list.
        walked: the files below all sources, as a walk yields them.

    Raises:
        UnavailableError: one of the former lies in a bucket that cannot be reached or listed.
    """
    from provenance.intake import remote

    for path in filter(remote.is_remote, paths):
        remote.reach(path)
    return sum(1 for _ in walked)


def _log(path: Path | None, chosen: "RunConfig") -> "AuditLog | None":
    """Open the audit log that is asked for.

    Raises:
        Error: it cannot be used.
    """
    if path is None:
        return None
    from provenance.audit.log import AuditLog

    return AuditLog(path, chosen.policy)


def _tell(walk: "Walk", named: "Container[str]", *, verbose: bool) -> None:
    """Say on stderr what was passed over; with -v, and where the user named it, each by name."""
    from provenance.intake.files import uri
    from provenance.render.escape import escape

    if walk.links:
        click.echo(f"provenance: passed over {len(walk.links)} links and special files", err=True)
    for path in walk.links:
        if verbose or uri(path) in named:
            hint = "; `provenance check` follows links" if uri(path) in named else ""
            click.echo(escape(f"provenance: passed over {uri(path)}{hint}"), err=True)
    if walk.excluded:
        names = ", ".join(sorted({Path(path).name for path in walk.excluded}))
        said = f"provenance: did not look into {len(walk.excluded)} folders ({names})"
        click.echo(f"{said}; --no-default-excludes does", err=True)
    if walk.own:
        click.echo(
            f"provenance: passed over {len(walk.own)} folders of runs, banks and logs", err=True
        )
    for path in [*walk.excluded, *walk.own] if verbose else ():
        click.echo(escape(f"provenance: did not look into {uri(path)}"), err=True)
