"""Learns from a data folder where aligned portraits have their landmarks, and a probe."""

import hashlib
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from safetensors.numpy import save

from detectors.errors import ConfigError
from detectors.models.encoder import train as probes
from detectors.models.encoder.features import LabelledPicture, decoded, features, opened, rows
from detectors.models.folder import ENCODER, TrainedOn, save_config
from detectors.portrait.forward import WEIGHTS, landmarks, largest_face
from detectors.portrait.forward import features as read
from detectors.portrait.model import OPEN, Config, LandmarkDistribution
from detectors.storing.atomic import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

    Floats = NDArray[np.float32]

DEFAULT = ("portraits/train",)
PORTRAITS = "portraits"
"""Splits whose names begin so are this detector's."""
ALIGNED = "portraits/aligned"
"""Photographs that were cut so that their landmarks lie where generators put them: they teach what
pixels say, and nothing of where people have their eyes."""
STRENGTH = 0.03
SHORT_SIDE = 128
"""Smallest short side that landmarks were measured on."""
SLACK = 0.003
"""Parts of the frame by which landmarks are blurred, so that few portraits make a distribution."""
FREEDOM = 4.0
"""Degrees of freedom of both distributions: in 1 of 50 generated portraits a landmark is off."""
ROUNDS = 30
"""Of the fit of a distribution; five to ten change it."""
FEWEST = 5
"""Faces of either label that training needs."""

Points = tuple[float, ...]


class Portraits(msgspec.Struct, frozen=True, kw_only=True):
    """Labelled portraits as the model sees them."""

    rows: list[LabelledPicture]
    points: list[Points | None]
    """The ten numbers of their landmarks; None: no face."""
    pixels: "Callable[[Sequence[LabelledPicture]], Floats]"
    """What a probe reads (n, 1536) of some of the rows; looked at when it is asked for."""

    def part(self, keep: Sequence[bool]) -> "Portraits":
        """Return those that are kept."""
        at = [i for i, use in enumerate(keep) if use]
        return Portraits(
            rows=[self.rows[i] for i in at],
            points=[self.points[i] for i in at],
            pixels=self.pixels,
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
    """Return the portraits of some splits, as `wanted` does.

    Raises:
        ConfigError: the data cannot be used.
    """
    found = wanted(data, splits)
    say(f"looking for faces in {len(found)} pictures")
    return Portraits(
        rows=found,
        points=[_points(data, row) for row in found],
        pixels=lambda rows: read(features(data, rows, say)),
    )


def _points(data: Path, row: LabelledPicture) -> Points | None:
    """Return a portrait's landmarks, kept in the user's cache folder.

    Raises:
        ConfigError: the picture cannot be read.
    """
    item = opened(data, row)
    kept = _folder() / f"{item.sha256}.json"
    if not kept.exists():
        face = largest_face(decoded(data, row).rgb)
        atomic_write(kept, msgspec.json.encode(() if face is None else landmarks(face)))
    return msgspec.json.decode(kept.read_bytes(), type=Points) or None


@cache
def _folder() -> Path:
    """Return the cache folder of the nets that find landmarks: others have another."""
    from platformdirs import user_cache_path

    mark = hashlib.sha256(WEIGHTS.read_bytes()).hexdigest()[:16]
    folder = user_cache_path("provenance-check") / f"landmarks-{mark}"
    folder.mkdir(parents=True, exist_ok=True)
    return folder


def wanted(data: Path, splits: Sequence[str]) -> list[LabelledPicture]:
    """Return the rows of some splits; empty: of all portraits but the aligned photographs."""
    found = rows(data, splits)
    return [r for r in found if splits or (_portrait(r) and r.split != ALIGNED)]


def _portrait(row: LabelledPicture) -> bool:
    """Return whether a row is a portrait: by its split, or where there are no splits."""
    return row.split.startswith(PORTRAITS) or not row.split


def fitted(seen: Portraits, splits: Sequence[str]) -> tuple[Config, probes.Probe]:
    """Return the model trained on some portraits.

    The probe learns from those whose landmarks leave it open what they are: of photographs, from
    few but the aligned ones.

    Raises:
        ConfigError: too few faces of a label.
    """
    labels = [row.ai for row in seen.rows]
    config = Config(
        detector="portrait",
        encoder=ENCODER,
        strength=STRENGTH,
        short_side=SHORT_SIDE,
        generated=_distribution(seen, ai=True),
        photographed=_distribution(seen, ai=False),
        trained=TrainedOn(
            splits=tuple(splits),
            ai=sum(labels),
            real=len(labels) - sum(labels),
            sources=tuple(sorted({row.repo for row in seen.rows})),
            command=f"provenance train portrait --split {' --split '.join(splits)}",
        ),
    )
    pairs = zip(seen.rows, seen.points, strict=True)
    asked = [row for row, points in pairs if row.ai or config.alignment(points) > OPEN]
    if all(row.ai for row in asked):  # no photograph is near: any may teach
        asked = seen.rows
    truth = [row.ai for row in asked]
    weights = probes.balanced(truth, [row.repo for row in asked])
    return config, probes.fit(seen.pixels(asked), truth, weights, STRENGTH)


def _distribution(seen: Portraits, *, ai: bool) -> LandmarkDistribution:
    """Return the distribution of one label's landmarks: the likeliest Student's t distribution.

    Each round weighs a portrait by how near it lies (expectation-maximisation, K. L. Lange et al.,
    "Robust statistical modeling using the t distribution", JASA 84, 1989).

    Raises:
        ConfigError: too few faces.
    """
    found = [
        (points, row.repo)
        for row, points in zip(seen.rows, seen.points, strict=True)
        if row.ai == ai and row.split != ALIGNED and points is not None
    ]
    if len(found) < FEWEST:
        label = "ai" if ai else "real"
        raise ConfigError(f"{len(found)} faces with label {label}; training needs {FEWEST}")
    points = np.array([own for own, _ in found])
    share = probes.balanced([ai] * len(found), [repo for _, repo in found])
    many = points.shape[1]
    middle, scatter = np.median(points, 0), np.cov(points.T) + np.eye(many) * SLACK**2
    for _ in range(ROUNDS):
        off = points - middle
        distance = np.einsum("ij,jk,ik->i", off, np.linalg.inv(scatter), off)
        weight = share * (FREEDOM + many) / (FREEDOM + distance)
        middle = weight @ points / weight.sum()
        off = points - middle
        scatter = (weight * off.T) @ off / share.sum() + np.eye(many) * SLACK**2
    return LandmarkDistribution(
        mean=_rounded(middle),
        precision=tuple(_rounded(row) for row in np.linalg.inv(scatter)),
        freedom=FREEDOM,
    )


def _rounded(values: "NDArray[np.float64]") -> Points:
    """Return numbers, six figures each."""
    return tuple(float(f"{value:.6g}") for value in values)
