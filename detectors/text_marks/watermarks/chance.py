"""How rarely a text that knows nothing of a key scores as high as this one."""

import math
from collections.abc import Mapping

STEEPEST = 50.0
"""Tilt at which the search for the saddle point ends; beyond it nothing changes."""
HALVINGS = 60
"""Halvings of the search, which leaves less than 1e-16 of that range."""


def log10_tail(weights: Mapping[int, int], chance: float, total: int) -> float:
    """Return log10 of the probability that a weighted sum of independent coins reaches a total.

    Exact, but for rounding, however small: the coins are tilted until the total is what they are
    expected to give, their distribution is taken by a Fourier transform, and the tilt taken out
    again (exponential tilting; Esscher, 1932).

    Args:
        weights: weight, a positive whole number → how many coins have it.
        chance: that a coin counts, more than 0 and less than 1.
        total: 0 to the sum of all weights.
    """
    import numpy as np

    if total <= 0:
        return 0.0
    tilt = _tilt(weights, chance, total)
    size = 1 << (sum(w * n for w, n in weights.items()) + 1).bit_length()
    turns = np.exp(-2j * np.pi / size * np.arange(size // 2 + 1))
    spectrum = np.ones_like(turns)
    for weight, count in weights.items():
        tilted = _tilted(weight, chance, tilt)
        spectrum *= (1 - tilted + tilted * turns**weight) ** count
    above = np.fft.irfft(spectrum, size)[total:]
    share = float(np.dot(np.maximum(above, 0), np.exp(-tilt * np.arange(above.size))))
    cumulant = sum(n * _cumulant(w, chance, tilt) for w, n in weights.items())
    return min(0.0, (cumulant - tilt * total) / math.log(10) + math.log10(share))


def _tilt(weights: Mapping[int, int], chance: float, total: int) -> float:
    """Return the tilt under which the sum is expected to be the total, 0 where it is so already."""
    low, high = 0.0, STEEPEST
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        expected = sum(n * w * _tilted(w, chance, middle) for w, n in weights.items())
        low, high = (middle, high) if expected < total else (low, middle)
    return low


def _tilted(weight: int, chance: float, tilt: float) -> float:
    """Return the chance that a coin counts, tilted."""
    return 1 / (1 + (1 - chance) / chance * math.exp(-weight * tilt))


def _cumulant(weight: int, chance: float, tilt: float) -> float:
    """Return the logarithm of the moment generating function of a coin."""
    return weight * tilt + math.log(chance + (1 - chance) * math.exp(-weight * tilt))
