"""Passages by models in texts by people: how many are found, and how often one is found wrongly.

    python benchmarks/text_spans.py --data DIR --model DIR [--split NAME]

Texts are made of the labelled texts of a split (`NAME.jsonl.gz`) whose sources the model never
learnt from: as they are, joined to long ones, and with a passage of another text put in. They are
judged by a calibration that never saw the family of their source. Draws are seeded; the first run
has some 700 texts read whole (10 minutes on a core), later ones take most from the cache. Prints
the tables of `docs/text-model.md`, "Mixed texts".
"""

import argparse
import random
import sys
from collections import defaultdict
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import numpy as np

from detectors.models.calibration import Calibration
from detectors.models.statistics import wilson
from detectors.text_model import config, forward
from detectors.text_model.config import PATHS, ScoringPath
from detectors.text_model.long import reading
from detectors.text_model.long.passages import ACCUSED, stands_out
from detectors.text_model.long.pieces import pieces
from detectors.text_model.long.reading import Long
from detectors.text_model.long.windows import Span, Window, spans, windows
from detectors.text_model.training import mixed
from detectors.text_model.training.mixed import Made
from detectors.text_model.training.records import family, read

LENGTHS = (80, 160, 240)
"""Words of the passages that are put in."""
JOINED = 3
"""Texts of one source and domain that are joined to a long one."""
ANEW = 100
"""Mixed texts that are read as they would be met, not put together of readings."""
GROUP = 30
"""Texts of a group that is shown by itself."""
SEED = 1


class Bench:
    """A model, and texts that it never learnt from."""

    def __init__(self, data: Path, model: Path, split: str) -> None:
        """Read model and texts."""
        self._config, self._weights = config.load_config(model), forward.load(model)
        learnt = {family(source) for source in self._config.sources}
        texts = [text for text in read(data, (split,)) if text.family not in learnt]
        self._known = mixed.long_texts(
            texts, self._config, lambda said: print(said, file=sys.stderr)
        )
        self.made = mixed.made(self._known)
        self.models = [
            Made(one.text, "by a model", one.read, Window(0, 0))
            for one in self._known
            if one.text.ai
        ]

    def judge(self, path: ScoringPath) -> "Judge":
        """Return what judges texts on a path."""
        highest = [mixed.contrast(m.read, path, self._weights, self._config) for m in self.made]
        without: dict[str, Calibration] = {}
        for held in sorted({one.host.family for one in [*self.made, *self.models]}):
            rows = [at for at, one in enumerate(self.made) if one.host.family != held]
            kept = [self.made[at] for at in rows]
            without[held] = mixed.calibrated(kept, [highest[at] for at in rows], "")

        def score(read: Long, run: Window) -> float:
            return read.score(run, path, self._weights, self._config)

        def whole(one: Made) -> float:
            text = " ".join(piece.text for piece in one.read.pieces)
            odds = one.read.whole(text, path, self._weights, self._config)
            return self._config.calibrations(path)["en"].log10_lr(odds)

        return Judge(score, whole, without)

    def longer(self) -> list[Made]:
        """Return texts by people of some 1,000 words: three of a source and domain in a row."""
        draw = random.Random(SEED)  # noqa: S311 - a sample
        groups: defaultdict[tuple[str, str], list[mixed.Known]] = defaultdict(list)
        for one in self._known:
            if not one.text.ai:
                groups[one.text.source, one.text.domain].append(one)
        rows = [draw.sample(group, JOINED) for group in groups.values() if len(group) >= JOINED
                for _ in group]  # fmt: skip
        return [
            Made(row[0].text, "joined", reading.joined([one.read for one in row]), Window(0, 0))
            for row in rows
        ]

    def holding(self, words: int) -> list[Made]:
        """Return each text by a person with a model's passage of so many words put in."""
        draw = random.Random(SEED + words)  # noqa: S311 - a sample
        return mixed.holding(self._known, draw, (words, words), ai=True)

    def anew(self) -> list[Made]:
        """Return mixed texts read as a file would be, the passage a paragraph of its own."""
        draw = random.Random(SEED)  # noqa: S311 - a sample
        chosen = [one for one in self.made if one.kind == mixed.MODEL]
        found = []
        for one in draw.sample(chosen, min(ANEW, len(chosen))):
            ends = [0, one.passage.first, one.passage.behind, len(one.read.pieces)]
            parts = [" ".join(p.text for p in one.read.cut(a, b).pieces) for a, b in pairwise(ends)]
            fresh = pieces("\n\n".join(parts))
            start = len(parts[0]) + 2
            inside = [at for at, p in enumerate(fresh) if start <= p.start < start + len(parts[1])]
            passage = Window(inside[0], inside[-1] + 1)
            found.append(Made(one.host, "read anew", reading.read(fresh, "cpu"), passage))
        return found


class Judge:
    """Judges texts by calibrations that never saw their family."""

    def __init__(
        self,
        score: Callable[[Long, Window], float],
        whole: Callable[[Made], float],
        without: dict[str, Calibration],
    ) -> None:
        """Keep what scores runs and texts, and the calibrations."""
        self._score, self.whole, self._without = score, whole, without

    def found(self, one: Made) -> list[Span]:
        """Find the passages that are shown of a text."""
        scored = [(run, self._score(one.read, run)) for run in windows(one.read.pieces)]
        known = self._without[one.host.family]
        every = spans(scored, lambda own, contrast: stands_out(own, contrast, known))
        return [span for span in every if span.found]


def overlap(one: Made, found: Sequence[Span]) -> float:
    """Return the words that passage and shown spans share, of those in either."""
    said = {at for span in found for at in range(span.window.first, span.window.behind)}
    true = set(range(one.passage.first, one.passage.behind))
    sizes = [piece.words for piece in one.read.pieces]
    return sum(sizes[at] for at in said & true) / max(sum(sizes[at] for at in said | true), 1)


def share(right: Sequence[bool]) -> str:
    """Return k of n, the share and its interval."""
    k, n = sum(right), len(right)
    low, high = wilson(k, n)
    return f"{k} of {n}, {k / n:.3f} [{low:.3f}, {high:.3f}]"


def tables(bench: Bench, path: ScoringPath) -> None:
    """Print the tables of a path."""
    judge = bench.judge(path)
    kinds = {
        kind: [one for one in bench.made if one.kind == kind]
        for kind in (mixed.ONE_HAND, mixed.TWO_HANDS)
    }
    kinds |= {f"{JOINED} texts joined": bench.longer(), "by a model": bench.models}
    print(f"\n### {path}\n| texts | a passage shown | the whole accused |\n|---|---|---|")
    for name, texts in kinds.items():
        shown = [bool(judge.found(one)) for one in texts]
        accused = [judge.whole(one) >= ACCUSED for one in texts]
        print(f"| {name} | {share(shown)} | {share(accused)} |")
        if name == mixed.ONE_HAND:
            groups: defaultdict[str, list[bool]] = defaultdict(list)
            for one, said in zip(texts, shown, strict=True):
                groups[f"{one.host.source} / {one.host.domain}"].append(said)
            worst = max(
                (g for g in groups if len(groups[g]) >= GROUP), key=lambda g: np.mean(groups[g])
            )
            print(f"| the worst group, {worst} | {share(groups[worst])} | |")
    print("\n| a model's passage | found | overlap, median of those found | the whole accused |")
    print("|---|---|---|---|")
    rows = {f"{words} words": bench.holding(words) for words in LENGTHS}
    if path == "full":
        rows["80 to 200 words, read anew"] = bench.anew()
    for name, texts in rows.items():
        found = [judge.found(one) for one in texts]
        both = [overlap(one, said) for one, said in zip(texts, found, strict=True)]
        accused = [judge.whole(one) >= ACCUSED for one in texts]
        hit = [value for value in both if value > 0]
        median = f"{np.median(hit):.2f}" if hit else "-"
        print(f"| {name} | {share([value > 0 for value in both])} | {median} | {share(accused)} |")


def main() -> None:
    """Print the tables of both paths."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--data", type=Path, required=True)
    parser.add_argument("--model", type=Path, required=True)
    parser.add_argument("--split", default="dev")
    given = parser.parse_args()
    bench = Bench(given.data, given.model, given.split)
    for path in PATHS:
        tables(bench, path)


if __name__ == "__main__":
    main()
