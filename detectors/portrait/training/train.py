"""Learns from a data folder where aligned portraits have their eyes, and a probe."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from safetensors.numpy import save

from detectors.errors import ConfigError
from detectors.models.encoder import train as probes
from detectors.models.encoder.features import LabelledPicture, decoded, features, rows
from detectors.models.folder import ENCODER, TrainedOn, save_config
from detectors.portrait.forward import eyes_of, largest_face
from detectors.portrait.model import Config, LandmarkDistribution, offset
from detectors.storing.atomic import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DEFAULT = ("portraits/train",)
PORTRAITS = "portraits"
"""Splits whose names begin so are this detector's."""
BLOCK = 8
STRENGTH = 0.003
SHORT_SIDE = 128
"""Smallest short side that landmarks were measured on."""
SLACK = 0.006
"""Parts of the frame: how far off a landmark may be found; widens the distribution of generated
portraits."""
FEWEST = 5
"""Faces of either label that training needs: fewer give four numbers no covariance."""

Eyes = tuple[float, float, float, float]


class Portraits(msgspec.Struct, frozen=True, kw_only=True):
    """Labelled portraits as the model sees them."""

    rows: list[LabelledPicture]
    eyes: list[Eyes | None]
    tokens: "Floats"
    """(n, 8, 768)"""

    def part(self, keep: Sequence[bool]) -> "Portraits":
        """Return those that are kept."""
        at = [i for i, use in enumerate(keep) if use]
        return Portraits(
            rows=[self.rows[i] for i in at],
            eyes=[self.eyes[i] for i in at],
            tokens=self.tokens[at],
        )


def train(data: Path, out: Path, splits: Sequence[str], say: Callable[[str], None]) -> None:
    """Write weights.safetensors and config.json of a new, uncalibrated model.

    Args:
        data: folder with MANIFEST.jsonl.
        out: the model's folder, made where it is missing.
        splits: those to learn from; empty: `portraits/train`.
        say: is told of progress.

    Raises:
        ConfigError: the data cannot be used.
    """
    splits = tuple(splits) or DEFAULT
    seen = portraits(data, splits, say)
    config, probe = fitted(seen, splits)
    out.mkdir(parents=True, exist_ok=True)
    tensors = {
        "weight": probe.weight.astype(np.float32),
        "bias": np.array([probe.bias], np.float32),
    }
    atomic_write(out / "weights.safetensors", save(tensors))
    save_config(out, config)
    say(f"wrote {out}: {config.trained.ai} generated, {config.trained.real} photographed")


def portraits(data: Path, splits: Sequence[str], say: Callable[[str], None]) -> Portraits:
    """Return the portraits of some splits; empty: of all that are portraits or have no split.

    Raises:
        ConfigError: the data cannot be used.
    """
    found = wanted(data, splits)
    say(f"looking for faces in {len(found)} pictures")
    faces = [largest_face(decoded(data, row).rgb) for row in found]
    eyes = [None if face is None else eyes_of(face) for face in faces]
    return Portraits(rows=found, eyes=eyes, tokens=features(data, found, say))


def wanted(data: Path, splits: Sequence[str]) -> list[LabelledPicture]:
    """Return the rows of some splits; empty: of all that are portraits or have no split."""
    found = rows(data, splits)
    return [r for r in found if splits or r.split.startswith(PORTRAITS) or not r.split]


def fitted(seen: Portraits, splits: Sequence[str]) -> tuple[Config, probes.Probe]:
    """Return the model trained on some portraits.

    Raises:
        ConfigError: too few faces of a label.
    """
    labels = [row.ai for row in seen.rows]
    generated = _landmarks(seen, ai=True, slack=SLACK)
    photographed = _landmarks(seen, ai=False, slack=0.0)
    weights = probes.balanced(labels, [row.repo for row in seen.rows])
    config = Config(
        detector="portrait",
        encoder=ENCODER,
        block=BLOCK,
        strength=STRENGTH,
        short_side=SHORT_SIDE,
        generated=generated,
        photographed=photographed,
        offset=round(offset(generated.precision, photographed.precision), 4),
        trained=TrainedOn(
            splits=tuple(splits),
            ai=sum(labels),
            real=len(labels) - sum(labels),
            sources=tuple(sorted({row.repo for row in seen.rows})),
            command=f"provenance train portrait --split {' --split '.join(splits)}",
        ),
    )
    return config, probes.fit(seen.tokens[:, BLOCK - 1], labels, weights, STRENGTH)


def _landmarks(seen: Portraits, *, ai: bool, slack: float) -> LandmarkDistribution:
    """Return the distribution of one label's eyes, by medians: a finder may take another face.

    Raises:
        ConfigError: too few faces.
    """
    pairs = zip(seen.rows, seen.eyes, strict=True)
    eyes = np.array([e for row, e in pairs if row.ai == ai and e is not None])
    if len(eyes) < FEWEST:
        label = "ai" if ai else "real"
        raise ConfigError(f"{len(eyes)} faces with label {label}; training needs {FEWEST}")
    middle = np.median(eyes, 0)
    near = eyes[(np.abs(eyes - middle) <= 5 * np.median(np.abs(eyes - middle), 0) + slack).all(1)]
    spread = np.cov(near.T) + np.eye(4) * max(slack, 1e-3) ** 2
    precision = np.linalg.inv(spread)
    return LandmarkDistribution(
        mean=_four(near.mean(0)),
        precision=tuple(_four(row) for row in precision),
    )


def _four(values: "NDArray[np.float64]") -> Eyes:
    """Return four numbers, six figures each."""
    a, b, c, d = (float(f"{value:.6g}") for value in values)
    return a, b, c, d
