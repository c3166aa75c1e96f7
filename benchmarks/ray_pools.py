"""Compare two ways of checking many items on Ray: actors kept busy by us, and Ray Data's pool.

Both run the same actor on texts of one line with `text_marks`; CPU is that of all processes, Ray's
own included.

    python benchmarks/ray_pools.py actors|data [--items N] [--actors N]

Needs the extra `cluster`, and pyarrow for Ray Data.
"""

import argparse
import json
import os
import pickle
import tempfile
import time
from collections import deque
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

from detectors.catalog import catalog
from provenance.engine.config import configure
from provenance.engine.ray.actor import Checker, Order
from provenance.engine.ray.driver import HELD
from provenance.engine.supervisor import DEFAULTS
from provenance.intake import files
from provenance.version import __version__

TICK = os.sysconf("SC_CLK_TCK")


def order() -> bytes:
    """Return how items are checked."""
    config = configure(catalog(), today="2026-11-30", only=["text_marks"])
    return pickle.dumps(Order(config, DEFAULTS, traced=False))


def cpu_seconds() -> float:
    """Return the CPU time of this process, and of all that it has started."""
    parents, spent = {}, {}
    for each in filter(str.isdigit, (path.name for path in Path("/proc").iterdir())):
        with suppress(OSError):
            fields = Path(f"/proc/{each}/stat").read_text().rsplit(")", 1)[1].split()
            parents[each], spent[each] = fields[1], sum(map(int, fields[11:15]))
    ours, more = set[str](), {str(os.getpid())}
    while more:
        ours |= more
        more = {each for each, parent in parents.items() if parent in ours} - ours
    return sum(spent.get(each, 0) for each in ours) / TICK


def actors(ray: Any, paths: list[str], count: int) -> Iterator[int]:
    """Yield how many items are done, from actors that have one call at a time."""
    remote = ray.remote(num_cpus=1)(Checker)
    pool = [remote.remote() for _ in range(count)]
    ray.get([each.begin.remote(__version__, str(Path.cwd()), order()) for each in pool])
    waiting = deque(enumerate(paths))
    held = dict.fromkeys(range(count), 0)
    calls: dict[Any, int] = {}

    def call(at: int) -> None:
        number = min(HELD - held[at], len(waiting))
        tasks = [waiting.popleft() for _ in range(number)]
        held[at] += number
        if held[at]:
            packed = [
                (key, pickle.dumps((files.item(path, follow=False), None))) for key, path in tasks
            ]
            calls[pool[at].turn.remote(packed)] = at

    for at in range(count):
        call(at)
    while calls:
        (ready,), _ = ray.wait(list(calls), num_returns=1)
        at, results = calls.pop(ready), ray.get(ready)
        held[at] -= len(results)
        yield len(results)
        call(at)


class Mapped:
    """A checker as Ray Data wants it: a batch of paths in, a batch of records out."""

    def __init__(self, told: bytes, folder: str) -> None:
        """Start it."""
        self._checker = Checker()
        self._checker.begin(__version__, folder, told)

    def __call__(self, batch: dict[str, Any]) -> dict[str, Any]:
        """Check a batch."""
        tasks = [
            (number, pickle.dumps((files.item(str(path), follow=False), None)))
            for number, path in enumerate(batch["item"])
        ]
        results = self._checker.turn(tasks)
        while len(results) < len(tasks):
            results += self._checker.turn([])
        return {"record": [result.record for result in sorted(results)]}


def data(ray: Any, paths: list[str], count: int) -> Iterator[int]:
    """Yield how many items are done, from Ray Data's `map_batches` over a pool of actors."""
    context = ray.data.DataContext.get_current()
    context.enable_progress_bars = False
    context.execution_options.preserve_order = True
    mapped = ray.data.from_items(paths).map_batches(
        Mapped,
        fn_constructor_args=(order(), str(Path.cwd())),
        batch_size=HELD,
        compute=ray.data.ActorPoolStrategy(size=count),
        num_cpus=1,
    )
    for batch in mapped.iter_batches(batch_size=None):
        yield len(batch["record"])


def main() -> None:
    """Run one way, and print its figures as JSON."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("way", choices=["actors", "data"])
    parser.add_argument("--items", type=int, default=5000)
    parser.add_argument("--actors", type=int, default=2)
    asked = parser.parse_args()
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    import ray
    import ray.data

    with tempfile.TemporaryDirectory(prefix="ray-", ignore_cleanup_errors=True) as folder:
        paths = [f"{folder}/{number:06}.txt" for number in range(asked.items)]
        for number, path in enumerate(paths):
            Path(path).write_text(f"A text of one line, number {number}.\n", "utf-8")
        ray.init(
            address="local", num_cpus=asked.actors, include_dashboard=False, log_to_driver=False,
            _temp_dir=f"{folder}/ray",
        )  # fmt: skip
        before, began, first, done = cpu_seconds(), time.monotonic(), 0.0, 0
        for count in {"actors": actors, "data": data}[asked.way](ray, paths, asked.actors):
            first, done = first or time.monotonic() - began, done + count
        figures = {
            "way": asked.way,
            "items": done,
            "cpu_seconds": round(cpu_seconds() - before, 1),
            "first_record_seconds": round(first, 1),
            "seconds": round(time.monotonic() - began, 1),
        }
        print(json.dumps(figures))
        ray.shutdown()


if __name__ == "__main__":
    main()
