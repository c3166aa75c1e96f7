"""What the service costs beside `Checker`, what it holds, and whether it lasts.

    python benchmarks/service.py cost [--rounds 9] [--requests 400]
    python benchmarks/service.py lookup [--entries 1000000] [--requests 4000]
    python benchmarks/service.py memory
    python benchmarks/service.py soak [--minutes 20]

`cost`: CPU of all processes of a warm `POST /v1/check` of one small picture
(fixtures/signed/ai.jpg, cheap detectors), beside that of `Checker.check` of the same bytes with the
same deadline; four of each at a time, one worker, in turns. `lookup`: `GET /m/lookup` of a PDQ hash
among made-up entries (benchmarks/lookup.py), 16 connections. `memory`: resident after 500 and after
5,000 requests. `soak`: files, forms, messages and requests that are none from six clients, while a
worker is killed every few seconds; nothing but 200, 400 and 503 may come back.
"""

import argparse
import base64
import http.client
import json
import os
import random
import re
import signal
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import provenance

FIXTURES = Path(__file__).parent.parent / "fixtures"
PICTURE = (FIXTURES / "signed" / "ai.jpg").read_bytes()
CHEAP = ("credentials", "metadata", "known_fakes", "text_credentials", "text_marks")
AT_ONCE, CONNECTIONS, CLIENTS = 4, 16, 6
PAUSE = 0.5
"""Seconds between two requests of a client, at most."""
KILL_SECONDS = 5
TICK, PAGE = os.sysconf("SC_CLK_TCK"), os.sysconf("SC_PAGE_SIZE")


def tree(pid: int) -> list[int]:
    """Return a process and what descends from it."""
    found = [pid]
    for one in found:
        try:
            tasks = list(Path(f"/proc/{one}/task").glob("*/children"))
            found += [int(child) for task in tasks for child in task.read_text().split()]
        except OSError:
            continue
    return found


def cpu(processes: list[int]) -> float:
    """Return the CPU seconds of processes."""
    stats = (Path(f"/proc/{one}/stat").read_text().rpartition(")")[2] for one in processes)
    return sum(sum(map(int, stat.split()[11:13])) for stat in stats) / TICK


def resident(pid: int) -> float:
    """Return the resident memory of a process and its descendants, MB."""
    pages = (Path(f"/proc/{one}/statm").read_text().split()[1] for one in tree(pid))
    return sum(int(count) * PAGE for count in pages) / 1e6


@contextmanager
def serving(*options: str) -> Iterator[tuple[int, int]]:
    """Yield process and port of a service."""
    command = [sys.executable, "-m", "provenance", "serve", "--port", "0", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        said, stderr = "", process.stderr or sys.stdin
        for line in stderr:
            if found := re.search(r"listening at http://127\.0\.0\.1:(\d+)/", line):
                break
            said += line
        else:
            raise SystemExit(said)
        yield process.pid, int(found[1])
        process.terminate()
        rest = stderr.read()
        if process.wait() or rest:
            raise SystemExit(f"exit {process.returncode}: {rest}")


def together(count: int, total: int, call: Callable[[int], None]) -> None:
    """Call a function so many times in all, from so many threads."""

    def calls(thread: int) -> None:
        for number in range(thread, total, count):
            call(number)

    threads = [threading.Thread(target=calls, args=(thread,)) for thread in range(count)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


class Client:
    """A connection a thread."""

    def __init__(self, port: int) -> None:
        self._port, self._own = port, threading.local()

    def good(self, method: str, path: str, body: bytes = b"", kind: str = "") -> None:
        """Ask for something that is answered with 200."""
        status, answer = self.ask(method, path, body, kind)
        if status != 200:
            raise SystemExit(f"{path}: {status} {answer[:300]!r}")

    def ask(self, method: str, path: str, body: bytes = b"", kind: str = "") -> tuple[int, bytes]:
        """Return status and body of an answer."""
        if not hasattr(self._own, "connection"):
            self._own.connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=120)
        self._own.connection.request(method, path, body, {"Content-Type": kind} if kind else {})
        answer = self._own.connection.getresponse()
        return answer.status, answer.read()


def cost(rounds: int, requests: int) -> None:
    """Print the CPU of a request and of a call, and their ratio."""
    options = ("--jobs", "1", "--only", ",".join(CHEAP))
    both = list[tuple[float, float]]()
    with (
        serving(*options) as (pid, port),
        provenance.Checker(only=CHEAP, jobs=1) as checker,
    ):
        client = Client(port)

        def post(_number: int) -> None:
            client.good("POST", "/v1/check", PICTURE, "image/jpeg")

        def call(_number: int) -> None:
            checker.check(PICTURE, deadline=20.0)

        together(AT_ONCE, 100, post)
        together(AT_ONCE, 100, call)
        theirs = tree(pid)
        mine = [one for one in tree(os.getpid()) if one not in theirs]
        for _ in range(rounds):
            before = cpu(theirs)
            together(AT_ONCE, requests, post)
            asked = cpu(theirs) - before
            before = cpu(mine)
            together(AT_ONCE, requests, call)
            both.append((asked, cpu(mine) - before))
    ratios = sorted(asked / called for asked, called in both)
    for name, at in (("a request", 0), ("a call of Checker.check", 1)):
        print(f"{name}: {1000 * statistics.median(row[at] for row in both) / requests:.2f} CPU ms")
    shown = (
        f"{statistics.median(ratios):.2f} (of {rounds} rounds {ratios[0]:.2f} to {ratios[-1]:.2f})"
    )
    print(f"ratio: {shown}")


def lookup(entries: int, requests: int) -> None:
    """Print the CPU of a look-up over HTTP."""
    import numpy as np
    from lookup import filled, hashes

    with tempfile.TemporaryDirectory() as folder:
        bank = Path(folder) / "large.bank"
        rng = np.random.default_rng(3)
        known = np.concatenate([rows[::50] for rows in filled(bank, entries, rng)])
        half = known[rng.integers(0, len(known), requests // 2)]
        near = half ^ np.packbits(rng.random((len(half), 256)) < 10 / 256, axis=1)
        rows = np.concatenate([near, hashes(rng, requests - len(half))])
        asked = [row.tobytes().hex() for row in rng.permutation(rows)]
        with serving("--jobs", "1", "--only", "known_fakes", "--bank", str(bank)) as (pid, port):
            client = Client(port)

            def look(number: int) -> None:
                client.good("GET", f"/m/lookup?signal_type=pdq&signal={asked[number]}")

            together(CONNECTIONS, 200, look)
            before = cpu(tree(pid))
            together(CONNECTIONS, requests, look)
            spent = cpu(tree(pid)) - before
    print(f"{entries:,} entries: {requests / spent:,.0f} look-ups a CPU second")


def memory() -> None:
    """Print what is resident after 500 and after 5,000 requests."""
    bodies = [PICTURE, (FIXTURES / "signed" / "edited.jpg").read_bytes(), b"Some words.\n"]
    with serving("--jobs", "2", "--only", ",".join(CHEAP)) as (pid, port):
        client = Client(port)

        def post(number: int) -> None:
            client.good("POST", "/v1/check", bodies[number % 3])

        together(AT_ONCE, 500, post)
        first = resident(pid)
        together(AT_ONCE, 4500, post)
        last = resident(pid)
    print(
        f"resident: {first:.0f} MB after 500 requests, {last:.0f} after 5,000: {last / first:.2f}"
    )


def soak(minutes: float) -> None:
    """Ask for some minutes while workers are killed; print what was answered."""
    picture = {"name": "a.jpg", "base64": base64.b64encode(PICTURE).decode()}
    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nwords\r\n'
    asked = [
        (PICTURE, "image/jpeg", {200, 503}),
        (b"Some words that a person wrote.\n", "text/plain", {200, 503}),
        (part * 8 + b"--b--\r\n", "multipart/form-data; boundary=b", {200, 503}),
        (json.dumps({"id": "m", "text": "words", "media": [picture] * 3}).encode(),
         "application/json", {200, 503}),
        (b"{no json", "application/json", {400, 503}),
        (b"no form", "multipart/form-data; boundary=b", {400, 503}),
    ]  # fmt: skip
    counts, killed, end = Counter[int](), 0, time.monotonic() + 60 * minutes
    with serving("--jobs", "2", "--only", ",".join(CHEAP)) as (pid, port):
        client = Client(port)

        def clients(seed: int) -> None:
            rng = random.Random(seed)  # noqa: S311
            while time.monotonic() < end:
                time.sleep(PAUSE * rng.random())
                body, kind, right = rng.choice(asked)
                status, answer = client.ask("POST", "/v1/check", body, kind)
                if status not in right:
                    print(status, kind, answer[:300])
                counts[status] += 1

        threads = [threading.Thread(target=clients, args=(seed,)) for seed in range(CLIENTS)]
        for thread in threads:
            thread.start()
        time.sleep(min(30, 15 * minutes))
        first = resident(pid)
        while time.monotonic() < end - KILL_SECONDS:
            time.sleep(KILL_SECONDS)
            leaves = [one for one in tree(pid)[1:] if len(tree(one)) == 1]
            os.kill(random.choice(leaves), signal.SIGKILL)  # noqa: S311
            killed += 1
        for thread in threads:
            thread.join()
        last = resident(pid)
    told = ", ".join(f"{count} of {status}" for status, count in sorted(counts.items()))
    print(f"{sum(counts.values()):,} requests, {killed} workers killed: {told}")
    print(f"resident: {first:.0f} MB, at the end {last:.0f}")


def main() -> None:
    """Measure what is asked for."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    what = parser.add_subparsers(required=True)
    for name, function, options in (
        ("cost", cost, {"rounds": 9, "requests": 400}),
        ("lookup", lookup, {"entries": 1_000_000, "requests": 4000}),
        ("memory", memory, {}),
        ("soak", soak, {"minutes": 20.0}),
    ):
        one = what.add_parser(name)
        one.set_defaults(measure=function)
        for option, default in options.items():
            one.add_argument(f"--{option}", type=type(default), default=default)
    asked = vars(parser.parse_args())
    asked.pop("measure")(**asked)


if __name__ == "__main__":
    main()
