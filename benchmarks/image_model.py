"""Two picture detectors and more on one folder of labelled pictures, by one protocol.

    python benchmarks/image_model.py FOLDER [--split dev] [--model DIR]... [--peer PYTHON]

FOLDER holds MANIFEST.jsonl, as `provenance train image_model` takes it. The shipped model speaks,
then each `--model`, then the peer `sahu65` where `--peer` names the Python of an environment that
has it. All see the same bytes. A picture without a score counts against its detector: a generated
one as the lowest, a real one as the highest and as accused. Shares come with 95 % Wilson intervals,
AUROC with a bootstrap one. CPU is user + sys of the whole process, loading included, over the
number of pictures.

The shipped model has learnt from `train` and `dev`: on those splits its line shows what it
remembers. Compare a model trained without them (`provenance train image_model --split train`).
"""

import argparse
import json
import math
import resource
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from detectors.models.statistics import auroc, auroc_interval, wilson

LISTED = Path("detectors/image_model/training/photographic.txt")
"""Generated pictures that could pass for photographs."""
STRONG = 1.0
"""log10 likelihood ratio at which our detector counts as accusing."""
MOST_UNCOMPACTED = 0.01
"""Share of real pictures above the common threshold."""
PEER = """
import json, sys
import sahu65
for path in sys.argv[1:]:
    with open(path, "rb") as file:
        data = file.read()
    try:
        said = sahu65.detect_bytes(data)
    except Exception as error:  # whatever the peer raises: said, and counted as its worst answer
        print(f"{path}: {error!r}", file=sys.stderr)
        continue
    print(json.dumps([path.rsplit("/", 1)[-1], said.ai_probability, said.is_ai]), flush=True)
"""
Row = dict[str, Any]
Said = dict[str, tuple[float, bool]]
"""File name to score and whether the detector accuses at its own threshold."""


def rows(folder: Path, split: str) -> list[Row]:
    """Return the pictures labelled ai or real of a split, by file."""
    lines = (folder / "MANIFEST.jsonl").read_text("utf-8").splitlines()
    found = [json.loads(line) for line in lines if line.strip()]
    wanted = [r for r in found if r["split"] == split and r["label"] in ("ai", "real")]
    return sorted(wanted, key=lambda row: str(row["file"]))


def run(command: list[str]) -> tuple[list[str], float]:
    """Return the lines that a command prints, and its CPU seconds."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    out = subprocess.run(command, capture_output=True, check=False, text=True)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    if not out.stdout:
        sys.exit(f"{command[0]}: {out.stderr.strip()[-400:]}")
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return out.stdout.splitlines(), spent


def ours(folder: Path, model: str | None) -> tuple[Said, float]:
    """Return what our detector says of the files of a folder."""
    command = [sys.executable, "-m", "provenance", "scan", str(folder), "--only", "image_model"]
    command += ["--format", "jsonl", "--fail-on", "never"]
    if model is not None:
        command += ["--model", f"image_model={model}"]
    lines, spent = run(command)
    said: Said = {}
    for line in lines:
        record = json.loads(line)
        for signal in record["signals"]:
            score = (signal["facts"] or {}).get("score")
            if signal["detector"] == "image_model" and score is not None:
                ratio = signal["log10_lr"]
                name = Path(record["item"]["uri"]).name
                said[name] = (score, ratio is not None and ratio >= STRONG)
    return said, spent


def peer(folder: Path, python: str) -> tuple[Said, float]:
    """Return what the peer says of the files of a folder."""
    files = sorted(str(path) for path in folder.iterdir())
    lines, spent = run([python, "-c", PEER, *files])
    return {name: (score, accuses) for name, score, accuses in map(json.loads, lines)}, spent


def line(name: str, pictures: list[Row], said: Said, spent: float) -> str:
    """Return a detector's line of the table."""
    labels = [row["label"] == "ai" for row in pictures]
    keys = [Path(row["file"]).name for row in pictures]
    worst = [-math.inf if ai else math.inf for ai in labels]
    scores = [said.get(key, (end, False))[0] for key, end in zip(keys, worst, strict=True)]
    accuses = [said.get(key, (0.0, not ai))[1] for key, ai in zip(keys, labels, strict=True)]
    listed = set(LISTED.read_text("utf-8").splitlines())
    faces = [bool(row.get("face")) for row in pictures]
    like = [not ai or key in listed for key, ai in zip(keys, labels, strict=True)]
    real = sorted((s for s, ai in zip(scores, labels, strict=True) if not ai), reverse=True)
    limit = real[math.floor(MOST_UNCOMPACTED * len(real))]
    above = [score > limit for score in scores]
    cells = [
        name,
        *(ranked(scores, labels, part) for part in ([True] * len(keys), faces, like)),
        share([hit for hit, ai in zip(above, labels, strict=True) if ai]),
        share([hit for hit, ai in zip(accuses, labels, strict=True) if ai]),
        share([hit for hit, ai in zip(accuses, labels, strict=True) if not ai]),
        f"{1000 * spent / len(keys):.0f}",
    ]
    return f"| {' | '.join(cells)} |"


def ranked(scores: list[float], labels: list[bool], part: list[bool]) -> str:
    """Return the AUROC of a part of the pictures, with its interval."""
    own = [(s, ai) for s, ai, use in zip(scores, labels, part, strict=True) if use]
    value = auroc([s for s, _ in own], [ai for _, ai in own])
    ends = auroc_interval([s for s, _ in own], [ai for _, ai in own])
    return "" if value is None or ends is None else f"{value:.3f} ({ends[0]:.3f} to {ends[1]:.3f})"


def share(hits: list[bool]) -> str:
    """Return k of n with its interval."""
    low, high = wilson(sum(hits), len(hits))
    return f"{sum(hits)} of {len(hits)} ({low:.3f} to {high:.3f})"


def main() -> None:
    """Measure and print one table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--split", default="dev")
    parser.add_argument("--model", action="append", default=[])
    parser.add_argument("--peer", metavar="PYTHON")
    asked = parser.parse_args()
    pictures = rows(asked.folder, asked.split)
    print(
        "| detector | AUROC | faces | like photographs | caught at 1 % accused | caught | accused"
        " | CPU ms |\n|---|---|---|---|---|---|---|---|"
    )
    with tempfile.TemporaryDirectory() as name:
        flat = Path(name)
        for row in pictures:  # one flat folder, so that no path gives a label away
            (flat / Path(row["file"]).name).write_bytes((asked.folder / row["file"]).read_bytes())
        for model in (None, *asked.model):
            print(line(model or "shipped", pictures, *ours(flat, model)), flush=True)
        if asked.peer:
            print(line("sahu65", pictures, *peer(flat, asked.peer)), flush=True)


if __name__ == "__main__":
    main()
