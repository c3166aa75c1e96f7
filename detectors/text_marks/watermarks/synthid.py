"""The watermark of tournaments, as `transformers` writes it.

Dathathri, See, Ghaisas et al.: Scalable watermarking for identifying large language model outputs
(Nature 634, 2024). Hashes, table, g-values and the contexts that are passed over equal those of
`transformers.SynthIDTextWatermarkLogitsProcessor` on a CPU.
"""

from collections.abc import Sequence
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from detectors.text_marks.watermarks.chance import log10_tail
from detectors.text_marks.watermarks.kgw import words
from detectors.text_marks.watermarks.score import Score
from detectors.text_marks.watermarks.settings import SynthId

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MULTIPLIER = 6364136223846793005
"""Multiplier of the linear congruential generator of newlib and musl, which hashes here."""
FIRST_WEIGHT, LAST_WEIGHT = 10, 1
"""Weights of the layers of a tournament, falling evenly between them: of the paper's weighted
mean."""


class Tournaments:
    """Scores texts under one set of keys."""

    def __init__(self, settings: SynthId, keys: Sequence[int]) -> None:
        """Keep what was set.

        Args:
            settings: checked.
            keys: one for each layer of the tournament.
        """
        self._settings = settings
        self._keys = list(keys)

    def score(self, ids: Sequence[int]) -> Score:
        """Return how a text stands: the weighted sum of its g-values, and how rare that is.

        Every g-value is a cell of one table of random bits, and different tokens and layers meet
        in the same cells. So a cell counts once, with all the weights that fell on it: under a
        random table the cells are independent, which g-values are not.

        Args:
            ids: the text's tokens, without any that a tokenizer adds.
        """
        import numpy as np

        table = self.table
        cells = self.cells(ids)
        layers = np.rint(np.linspace(FIRST_WEIGHT, LAST_WEIGHT, len(self._keys))).astype(int)
        fell = np.bincount(
            cells.ravel(), np.broadcast_to(layers, cells.shape).ravel(), minlength=table.size
        ).astype(int)
        kinds, counts = np.unique(fell[fell > 0], return_counts=True)
        chance = float(table.mean())
        weights = dict(zip(kinds.tolist(), counts.tolist(), strict=True))
        log10_p = log10_tail(weights, chance, int(fell[table].sum()))
        mean = round(float(table[cells].mean()), 3) if cells.size else None
        facts = {"mean_g": mean, "expected_g": round(chance, 3)}
        return Score(tokens=len(cells), log10_p=log10_p, facts=facts)

    def cells(self, ids: Sequence[int]) -> "NDArray[np.int64]":
        """Return the cells of the table that a text's g-values are.

        Args:
            ids: token ids.

        Returns:
            (tokens, layers), 0 to the table's size less 1; without the first tokens, whose context
            is not known, and those whose context has come shortly before, where no mark is written.
        """
        import numpy as np

        length = self._settings.ngram_len
        if len(ids) < length:
            return np.zeros((0, len(self._keys)), np.int64)
        rows = np.lib.stride_tricks.sliding_window_view(np.asarray(ids, np.int64), length)
        hashed = np.ones(len(rows), np.int64)
        for column in range(length - 1):
            hashed = _hash(hashed, rows[:, column])
        fresh = _fresh(hashed.tolist(), self._settings.context_history_size)
        grams = _hash(hashed, rows[:, -1])[fresh]
        keyed = _hash(grams[:, None], np.array(self._keys, np.int64)[None, :])
        return keyed % self._settings.sampling_table_size

    @cached_property
    def table(self) -> "NDArray[np.bool_]":
        """The random bits, (sampling_table_size,)."""
        import numpy as np

        if self._settings.sampling_table is not None:
            raw = Path(self._settings.sampling_table).expanduser().read_bytes()
            return np.frombuffer(raw, np.uint8).astype(bool)
        bits = words(self._settings.sampling_table_seed, self._settings.sampling_table_size) % 2
        return bits.astype(bool)


def _hash(so_far: "NDArray[np.int64]", more: "NDArray[np.int64]") -> "NDArray[np.int64]":
    """Return the hash with one value more; sums and products wrap around."""
    import numpy as np

    hashed: NDArray[np.int64] = (so_far + more) * np.int64(MULTIPLIER) + np.int64(1)
    return hashed


def _fresh(contexts: list[int], remembered: int) -> "NDArray[np.bool_]":
    """Tell of each context whether it is none of those just before it.

    Args:
        contexts: their hashes.
        remembered: how many the generator remembers, repeated ones too.
    """
    import numpy as np

    last: dict[int, int] = {}
    fresh = []
    for at, context in enumerate(contexts):
        fresh.append(at - last.get(context, at - remembered - 1) > remembered)
        last[context] = at
    return np.array(fresh, bool)
