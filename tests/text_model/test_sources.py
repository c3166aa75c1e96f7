"""The script that cuts texts out of clones, run as its user runs it, on clones made here."""

import gzip
import io
import json
import subprocess
import sys
import tarfile
from pathlib import Path
from typing import Any

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


WHOLE = f"{OWN} Those who cannot climb it may wait by the office, and a boat will be sent for them."
"""Sixty words and a few, so that none is cut off."""
SAMPLE = f"""
export default () => (<div class="paper">
  <h2>Sample of our writers</h2>
  <p style={{{{color: "red"}}}}><span>{WHOLE}</span>&nbsp;</p>
  <h4>References</h4>
  <p>{ANSWER}</p>
</div>);
"""
GRADED = f"# Essay by model-one\n\n{ANSWER}\n\n# Grading Feedback\n\n{OWN}\n"
TOKENS = "\n".join(
    f"{at}\t{word}\t_\t_\tO"
    for at, word in enumerate(WHOLE.replace(".", " .").replace(",", " ,").split(), 1)
)


def packed(files: dict[str, str]) -> bytes:
    """Make an archive of these files."""
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w:gz") as archive:
        for name, text in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(text.encode())
            archive.addfile(member, io.BytesIO(text.encode()))
    return out.getvalue()


def commit(clone: Path, files: dict[str, str | bytes]) -> str:
    """Make a clone with these files, and give its commit."""
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(clone)]
    clone.mkdir(parents=True)
    subprocess.run([*git, "init", "-q"], check=True)
    for name, text in files.items():
        (clone / name).parent.mkdir(parents=True, exist_ok=True)
        (clone / name).write_bytes(text if isinstance(text, bytes) else text.encode())
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


def cut(tmp_path: Path, rows: list[tuple[str, dict[str, str | bytes], str, str, str]]) -> str:
    """Cut what rows name (repository, its files, pattern, label, source); give what was printed."""
    clones, data = tmp_path / "clones", tmp_path / "data"
    lines = ["# a remark", "repo\tcommit\tinclude\tlabel\tsource\tdomain\tn"]
    for repo, files, pattern, label, source in rows:
        head = commit(clones / repo.replace("/", "+"), files)
        lines.append(f"{repo}\t{head}\t{pattern}\t{label}\t{source}\tdomain\t9")
    (tmp_path / "sources.tsv").write_text("\n".join(lines) + "\n", "utf-8")
    data.mkdir()
    known = {"text": SEEN, "label": "human", "source": "A", "domain": "b", "language": "en"}
    (data / "dev.jsonl").write_text(json.dumps(known) + "\n", "utf-8")

    command = [sys.executable, "benchmarks/text_sources.py", "--clones", str(clones)]
    ran = subprocess.run(
        [*command, "--data", str(data), "--table", str(tmp_path / "sources.tsv")],
        cwd=ROOT,
        check=False,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def records(tmp_path: Path) -> list[dict[str, Any]]:
    """Read the split that was cut."""
    with gzip.open(tmp_path / "data/more.jsonl.gz", "rt", encoding="utf-8") as file:
        return list(map(json.loads, file))


def test_prose_is_cut_and_all_else_left_out(tmp_path: Path) -> None:
    said = [{"generator": name, "output": text} for name, text in SAID]
    pages: dict[str, str | bytes] = {"a.md": PAGE, "b.md": f"{SEEN} {OWN}", "c.txt": OWN}
    printed = cut(
        tmp_path,
        [
            ("town/minutes", pages, r"\.md$", "human", "Guides"),
            ("lab/answers", {"out.json": json.dumps(said)}, "json$", "ai", "AlpacaEval"),
        ],
    )

    assert "town/minutes\tGuides\t1 of 9" in printed
    human, ai = records(tmp_path)
    assert human["text"].startswith("Ferries will leave")
    assert "heading" not in human["text"]
    assert "aloud" not in human["text"]
    assert (human["label"], human["weight"], human["generator"]) == ("human", 0.25, None)
    assert (ai["text"][:7], ai["generator"], ai["weight"]) == ("Point 0", "model-one", 1.0)


def test_pages_archives_and_graded_essays_are_read_by_their_form(tmp_path: Path) -> None:
    blog = " ".join(
        f"Hall {n} of the museum was painted in {n} days by people who had come from the island."
        for n in range(1, 5)
    )
    rest = "!@#$%^&*() COMMENTS\n" + ANSWER
    cut(
        tmp_path,
        [
            ("house/papers", {"a/b.js": SAMPLE}, "js$", "human", "Essays AssignmentHouse"),
            (
                "blogs/old",
                {"x.tar.gz": packed({"1.txt": f"{blog}\n{rest}"})},
                "gz$",
                "human",
                "Essays Dragnet",
            ),
            (
                "lab/graded",
                {"essays/model-one.md": GRADED},
                r"(?P<model>[^/]*)\.md$",
                "ai",
                "Essays Boswell",
            ),
        ],
    )

    page, old, essay = records(tmp_path)
    assert page["text"] == WHOLE
    assert old["text"] == blog
    assert essay["text"] == ANSWER
    assert essay["generator"] == "model-one"


def test_tokens_are_joined_to_prose(tmp_path: Path) -> None:
    cut(tmp_path, [("corpus/essays", {"a.dat": TOKENS}, "dat$", "human", "Essays AAEC")])

    assert [one["text"] for one in records(tmp_path)] == [WHOLE]
