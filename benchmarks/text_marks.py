"""Count the rows of text_marks on texts by people and by models: what `marks.toml` states.

    python benchmarks/text_marks.py --data DIR [--clones DIR]

DIR of the data holds `*.jsonl.gz` with `text`, `label` (human, ai) and `language`; of the clones,
bare clones as OWNER+NAME/repo of DetectRL, WETBench and HC3-Plus, whose raw texts are counted
apart, without what was attacked, polished or mixed. Prints, a row and language: texts by people
and by models that carry the claim, of how many, and log10 of the ratio at the 95 % upper bound.
"""

import argparse
import gzip
import json
import math
import re
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator
from functools import partial
from pathlib import Path

from detectors.item import Item
from detectors.text_marks.detector import TextMarks

CLONES = (
    "NLP2CT+DetectRL",
    "gerritq+WETBench",
    "suu990901+chatgpt-comparison-detection-HC3-Plus",
)
MADE_OVER = re.compile("attack|paraphrase|perturb|mixing|polish|metrics|eval", re.IGNORECASE)
"""Files whose label is no longer who wrote the words."""
Text = tuple[str, str, str]
"""Label, language, text."""


def main() -> int:
    """Print the counts."""
    asked = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawTextHelpFormatter
    )
    asked.add_argument("--data", type=Path, required=True)
    asked.add_argument("--clones", type=Path)
    given = asked.parse_args()
    count("data", splits(given.data))
    if given.clones:
        count("raw", (text for name in CLONES for text in raw(given.clones / name / "repo")))
    return 0


def count(name: str, texts: Iterator[Text]) -> None:
    """Print what every row found in these texts."""
    marks = TextMarks({})
    seen: Counter[tuple[str, str]] = Counter()
    found: Counter[tuple[str, str, str]] = Counter()
    for label, language, text in texts:
        seen[label, language] += 1
        item = Item("x.txt", partial(text.encode, "utf-8", "replace"))
        rows = {signal.facts["row"] for signal in marks.inspect(item) if "row" in signal.facts}
        for row in rows:
            found[row, label, language] += 1
    print(f"{name}: " + ", ".join(f"{a} {b} {n}" for (a, b), n in sorted(seen.items())))
    for row in sorted({row for row, _, _ in found}):
        for language in sorted({code for _, code in seen}):
            people, models = (found[row, who, language] for who in ("human", "ai"))
            if people or models:
                of = seen["human", language], seen["ai", language]
                print(f"  {row} {language} {people}/{of[0]} {models}/{of[1]}", end="")
                print(f" {ratio(people, models, *of)}")


def ratio(people: int, models: int, of_people: int, of_models: int) -> str:
    """Return log10 of the share of models by the upper bound of the share of people."""
    if not (models and of_people and of_models):
        return "-"
    bound = 3.0 if not people else people + 1.92 + 1.96 * math.sqrt(people + 0.96)
    return f"{math.log10(models / of_models / (bound / of_people)):.2f}"


def splits(folder: Path) -> Iterator[Text]:
    """Yield the texts of the data."""
    for path in sorted(folder.glob("*.jsonl.gz")):
        with gzip.open(path, "rt", encoding="utf-8") as lines:
            for line in lines:
                row = json.loads(line)
                yield row["label"], row["language"], row["text"]


def raw(clone: Path) -> Iterator[Text]:
    """Yield the texts of a clone, each once."""
    listed = ["git", "-C", str(clone), "ls-tree", "-r", "--name-only", "HEAD"]
    seen: set[int] = set()
    for name in subprocess.run(listed, check=True, capture_output=True, text=True).stdout.split():
        if name.endswith((".json", ".jsonl")) and not MADE_OVER.search(name):
            shown = subprocess.run(
                ["git", "-C", str(clone), "show", f"HEAD:{name}"], check=False, capture_output=True
            )
            language = (
                "vi"
                if "vi_" in name
                else "pt"
                if "pt_" in name
                else "zh"
                if "/zh/" in name
                else "en"
            )
            for label, text in _labelled(shown.stdout.decode("utf-8", "replace")):
                if hash(text) not in seen:
                    seen.add(hash(text))
                    yield label, language, text


def _labelled(source: str) -> Iterator[tuple[str, str]]:
    """Yield label and text of the rows of a file, whichever of the forms it has."""
    try:
        rows = (
            json.loads(source) if source.startswith("[") else map(json.loads, source.splitlines())
        )
        for row in rows:
            if isinstance(row.get("text"), str) and "label" in row:
                yield ("human" if str(row["label"]) in ("human", "0") else "ai"), row["text"]
            for key, label in (("trgt", "human"), ("mgt", "ai")):
                if isinstance(row.get(key), str):
                    yield label, row[key]
    except (ValueError, AttributeError):
        return


if __name__ == "__main__":
    sys.exit(main())
