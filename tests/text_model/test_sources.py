"""The script that cuts texts out of clones, run as its user runs it, on clones made here."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]
SEEN = (
    "The harbour board met on Tuesday evening to hear what the dredging of the inner basin had"
    " cost, and nobody in the room was surprised to learn that the first estimate had been too low."
)
OWN = (
    "Ferries will leave from the north pier until the repairs are done, which the engineers expect"
    " to take nine weeks if the weather holds and the steel arrives when it was promised to them."
    " Passengers with bicycles are asked to come early, because the ramp there is narrow and old."
)
PAGE = f"""---
title: Minutes
---
# Ferries, and a heading that is no prose.

{OWN}

- a list of things that nobody would read aloud, however long the line may be made to be.

{OWN.replace("Ferries", "Small boats").replace("north", "south").replace("bicycles", "trolleys")}
"""
ANSWER = " ".join(
    f"Point {n} of the plan asks each town along river {n} to publish its budget before spring."
    for n in range(12)
)
SAID = [
    ("model-one", f"I'm sorry, but I cannot say. {ANSWER}"),
    ("model-one", f"```python\nprint()\n```\n{ANSWER}"),
    ("model-one", ANSWER),
    ("gpt2-xl", ANSWER.replace("Point", "Part")),
    ("model-two", "Too short to learn from."),
]


def commit(clone: Path, files: dict[str, str]) -> str:
    """Make a clone with these files, and give its commit."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(clone)]
    clone.mkdir(parents=True)
    subprocess.run([*git, "init", "-q"], check=True)
    for name, text in files.items():
        (clone / name).write_text(text, "utf-8")
    subprocess.run([*git, "add", "."], check=True)
    subprocess.run([*git, "commit", "-q", "-m", "texts"], check=True)
    (clone / ".git").rename(clone / "repo")
    head = subprocess.run(
        ["git", "--git-dir", str(clone / "repo"), "rev-parse", "HEAD"],
        check=True,
        capture_output=True,
        text=True,
    )
    return head.stdout.strip()


def test_prose_is_cut_and_all_else_left_out(tmp_path: Path) -> None:
    said = [{"generator": name, "output": text} for name, text in SAID]
    clones, data = tmp_path / "clones", tmp_path / "data"
    people = commit(clones / "town+minutes", {"a.md": PAGE, "b.md": f"{SEEN} {OWN}", "c.txt": OWN})
    models = commit(clones / "lab+answers", {"out.json": json.dumps(said)})
    table = tmp_path / "sources.tsv"
    table.write_text(
        "# a remark\n"
        "repo\tcommit\tinclude\tlabel\tsource\tdomain\tn\n"
        f"town/minutes\t{people}\t\\.md$\thuman\tGuides\tguides\t9\n"
        f"lab/answers\t{models}\tjson$\tai\tAlpacaEval\tanswers\t9\n",
        "utf-8",
    )
    data.mkdir()
    known = {"text": SEEN, "label": "human", "source": "A", "domain": "b", "language": "en"}
    (data / "dev.jsonl").write_text(json.dumps(known) + "\n", "utf-8")

    command = [sys.executable, "benchmarks/text_sources.py", "--clones", str(clones)]
    ran = subprocess.run(
        [*command, "--data", str(data), "--table", str(table)],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )

    assert ran.returncode == 0, ran.stderr
    assert "town/minutes\tGuides\t1 of 9" in ran.stderr
    with gzip.open(data / "more.jsonl.gz", "rt", encoding="utf-8") as file:
        human, ai = map(json.loads, file)
    assert human["text"].startswith("Ferries will leave")
    assert "heading" not in human["text"]
    assert "aloud" not in human["text"]
    assert (human["label"], human["weight"], human["generator"]) == ("human", 0.25, None)
    assert (ai["text"][:7], ai["generator"], ai["weight"]) == ("Point 0", "model-one", 1.0)
