"""Measure the detectors that verify and match, and write `docs/figures.json`.

    python benchmarks/figures.py --credentials DIR --texts DIR --known-fakes DIR --watermarks DIR

Each folder holds MANIFEST.jsonl, one object a file with what is true of it, and the files. The
models' figures are written by `provenance evaluate` (metrics.json beside each model). A share is
given as k of n with its 95 % Wilson interval.
"""

import argparse
import json
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from detectors.models.statistics import wilson

OUT = Path(__file__).parent.parent / "docs" / "figures.json"
COMMAND = [sys.executable, "-m", "provenance"]
Record = dict[str, Any]
AI = {"ai_generated": "generated", "ai_edited": "edited"}


def scan(*args: str) -> dict[str, Record]:
    """Return the records of a scan, by file name."""
    with tempfile.TemporaryDirectory() as home:
        env = {"HOME": home, "PATH": "/usr/bin:/bin", "OMP_NUM_THREADS": "1"}
        command = [*COMMAND, "scan", "--format", "jsonl", "--fail-on", "never", *args]
        out = subprocess.run(command, env=env, capture_output=True, check=False).stdout
    records = [json.loads(line) for line in out.splitlines()]
    return {Path(record["item"]["uri"]).name: record for record in records}


def rows(folder: Path) -> list[Record]:
    """Return the manifest of a folder."""
    lines = (folder / "MANIFEST.jsonl").read_text("utf-8").splitlines()
    return [json.loads(line) for line in lines if line.strip()]


def share(right: Iterable[bool]) -> Record:
    """Return k, n and the interval of what is true."""
    said = list(right)
    low, high = wilson(sum(said), len(said))
    return {"k": sum(said), "n": len(said), "low": round(low, 3), "high": round(high, 3)}


def of(record: Record, detector: str) -> list[Record]:
    """Return the signals of a detector."""
    return [signal for signal in record["signals"] if signal["detector"] == detector]


def fact(record: Record, detector: str, name: str) -> Any:
    """Return a fact of a detector's first signal."""
    return of(record, detector)[0]["facts"].get(name)


def mark(record: Record) -> str | None:
    """Return the strongest claim of AI that the metadata carry."""
    claims = {AI.get(signal["claim"]) for signal in of(record, "metadata")}
    return next((claim for claim in ("generated", "edited") if claim in claims), None)


def credentials(folder: Path) -> Record:
    """Count states, declarations and marks on credentialed, marked and clean pictures."""
    said = scan(str(folder / "files"), "--only", "credentials,metadata")
    table = [(row, said[Path(row["path"]).name]) for row in rows(folder)]
    clean = [
        (row, record)
        for row, record in table
        if row["ai_accepted"] == [None] and row["mark_accepted"] == [None]
    ]
    return {
        "states": share(fact(r, "credentials", "state") in row["states"] for row, r in table),
        "declarations": share(
            fact(r, "credentials", "ai") in row["ai_accepted"]
            for row, r in table
            if None not in row["ai_accepted"]
        ),
        "marks": share(
            mark(r) in row["mark_accepted"] for row, r in table if None not in row["mark_accepted"]
        ),
        "accused": share(
            fact(r, "credentials", "ai") is not None or mark(r) is not None for _, r in clean
        ),
    }


def texts(folder: Path) -> Record:
    """Count states and marks in texts, and claims on innocent ones."""
    said = scan(str(folder), "--only", "text_credentials,text_marks")
    groups: dict[str, list[tuple[Record, Record]]] = {"credential": [], "mark": [], "trap": []}
    for row in rows(folder):
        groups[row["group"]].append((row, said[Path(row["file"]).name]))
    return {
        "states": share(
            fact(r, "text_credentials", "state") in [row["expected_state"], *row.get("accept", [])]
            for row, r in groups["credential"]
        ),
        "marks": share(
            any(
                s["outcome"] == "finding" and row.get("claim") in (None, s["claim"])
                for s in of(r, "text_marks")
            )
            for row, r in groups["mark"]
        ),
        "accused": share(any(s["claim"] for s in of(r, "text_marks")) for _, r in groups["trap"]),
    }


def known_fakes(folder: Path) -> Record:
    """Count right and wrong identities among altered copies, and alarms among strangers."""
    with tempfile.TemporaryDirectory() as work:
        bank = str(Path(work) / "fakes.bank")
        add = [*COMMAND, "bank", "add", "--bank", bank, str(folder / "gallery")]
        subprocess.run(add, check=True, capture_output=True)
        only = ("--only", "known_fakes", "--bank", bank)
        said = scan(str(folder / "queries"), str(folder / "negatives"), *only)
    table = [
        (row, [s["facts"]["entry"] for s in of(said[Path(row["path"]).name], "known_fakes")
               if s["outcome"] == "finding"])
        for row in rows(folder)
        if row["role"] != "gallery"
    ]  # fmt: skip
    queries = [(row, found) for row, found in table if row["role"] == "query"]
    return {
        "recall": share(found == [row["gallery"]] for row, found in queries),
        "wrong": share(any(e != row["gallery"] for e in found) for row, found in queries),
        "alarms": share(bool(found) for row, found in table if row["role"] == "negative"),
    }


def watermarks(folder: Path) -> Record:
    """Count messages and labels read in pixels, and claims on clean pictures.

    Messages that strong JPEG compression has destroyed (`heavy`) are nobody's to find.
    """
    said = scan(str(folder / "files"), "--only", "watermarks")
    found = [
        (row, [s["facts"].get("scheme") for s in of(said[Path(row["file"]).name], "watermarks")
               if s["claim"]])
        for row in rows(folder)
    ]  # fmt: skip
    asked = [each for each in found if each[0]["kind"] not in {"clean", "heavy"}]
    return {
        "messages": share(r["scheme"] in s for r, s in asked if r["scheme"] == "dwtDct"),
        "labels": share(r["scheme"] in s for r, s in asked if r["scheme"] != "dwtDct"),
        "accused": share(bool(s) for r, s in found if r["kind"] == "clean"),
    }


def main() -> None:
    """Measure what was named, and keep the rest of the file."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    measures = {
        "credentials": credentials, "texts": texts, "known_fakes": known_fakes,
        "watermarks": watermarks,
    }  # fmt: skip
    for name in measures:
        parser.add_argument(f"--{name.replace('_', '-')}", type=Path)
    given = vars(parser.parse_args())
    figures = json.loads(OUT.read_text("utf-8")) if OUT.exists() else {}
    for name, measure in measures.items():
        if given[name]:
            day = datetime.now(UTC).date().isoformat()
            figures[name] = {"measured": day, **measure(given[name])}
            print(name, json.dumps(figures[name]))
    OUT.write_text(json.dumps(figures, indent=1, sort_keys=True) + "\n", "utf-8")


if __name__ == "__main__":
    main()
