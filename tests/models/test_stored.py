"""Tensors read one by one are those that the library reads."""

from pathlib import Path

import numpy as np
from safetensors.numpy import save_file

from detectors.models.stored import Stored


def test_tensors_are_those_that_the_library_wrote(tmp_path: Path) -> None:
    draw = np.random.default_rng(0)
    made = {
        "halves": draw.normal(size=(3, 5)).astype(np.float16),
        "bytes": draw.integers(0, 256, (7, 2)).astype(np.uint8),
        "pairs": draw.integers(0, 60_000, (4, 2)).astype(np.uint16),
        "floats": draw.normal(size=9).astype(np.float32),
    }
    save_file(made, tmp_path / "w.safetensors", metadata={"of": "a test"})
    stored = Stored(tmp_path / "w.safetensors")
    assert sorted(stored.names) == sorted(made)
    for name, value in made.items():
        for found in (stored.read(name), stored.mapped(name)):
            assert found.dtype == value.dtype
            assert found.shape == value.shape
            assert (found == value).all()
