"""A text longer than the language model reads at once: read piece by piece, scored run by run."""

from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise

import msgspec
import numpy as np
from numpy.typing import NDArray

from detectors.models.language_model.features import cache, device, name
from detectors.models.language_model.forward import LONGEST as TOKENS
from detectors.models.language_model.forward import SKIPPED, language_model
from detectors.storing.atomic import appearing
from detectors.text_model.config import Config, ScoringPath
from detectors.text_model.forward import Seen, Weights, see
from detectors.text_model.long.pieces import Piece
from detectors.text_model.long.windows import Window
from detectors.text_model.normalise import LONGEST


class Long(msgspec.Struct, frozen=True):
    """A text by its pieces."""

    pieces: Sequence[Piece]
    sums: NDArray[np.float32] | None = None
    """(pieces, k): what the language model makes of each, summed over its tokens; None: not read.
    Its mean over any run of pieces is what the probe reads, so that every run is read at once."""
    counted: NDArray[np.int64] | None = None
    """(pieces,): tokens that the sums are of."""

    @property
    def words(self) -> int:
        """How many words its pieces have."""
        return self._size(Window(0, len(self.pieces)))

    def cut(self, first: int, behind: int) -> "Long":
        """Return some of its pieces, read as they were."""
        kept = slice(first, behind)
        if self.sums is None or self.counted is None:
            return Long(self.pieces[kept])
        return Long(self.pieces[kept], self.sums[kept], self.counted[kept])

    def score(self, run: Window, path: ScoringPath, weights: Weights, config: Config) -> float:
        """Return the natural log odds of a run, scored like a text of its length."""
        text = " ".join(piece.text for piece in self.pieces[run.first : run.behind])
        return weights.score(self._seen(text, run, config), path)

    def _seen(self, text: str, run: Window, config: Config) -> Seen:
        """Return what the model sees of a run of pieces with this wording."""
        seen, reading = see(text, config), self._reading(run)
        return seen if reading is None else msgspec.structs.replace(seen, reading=reading)

    def whole(self, text: str, path: ScoringPath, weights: Weights, config: Config) -> float:
        """Return the natural log odds of all pieces.

        Args:
            text: all of it, normalised; of more than 500 words parts are scored, and their mean
                taken by words.
            path: which score is wanted.
            weights: of the model.
            config: of the model.
        """
        runs = self._parts()
        if len(runs) == 1:
            return weights.score(self._seen(text, runs[0], config), path)
        odds = [self.score(run, path, weights, config) for run in runs]
        return round(float(np.average(odds, weights=[self._size(run) for run in runs])), 3) + 0.0

    def _parts(self) -> list[Window]:
        """Return the fewest parts of about 500 words, alike in length."""
        share = self.words / max(-(-self.words // LONGEST), 1)
        ends = accumulate(piece.words for piece in self.pieces)
        parts = [
            round((end - piece.words / 2) // share)
            for end, piece in zip(ends, self.pieces, strict=True)
        ]
        starts = [at for at, part in enumerate(parts) if not at or part > parts[at - 1]]
        return [Window(a, b) for a, b in pairwise([*starts, len(parts)])]

    def _size(self, run: Window) -> int:
        """Return the words of a run."""
        return sum(piece.words for piece in self.pieces[run.first : run.behind])

    @property
    def mean(self) -> NDArray[np.float32] | None:
        """The mean over all its tokens, (k,); None where the text was not read."""
        return self._reading(Window(0, len(self.pieces)))

    def _reading(self, run: Window) -> NDArray[np.float32] | None:
        """Read the mean over the tokens of a run, None where the text was not read."""
        if self.sums is None or self.counted is None:
            return None
        n = max(int(self.counted[run.first : run.behind].sum()), 1)
        reading: NDArray[np.float32] = self.sums[run.first : run.behind].sum(0) / np.float32(n)
        return reading


def joined(parts: Sequence[Long]) -> Long:
    """Return one text of several, read as they were: each of them or none."""
    every = [piece for part in parts for piece in part.pieces]
    sums = [part.sums for part in parts if part.sums is not None]
    counted = [part.counted for part in parts if part.counted is not None]
    if len(sums) < len(parts) or len(counted) < len(parts):
        return Long(every)
    return Long(every, np.concatenate(sums), np.concatenate(counted))


def read(pieces: Sequence[Piece], device: str) -> Long:
    """Read a text as the language model reads it, 256 tokens at a time.

    Args:
        pieces: of the text, in order.
        device: `cpu`: by onnxruntime; `cuda`: by torch.
    """
    return Long(pieces, *sums(pieces, device))


def load_cached(pieces: Sequence[Piece]) -> Long:
    """Load a text as `read` returns it, for training, from a cache of 16 bits; fill the cache."""
    file = cache() / name("\n".join(piece.text for piece in pieces)).replace(".npy", ".npz")
    if not file.exists():
        found, counted = sums(pieces, device())
        means = found / np.maximum(counted, 1)[:, None]
        with appearing(file) as fresh:
            np.savez(fresh, means=means.astype(np.float16), counted=counted)
    with np.load(file, allow_pickle=False) as stored:
        counted = stored["counted"]
        found = stored["means"].astype(np.float32) * counted[:, None].astype(np.float32)
        return Long(pieces, found, counted)


def sums(pieces: Sequence[Piece], device: str) -> tuple[NDArray[np.float32], NDArray[np.int64]]:
    """Return what `Long` keeps of a reading: sums (pieces, k), and the tokens they are of."""
    model = language_model()
    tokens = [
        model.tokenizer.encode(" " * bool(at) + piece.text, TOKENS)[1:]
        for at, piece in enumerate(pieces)
    ]
    found, counted = [], []
    for batch in _batches(tokens):
        ends = list(accumulate((len(piece) for piece in batch), initial=1))[1:]
        flat = [0, *(token for piece in batch for token in piece)]
        found.append(_summed(flat, ends, device).reshape(len(batch), -1))
        counted.append(np.diff([SKIPPED, *(max(end, SKIPPED) for end in ends)]))
    return np.concatenate(found), np.concatenate(counted)


def _summed(tokens: Sequence[int], ends: Sequence[int], device: str) -> NDArray[np.float32]:
    """Return the sums over the tokens of each part, (parts, 3, 576)."""
    if device == "cpu":
        return language_model().sums(tokens, ends)
    from detectors.models.language_model import network

    return network.sums(tokens, ends, device)


def _batches(tokens: Sequence[list[int]]) -> Iterator[list[list[int]]]:
    """Yield the tokens of neighbouring pieces, at most 255 together, shared out evenly."""
    total = sum(map(len, tokens))
    share = total / max(-(-total // (TOKENS - 1)), 1)
    batch: list[list[int]] = []
    size = 0
    for piece in tokens:
        if batch and (size + len(piece) >= TOKENS or size >= share):
            yield batch
            batch, size = [], 0
        batch.append(piece)
        size += len(piece)
    yield batch
