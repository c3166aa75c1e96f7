"""Which published detector a path holds, in one of four layouts, looked at without loading it.

- `transformers`: a folder with config.json (`model_type`, `id2label`), preprocessor_config.json and
  *.safetensors.
- `timm`: a folder with config.json (`architecture`, `num_classes`, `label_names`, `pretrained_cfg`)
  and model.safetensors.
- `community-forensics`: a folder with config.json (`model_size`, `input_size`, `patch_size`) and
  model.safetensors, as published beside Park and Owens, "Community Forensics" (CVPR 2025).
- `onnx`: a file NAME.onnx, or a folder with one, beside it NAME.json that says how it is read.
"""

import re
from pathlib import Path
from typing import Any, Literal

import msgspec

from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from detectors.models import external
from detectors.models.external import CONFIG
from detectors.models.preprocessing import IMAGENET_MEAN, IMAGENET_STD, Preprocessing

Layout = Literal["transformers", "timm", "community-forensics", "onnx"]
EXTRA: dict[Layout, tuple[str, str]] = {
    "transformers": ("transformers", "transformers"),
    "timm": ("timm", "timm"),
    "community-forensics": ("timm", "timm"),
}
"""Layout → the library that runs it, and the extra that brings it; others need none."""
BINARY = 2
"""Labels of a transformers folder whose config.json does not say how many."""
PROCESSOR = "preprocessor_config.json"
WEIGHTS = "model.safetensors"
RESIZED = {224: 256, 384: 440}
"""Community Forensics: size → shorter side before the cut (`preprocess_input` of its models.py)."""
FETCHING = ("use_timm_backbone", "use_pretrained_backbone", "backbone")
"""Keys of a config.json by which transformers takes weights from elsewhere."""
CUT = {"pretrained", "pretrained_cfg", "pretrained_cfg_overlay", "checkpoint_path", "cache_dir"}
"""Arguments of timm's create_model that name weights."""
WRITE = "if its card says which one means AI, write ai_label in [detectors.image_model]"


class OnnxSidecar(Preprocessing, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`NAME.json` beside `NAME.onnx`: how the model is read."""

    sha256: str
    """SHA-256 of the ONNX file, hex."""
    input: str
    """Name of the input, (1, 3, size, size)."""
    output: str
    """Name of the output, (1, labels)."""
    gives: Literal["logits", "probabilities"]
    labels: tuple[str, ...]
    """What the numbers of the output stand for; one: its logit or probability alone."""


class Chosen(msgspec.Struct, frozen=True, kw_only=True):
    """A model, not loaded yet."""

    layout: Layout
    folder: Path
    """Where `calibrate` writes."""
    weights: tuple[Path, ...]
    settings: tuple[Path, ...]
    """The files that say how it is read."""
    labels: tuple[str, ...]
    ai: int
    """Place of the label that means AI."""

    @property
    def settings_sha256(self) -> str:
        """SHA-256 of what says how the model is read, hex."""
        return external.digest(self.settings, str(self.ai))


def layout(path: Path) -> Layout | None:
    """Return the layout of what lies at a path; None where it is no model of another."""
    said: dict[str, Any] = {}
    if (path / CONFIG).is_file():
        try:
            said = external.config(path / CONFIG)
        except ConfigError:
            return None  # whoever reads it as a model of ours says what is wrong
    elif path.suffix == ".onnx" or any(path.glob("*.onnx")):
        return "onnx"
    if "model_type" in said:
        return "transformers"
    if "architecture" in said:
        return "timm"
    return (
        "community-forensics" if {"model_size", "input_size", "patch_size"} <= set(said) else None
    )


def chosen(path: Path, ai_label: str | None = None) -> Chosen:
    """Return the model at a path that has a layout.

    Args:
        path: a folder, or an ONNX file.
        ai_label: name of the label that means AI; None: told by the words of the names.

    Raises:
        ConfigError: it is not whole, would run code of its own or take weights from elsewhere,
            needs a library that is not installed, or does not say which label means AI.
    """
    how = layout(path)
    if how == "onnx":
        made = _onnx(path, ai_label)
    elif how == "transformers":
        made = _transformers(path, ai_label)
    else:
        made = _timm(path, how or "timm", ai_label)
    if made.layout in EXTRA:
        external.needs(*EXTRA[made.layout])
    return made


def _transformers(path: Path, ai_label: str | None) -> Chosen:
    """Return the model of a transformers folder."""
    external.usable(path, (CONFIG, PROCESSOR))
    said, where = external.config(path / CONFIG), path / CONFIG
    if said["model_type"] == "timm_wrapper" or any(said.get(key) for key in FETCHING):
        raise ConfigError(f"{where}: takes a network from timm; save it as a timm folder")
    labels = external.names(said.get("id2label"), said.get("num_labels", BINARY))
    return Chosen(
        layout="transformers",
        folder=path,
        weights=tuple(external.weights(path)),
        settings=(where, path / PROCESSOR),
        labels=labels,
        ai=external.ai_label(labels, f"{where}: id2label", WRITE, ai_label),
    )


def _timm(path: Path, how: Layout, ai_label: str | None) -> Chosen:
    """Return the model of a folder whose network is timm's."""
    external.usable(path, (CONFIG,))
    where = path / CONFIG
    if not (path / WEIGHTS).is_file():
        raise ConfigError(f"{path}: {WEIGHTS} missing")
    said = external.config(where)
    labels = ("fake",) if how == "community-forensics" else _timm_labels(said, where)
    return Chosen(
        layout=how,
        folder=path,
        weights=(path / WEIGHTS,),
        settings=(where,),
        labels=labels,
        ai=external.ai_label(labels, f"{where}: label_names", WRITE, ai_label),
    )


def _onnx(path: Path, ai_label: str | None) -> Chosen:
    """Return the model of an ONNX file or a folder with one."""
    found = [path] if path.suffix == ".onnx" and path.is_file() else sorted(path.glob("*.onnx"))
    if len(found) != 1:
        listed = ", ".join(file.name for file in found) or "none"
        raise ConfigError(f"{path}: one ONNX file is wanted; there are {listed}")
    (file,) = found
    beside = file.with_suffix(".json")
    labels = sidecar(file).labels
    return Chosen(
        layout="onnx",
        folder=file.parent,
        weights=(file,),
        settings=(beside,),
        labels=labels,
        ai=external.ai_label(labels, f"{beside}: labels", WRITE, ai_label),
    )


def sidecar(file: Path) -> OnnxSidecar:
    """Return what stands beside an ONNX file.

    Raises:
        ConfigError: nothing does, or it does not say how the model is read.
    """
    path = file.with_suffix(".json")
    try:
        return msgspec.json.decode(path.read_bytes(), type=OnnxSidecar)
    except (OSError, *MALFORMED) as error:
        keys = ", ".join(OnnxSidecar.__struct_fields__)
        raise ConfigError(
            f"{path}: {error}; an ONNX file says neither how it sees nor what its numbers mean,"
            f" so that NAME.json beside NAME.onnx has to: {keys} (docs/own-models.md)"
        ) from None


def community(said: dict[str, Any], where: Path) -> tuple[str, Preprocessing]:
    """Return timm's name of a Community Forensics network, and how it sees.

    Raises:
        ConfigError: sizes that were never published.
    """
    size, patch, width = said["input_size"], said["patch_size"], said["model_size"]
    if size not in RESIZED or patch != 16 or width not in ("small", "tiny"):
        raise ConfigError(
            f"{where}: model_size {width!r}, input_size {size!r}, patch_size {patch!r}: known are"
            " small and tiny, 224 and 384, and 16"
        )
    preprocessing = Preprocessing(
        size=size,
        resize=RESIZED[size],
        interpolation="bilinear",
        mean=IMAGENET_MEAN,
        std=IMAGENET_STD,
    )
    return f"vit_{width}_patch16_{size}", preprocessing


def _timm_labels(said: dict[str, Any], where: Path) -> tuple[str, ...]:
    """Return the names of a timm model's outputs: their numbers where it has none."""
    name, data, n = said["architecture"], said.get("pretrained_cfg"), said.get("num_classes")
    if not isinstance(name, str) or not re.fullmatch(r"\w+(\.\w+)?", name):
        raise ConfigError(f"{where}: architecture {name!r} is no network of timm's own")
    if not isinstance(data, dict) or not isinstance(n, int):
        raise ConfigError(f"{where}: num_classes and pretrained_cfg (how it sees) are needed")
    arguments = said.get("model_args") or {}
    if not isinstance(arguments, dict) or CUT & set(arguments):
        raise ConfigError(f"{where}: model_args name weights from elsewhere")
    return external.names(said.get("label_names") or data.get("label_names"), n)
