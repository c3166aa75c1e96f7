"""What accounts have in common besides posts: shown in clusters found by others, never a reason.

Signers of credentials, portraits whose eyes lie in the same places, hours of creation and templates
of handles have innocent causes without number; none of them makes a cluster or counts in a chance.
"""

import re
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import Final

import msgspec

from detectors.errors import ConfigError
from provenance.coordination.pictures import FACES, Workers, look_at_media, looked_at
from provenance.coordination.posts import POPULAR, Posts, rows, seconds

SIGNER, PORTRAIT, PATTERN = "same_credential_signer", "aligned_portraits", "account_pattern"
AGREE: Final = 0.02
"""Parts of the width by which eyes may lie apart."""
HOUR: Final = 3600.0
FEWEST: Final = 3
"""Members that make a pattern: two of a large cluster agree by chance."""
DIGITS: Final = re.compile(r"\d+")
DEFAULT_HANDLE: Final = re.compile(r"[^\W\d_]+#|(?:user|account|guest|anon)\W*#\w*", re.IGNORECASE)
"""Templates that platforms propose: a name and a number."""


class Account(msgspec.Struct, kw_only=True):
    """A line of a file of accounts; further keys are ignored."""

    account_id: str | int
    handle: str | None = None
    created_at: str | int | float | None = None
    avatar: str | None = None


class Shared(msgspec.Struct, frozen=True):
    """A trait that members have in common."""

    kind: str
    value: str
    members: list[str]


class Traits:
    """Traits of accounts."""

    def __init__(self) -> None:
        """Start without any."""
        self.signers = defaultdict[str, set[str]](set)
        """Certificate → accounts that posted pictures signed with it."""
        self.eyes = dict[str, tuple[float, ...]]()
        self.created = dict[str, float]()
        self.templates = dict[str, str]()
        self.missing = {
            SIGNER: "coordination.no_files",
            PORTRAIT: "coordination.no_accounts",
            PATTERN: "coordination.no_accounts",
        }
        """Kind that the input cannot show → code of the reason."""

    def shared(self, members: Iterable[str]) -> Iterator[Shared]:
        """Yield what members have in common."""
        inside = set(members)
        for signer, accounts in sorted(self.signers.items()):
            if len(both := sorted(accounts & inside)) > 1:
                yield Shared(SIGNER, signer, both)
        for group in _together(self.eyes, inside, AGREE):
            yield Shared(PORTRAIT, "", group)
        for group in _together({name: (at,) for name, at in self.created.items()}, inside, HOUR):
            yield Shared(PATTERN, "created", group)
        by = defaultdict[str, list[str]](list)
        for name in sorted(inside & self.templates.keys()):
            by[self.templates[name]].append(name)
        for template, group in sorted(by.items()):
            if len(group) >= FEWEST:
                yield Shared(PATTERN, template, group)


def look_at(posts: Posts, accounts: str | None, media_root: str | None, workers: Workers) -> Traits:
    """Return the traits that posts and accounts show, and add the pictures of posts to them.

    Raises:
        ConfigError: the file cannot be read.
    """
    traits = Traits()
    signers = look_at_media(posts, workers)
    names = list(posts.accounts)
    for post, number in zip(posts.files.post, posts.files.thing, strict=True):
        if number in signers:
            traits.signers[signers[number]].add(names[posts.account[post]])
    if posts.files.names:
        del traits.missing[SIGNER]
    if accounts is not None:
        root = media_root or str(Path(accounts).parent)
        _accounts(traits, _read(accounts, posts), root, workers)
    return traits


def _accounts(traits: Traits, accounts: Mapping[str, Account], root: str, workers: Workers) -> None:
    """Add what is known of accounts."""
    del traits.missing[PATTERN]
    pictured = {name: each.avatar for name, each in accounts.items() if each.avatar}
    if pictured:
        del traits.missing[PORTRAIT]
        files = [f"{root}\0{path}" for path in pictured.values()]
        for name, seen in zip(pictured, looked_at(files, FACES, workers), strict=True):
            if seen.eyes:
                traits.eyes[name] = seen.eyes
    else:
        traits.missing[PORTRAIT] = "coordination.no_avatars"
    count = defaultdict[str, int](int)
    for name, each in accounts.items():
        if (at := seconds(each.created_at)) is not None:
            traits.created[name] = at
        template = DIGITS.sub("#", each.handle or "").casefold()
        if "#" in template and not DEFAULT_HANDLE.fullmatch(template):
            traits.templates[name] = template
            count[template] += 1
    most = POPULAR * len(accounts)
    traits.templates = {n: t for n, t in traits.templates.items() if count[t] < most}
    if not any(each.created_at or each.handle for each in accounts.values()):
        traits.missing[PATTERN] = "coordination.no_creation"


def _read(name: str, posts: Posts) -> dict[str, Account]:
    """Return the accounts of a file; lines that are none are counted with those of the posts."""
    try:
        with Path(name).open("rb") as file:
            found = list(rows(file, name, Account, posts.skip))
    except OSError as error:
        raise ConfigError(f"{name}: {error.strerror}") from error
    return {str(each.account_id): each for _, each in found}


def _together(
    places: Mapping[str, tuple[float, ...]], inside: set[str], apart: float
) -> Iterator[list[str]]:
    """Yield groups of members whose places agree with that of the first in every number."""
    left = sorted((places[name], name) for name in inside if name in places)
    while left:
        first = left[0][0]
        near = [
            name for at, name in left
            if all(abs(a - b) <= apart for a, b in zip(at, first, strict=True))
        ]  # fmt: skip
        taken = set(near)
        left = [each for each in left if each[1] not in taken]
        if len(near) >= FEWEST:
            yield sorted(near)
