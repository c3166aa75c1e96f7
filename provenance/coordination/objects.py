"""Shared objects: which posts of different accounts hold the same thing."""

from collections.abc import Mapping, Sequence
from typing import Any, Final, NamedTuple

import numpy as np
from numpy.typing import NDArray

from provenance.coordination.evidence.copies import copies
from provenance.coordination.evidence.near import groups
from provenance.coordination.evidence.sketch import distinct, mixed
from provenance.coordination.posts import NONE, POPULAR, Pairs, Posts

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
TEXT, REPOST, URL, IMAGE = range(4)
"""Kinds of object in these columns."""
HOUR: Final = 3600.0


class Shares(NamedTuple):
    """Who shared which object when, in an order that the order of the input does not change.

    One row for a post and an object in it: those that several accounts share, and some others of
    the same hours, with which they change hands by chance.
    """

    post: Ints
    """Place of the post in `Posts`."""
    account: Ints
    """Number of the account in the order of the names."""
    time: Floats
    kind: Ints
    object: Ints
    """Numbers from 0 without a gap."""
    source: Ints
    """Whose the object is: reposts of one author count once, and other objects each."""
    name: Ints
    """What exactly the post holds, in the list of names of the kind: one of the near copies."""
    slot: Ints
    """Rows of one hour and kind have one number."""
    bound: Flags
    """Whether over half of the posts of the hour and kind are shared, so that permutation within it
    proves nothing."""
    accounts: list[str]
    """Names of the accounts."""
    posts: Ints
    """Posts of each account, those that share nothing among them."""
    names: dict[int, list[str]]
    """Of each kind: texts, addresses, ids of reposted posts."""

    def rows(self, order: Ints) -> "Shares":
        """Return some rows, in an order."""
        columns: dict[str, Any] = {name: getattr(self, name)[order] for name in self._fields[:-3]}
        return self._replace(**columns)


class _Held(NamedTuple):
    """Objects of one kind: which post holds which."""

    post: Ints
    object: Ints
    source: Ints
    name: Ints


def shares(posts: Posts) -> Shares:
    """Return the posts that share an object with another account's."""
    account, time = _by_name(posts.account, posts.accounts), np.array(posts.time)
    texts = sorted(posts.texts)
    text = _by_name(posts.text, posts.texts)
    group = np.r_[groups(texts), NONE][text]  # the last stands for posts without a text
    held = {
        TEXT: _texts(posts, text, group),
        REPOST: _reposts(posts, text, group),
        URL: _urls(posts),
        IMAGE: _images(posts),
    }
    parts = [_shared(each, kind, account, time) for kind, each in held.items()]
    post, kind, object_, source, name, slot, bound = map(np.concatenate, zip(*parts, strict=True))
    ids = np.unique(np.array([posts.ids[at] for at in post], object), return_inverse=True)[1]
    found = Shares(
        post, account[post], time[post], kind, _joined(kind, object_), _joined(kind, source), name,
        _joined(kind, slot), bound, sorted(posts.accounts),
        np.bincount(account, minlength=len(posts.accounts)),
        _names(posts, texts),
    )  # fmt: skip
    return found.rows(np.lexsort((found.object, ids, found.account, found.time)))


def _names(posts: Posts, texts: list[str]) -> dict[int, list[str]]:
    images = [_shown(name) for name in sorted(posts.images.names)]
    urls, origins = sorted(posts.urls.names), sorted(posts.origins)
    return {TEXT: texts, REPOST: texts + origins, URL: urls, IMAGE: images}


def _shared(held: _Held, kind: int, account: Ints, time: Floats) -> tuple[NDArray[Any], ...]:
    """Return post, kind, object, source, name, slot and bound of what several accounts share.

    With them come as many posts of the same hours that share nothing: where only the shared ones
    changed hands, a group that is alone in its hour would come out the same each time.
    """
    by = account.max(initial=0) + 1
    seen = distinct(held.object * by + account[held.post]) // by
    names, users = np.unique(seen, return_counts=True)
    kept = np.isin(held.object, names[users > 1])
    _, slot, count = np.unique(
        np.floor(time[held.post] / HOUR), return_inverse=True, return_counts=True
    )
    shared = np.bincount(slot[kept], minlength=len(count))
    bound = shared * 2 > count
    others = np.flatnonzero(~kept & ~bound[slot] & (shared[slot] > 0))
    chance = mixed(np.asarray(held.object[others] * by + account[held.post[others]], np.uint64))
    others = others[np.lexsort((chance, slot[others]))]
    first = np.searchsorted(slot[others], slot[others])
    kept[others[np.arange(len(others)) - first < shared[slot[others]]]] = True
    columns = (held.post, held.object, held.source, held.name, slot)
    post, object_, source, name, slot = (column[kept] for column in columns)
    return post, np.full(len(post), kind), object_, source, name, slot, bound[slot]


def _texts(posts: Posts, text: Ints, group: Ints) -> _Held:
    """Return what accounts wrote; near copies are one object."""
    post = np.flatnonzero((group != NONE) & ~np.array(posts.repost, bool))
    return _Held(post, group[post], group[post], text[post])


def _reposts(posts: Posts, text: Ints, group: Ints) -> _Held:
    """Return what accounts passed on: the post where it is named, else its text."""
    origin = _by_name(posts.origin, posts.origins)
    post = np.flatnonzero(np.array(posts.repost, bool) & ((group != NONE) | (origin != NONE)))
    named, other = (origin != NONE)[post], (len(posts.texts) + origin)[post]
    object_, name = np.where(named, other, group[post]), np.where(named, other, text[post])
    author = _by_name(posts.author, posts.authors)[post]
    unknown = len(posts.authors)
    by = np.full(object_.max(initial=0) + 1, unknown)
    known = author != NONE
    np.minimum.at(by, object_[known], author[known])
    source = np.where(by[object_] < unknown, by[object_], unknown + object_)
    return _Held(post, object_, source, name)


def _urls(posts: Posts) -> _Held:
    """Return the addresses in what accounts wrote, but for those that many share."""
    url, post = _own(posts, posts.urls)
    account = np.array(posts.account, np.int64)[post]
    seen = np.unique(np.stack([url, account]), axis=1)
    users = np.bincount(seen[0], minlength=len(posts.urls.names))
    rare = users[url] <= POPULAR * len(posts.accounts)
    return _Held(post[rare], url[rare], url[rare], url[rare])


def _images(posts: Posts) -> _Held:
    """Return the pictures in what accounts wrote; near copies are one object."""
    image, post = _own(posts, posts.images)
    object_ = copies(sorted(posts.images.names))[image]
    return _Held(post, object_, object_, image)


def _shown(name: str) -> str:
    """Return one of a picture's hashes as a digest."""
    sha256, _, pdq = name.partition("|")
    return f"pdq:{pdq}" if pdq else f"sha256:{sha256}"


def _own(posts: Posts, pairs: Pairs) -> tuple[Ints, Ints]:
    """Return things and the posts that hold them, reposts left out."""
    thing, post = _by_name(pairs.thing, pairs.names), np.array(pairs.post, np.int64)
    own = ~np.array(posts.repost, bool)[post]
    return thing[own], post[own]


def _by_name(column: Sequence[int], names: Mapping[str, int]) -> Ints:
    """Return a column whose numbers follow the order of the names, not that of the input."""
    rank = np.full(len(names) + 1, NONE)  # the last stands for what a post does not have
    rank[[names[name] for name in sorted(names)]] = np.arange(len(names))
    return rank[np.array(column, np.int64)]


def _joined(kind: Ints, number: Ints) -> Ints:
    """Return numbers from 0 without a gap, those of different kinds kept apart."""
    return np.unique(kind * (number.max(initial=0) + 1) + number, return_inverse=True)[1]
