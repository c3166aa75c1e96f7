"""What the peers of `known_fakes.py` take for the same work; run by an environment that has them.

    python lookup_peers.py FOLDER

FOLDER holds `picture.jpg`, and for each kind of data `KIND.npy` (n, 32) and `KIND_queries.npy`.
Prints one JSON object: milliseconds of CPU, one thread.
"""

import io
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

ROUNDS = 7
RADIUS = 31


def least(work: Callable[[], Any], times: int = 1) -> float:
    """Return the least CPU milliseconds of seven rounds, of one of the `times` in each."""
    taken = []
    for _ in range(ROUNDS):
        start = time.process_time()
        for _ in range(times):
            work()
        taken.append((time.process_time() - start) / times * 1000)
    return min(taken)


def each(search: Callable[[int], Any], queries: int) -> float:
    """Return the least milliseconds of a query, asked one by one."""
    return least(lambda: [search(n) for n in range(queries)]) / queries


def resident() -> float:
    """Return the resident set in MB."""
    line = next(x for x in Path("/proc/self/status").read_text().splitlines() if "VmRSS" in x)
    return int(line.split()[1]) / 1024


def main() -> None:
    """Measure and print."""
    import faiss
    import numpy as np
    import pdqhash
    from PIL import Image
    from threatexchange.signal_type.pdq.pdq_index import PDQIndex

    faiss.omp_set_num_threads(1)
    folder = Path(sys.argv[1])
    data = (folder / "picture.jpg").read_bytes()
    pixels = np.asarray(Image.open(io.BytesIO(data)).convert("RGB"))
    said: dict[str, Any] = {
        "pdqhash": least(lambda: pdqhash.compute(pixels)),
        "decode and pdqhash": least(
            lambda: pdqhash.compute(np.asarray(Image.open(io.BytesIO(data)).convert("RGB")))
        ),
    }
    for kind in ("uniform", "clustered"):
        rows, queries = (np.load(folder / f"{kind}{end}.npy") for end in ("", "_queries"))
        flat = faiss.IndexBinaryFlat(256)
        flat.add(rows)
        said[f"faiss {kind}"] = each(
            lambda n, q=queries, f=flat: f.range_search(q[n : n + 1], RADIUS + 1), len(queries)
        )
        bounds, _, found = flat.range_search(queries, RADIUS + 1)
        said[f"found {kind}"] = [
            sorted(found[bounds[n] : bounds[n + 1]].tolist()) for n in range(len(queries))
        ]
    rows, queries = (np.load(folder / f"uniform{end}.npy") for end in ("", "_queries"))
    start, before = time.process_time(), resident()
    index = PDQIndex.build((row.tobytes().hex(), number) for number, row in enumerate(rows))
    said["threatexchange build s"] = time.process_time() - start
    said["threatexchange MB"] = resident() - before
    asked = [row.tobytes().hex() for row in queries]
    said["threatexchange uniform"] = each(lambda n: index.query(asked[n]), len(asked))
    print(json.dumps(said))


if __name__ == "__main__":
    main()
