"""Accounts of known operations, and strangers, in clusters; and CPU time of a million posts.

    python benchmarks/coordination.py DATA [--posts 1000000]

DATA holds `op_*.jsonl.gz` and `organic_*.jsonl.gz`: posts with `campaign` and `organic`, which the
search never sees. Each operation is searched alone and among all strangers, whose posts are moved
by whole days so that their busiest day is the operation's, times cut to the minute. Strangers whose
`organic` is null share texts with one another and count on neither side.

The million posts are made: 200,000 accounts by Zipf, 70 % unique texts, 60,000 popular texts
reposted in bursts (once by an account), and ten groups of 40 accounts.
"""

import argparse
import gzip
import json
import resource
import tempfile
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np

from detectors.models.statistics import wilson
from provenance.coordination.clusters import Document, document
from provenance.coordination.posts import read

Post = dict[str, Any]
DAYS = 14
GROUPS, MEMBERS = 10, 40


def load(path: Path) -> list[Post]:
    """Return the posts of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as lines:
        return [json.loads(line) for line in lines]


def busiest(posts: list[Post]) -> date:
    """Return the day with most posts."""
    days = Counter(post["created_at"][:10] for post in posts)
    return date.fromisoformat(days.most_common(1)[0][0])


def moved(posts: list[Post], day: date) -> Iterator[Post]:
    """Yield posts whose busiest day is another, times cut to the minute."""
    by = day - busiest(posts)
    for post in posts:
        at = datetime.fromisoformat(post["created_at"][:19]) + by
        yield post | {"created_at": f"{at:%Y-%m-%dT%H:%M}:00Z"}


def searched(posts: Iterable[Post]) -> tuple[Document, float]:
    """Return what is found among posts, and the CPU seconds that it takes."""
    hidden = ("campaign", "organic")
    with tempfile.NamedTemporaryFile("w", suffix=".jsonl") as file:
        for post in posts:
            file.write(json.dumps({k: v for k, v in post.items() if k not in hidden}) + "\n")
        file.flush()
        begun = time.process_time()
        found = document(read([file.name]))
        return found, time.process_time() - begun


def row(name: str, posts: list[Post]) -> str:
    """Return a row of the table."""
    found, seconds = searched(posts)
    members = {account for cluster in found.clusters for account in cluster.accounts}
    cells = [name, f"{len(posts):,}"]
    for told in (False, True):
        accounts = {post["account_id"] for post in posts if post["organic"] is told}
        if not accounts:
            cells.append("–")  # noqa: RUF001 - a dash in a table
            continue
        caught = len(members & accounts)
        low, high = wilson(caught, len(accounts))
        cells.append(f"{caught} of {len(accounts):,} ({100 * low:.2g}–{100 * high:.2g} %)")  # noqa: RUF001
    chances = [cluster.expected_by_chance for cluster in found.clusters]
    cells += [f"{len(chances)}", f"{max(chances, default=0):.2f}", f"{seconds:.1f}"]
    return f"| {' | '.join(cells)} |"


def made(count: int) -> Iterator[Post]:
    """Yield posts that are made."""
    rng = np.random.default_rng(1)
    parts = ("ba", "do", "ki", "lu", "pra"), ("me", "ra", "to", "li"), ("n", "s", "vi", "k", "l")
    words = np.array(["".join(three) for three in product(*parts)])
    span, popular, accounts = DAYS * 86400, count * 6 // 100, count // 5
    weight = 1 / np.arange(1, accounts + 1) ** 0.8
    account = rng.choice(accounts, count, p=weight / weight.sum())
    fame = 1 / np.arange(1, popular + 1)
    which, begins = rng.choice(popular, count, p=fame / fame.sum()), rng.uniform(0, span, popular)
    viral = rng.choice(len(words), (popular, 12))
    passed = set[tuple[int, int]]()
    for number in range(count):
        if number < count // 20:
            group, turn = number % GROUPS, number // GROUPS // MEMBERS
            name = f"group{group}_{number // GROUPS % MEMBERS}"
            at = (turn * 2600 + group * 97) % span + rng.uniform(0, 40)
            text = " ".join(words[np.random.default_rng([group, turn]).choice(len(words), 12)])
            repost = turn % 2 == 0
        else:
            who = int(account[number]), int(which[number])
            name, repost = f"u{who[0]}", bool(rng.random() < 0.3) and who not in passed
            at, text = rng.uniform(0, span), " ".join(words[rng.choice(len(words), 12)])
            if repost:
                passed.add(who)
                at = min(begins[which[number]] + rng.exponential(6 * 3600), span)
                text = " ".join(words[viral[which[number]]])
        when = datetime(2024, 3, 1, tzinfo=UTC) + timedelta(seconds=int(at))
        yield {"post_id": f"p{number}", "account_id": name, "created_at": when.isoformat(),
               "text": text, "is_repost": repost}  # fmt: skip


def main() -> None:
    """Print the table, and what the made posts cost."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", type=Path)
    parser.add_argument("--posts", type=int, default=1_000_000)
    args = parser.parse_args()
    strangers = {
        path.name[:-9]: load(path) for path in sorted(args.data.glob("organic_*.jsonl.gz"))
    }
    print("| posts of | number | operation's accounts in clusters | strangers in clusters"
          " | clusters | highest chance | CPU s |\n|---|---|---|---|---|---|---|")  # fmt: skip
    for name, posts in strangers.items():
        print(row(name, posts), flush=True)
    for path in sorted(args.data.glob("op_*.jsonl.gz")):
        operation = load(path)
        print(row(path.name[:-9], operation), flush=True)
        day = busiest(operation)
        among = [post for posts in strangers.values() for post in moved(posts, day)]
        print(row(f"{path.name[:-9]} among strangers", operation + among), flush=True)
    if args.posts:
        found, seconds = searched(made(args.posts))
        peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
        sizes = [len(cluster.accounts) for cluster in found.clusters]
        print(f"\n{args.posts:,} posts made: {seconds:.0f} CPU s, {peak:.0f} MB, clusters {sizes}")


if __name__ == "__main__":
    main()
