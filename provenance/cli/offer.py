"""What a shell offers as values that are names: of detectors, policies, languages and feeds."""

from collections.abc import Iterable

import click
from click.shell_completion import CompletionItem

from detectors.errors import Error


def detectors(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the detectors, installed ones among them, behind those that are named already."""
    from detectors.catalog import catalog

    named, comma, last = begun.rpartition(",")
    left = [spec.name for spec in catalog() if spec.name not in named.split(",")]
    return [CompletionItem(f"{named}{comma}{name}") for name in left if name.startswith(last)]


def models(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return `DETECTOR=`, and files behind it."""
    from detectors.catalog import catalog

    if "=" in begun:
        return files(ctx, param, begun)
    return _beginning(begun, (f"{spec.name}=" for spec in catalog()))


def policies(ctx: click.Context, param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the built-in policies, and files where none begins so."""
    from provenance.verdict.policy import names

    return _beginning(begun, names()) or files(ctx, param, begun)


def languages(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the languages there are sentences in."""
    from provenance import messages

    return _beginning(begun, messages.languages())


def feeds(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Return the feeds that are followed; none where what is kept of them cannot be read."""
    from provenance.feeds.follow import followed

    try:
        return _beginning(begun, (feed.name for feed in followed()))
    except (Error, OSError):
        return []


def files(_ctx: click.Context, _param: click.Parameter, begun: str) -> list[CompletionItem]:
    """Let the shell offer files and folders."""
    return [CompletionItem(begun, type="file")]


def _beginning(begun: str, names: Iterable[str]) -> list[CompletionItem]:
    return [CompletionItem(name) for name in names if name.startswith(begun)]
