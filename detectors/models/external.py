"""Load external models safely, and read their labels and their calibration.

Nothing is fetched, no code of a folder is run, and weights are data alone (safetensors, ONNX). What
a score is worth nobody knows until `provenance calibrate` has measured it on labelled items of the
user's; the measure lies beside the model and holds for these weights, read in this way, and for no
others.
"""

import hashlib
import importlib
import importlib.util
import os
import re
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from detectors.decode.probing import without_probing
from detectors.decode.untrusted import MALFORMED
from detectors.errors import ConfigError
from detectors.models import labelled
from detectors.models.calibration import Calibration
from detectors.models.onnx_runtime import refuse_without_torch
from detectors.storing.atomic import write_json

SIDECAR = "provenance.json"
CONFIG = "config.json"
AI = {*labelled.AI, "artificial", "deepfake", "llm", "chatgpt", "gpt"}
NOT_AI = {*labelled.NOT_AI, "people", "natural"}
NEGATIONS = {"not", "non", "no"}
"""Words of a label; with a negation it is not guessed what it means."""
SAFE = {"local_files_only": True, "trust_remote_code": False}
"""Nothing is fetched, no code of a folder is run."""
CANNOT_LOAD = (
    OSError,
    ValueError,
    LookupError,
    RuntimeError,
    TypeError,
    AttributeError,
    ImportError,
)
"""What libraries raise on files that are no whole model."""


class Sidecar(msgspec.Struct, frozen=True, kw_only=True):
    """What every `provenance.json` says first: `calibrate` writes it beside an external model."""

    format: str
    """`DETECTOR.foreign/1`."""
    rule: str
    """How the model is read: the name of a layout or rule."""
    weights_sha256: str
    """SHA-256 of all weights, in the order of folders and names."""
    settings_sha256: str
    """SHA-256 of the files that say how the model is read, and of which label means AI."""
    command: str
    """What measured it."""


class CalibrationSidecar(Sidecar, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What the scores of an external model are worth."""

    calibrations: dict[str, Calibration]
    """Language, or `all` → calibration; what is not named is not assessed."""


S = TypeVar("S", bound=Sidecar)


def load_sidecar(folder: Path, detector: str, rule: str, kind: type[S]) -> S | None:
    """Read what `calibrate` wrote into a folder for this rule, or None.

    Raises:
        ConfigError: the file is not one of this detector.
    """
    path = folder / SIDECAR
    if not path.exists():
        return None
    try:
        said = msgspec.json.decode(path.read_bytes(), type=kind)
    except (OSError, *MALFORMED) as error:
        raise ConfigError(f"{path}: {error}; calibrate again") from None
    if said.format != form(detector):
        raise ConfigError(f"{path}: {said.format} is not {form(detector)}; calibrate again")
    return said if said.rule == rule else None


def save_sidecar(folder: Path, sidecar: Sidecar) -> None:
    """Write what `calibrate` found beside a model.

    Raises:
        ConfigError: the folder cannot be written to.
    """
    write_json(folder / SIDECAR, sidecar)


def form(detector: str) -> str:
    """Return the `format` of a detector's notes."""
    return f"{detector}.foreign/1"


def config(path: Path) -> dict[str, Any]:
    """Return a JSON object of a model's folder.

    Raises:
        ConfigError: there is none.
    """
    try:
        said: dict[str, Any] = msgspec.json.decode(path.read_bytes(), type=dict)
    except OSError as error:
        raise ConfigError(f"{path}: {error.strerror}") from None
    except MALFORMED as error:
        raise ConfigError(f"{path}: {error}") from None
    return said


def usable(folder: Path, files: Sequence[str]) -> None:
    """Refuse a folder of a model that cannot be loaded safely.

    Args:
        folder: of the model.
        files: that it has to hold, JSON all of them, besides weights.

    Raises:
        ConfigError: a file is missing, there are no safetensors, or code of its own would be run.
    """
    if missing := [name for name in files if not (folder / name).is_file()]:
        raise ConfigError(f"{folder}: {', '.join(missing)} missing")
    if not weights(folder):
        raise ConfigError(f"{folder}: no *.safetensors; other weights may run code and are refused")
    coded = any("auto_map" in config(folder / name) for name in files)
    if coded or (folder / "adapter_config.json").exists():
        raise ConfigError(f"{folder}: wants code or weights from elsewhere; use a whole model")


def weights(folder: Path) -> list[Path]:
    """Return the weights of a folder, by name."""
    return sorted(folder.glob("*.safetensors"))


def digest(paths: Iterable[Path], more: str = "") -> str:
    """Return the SHA-256 of files one after the other, hex: of one file, its own.

    Args:
        paths: of the files.
        more: what else decides, joined at the end.
    """
    total = hashlib.sha256()
    for path in paths:
        with path.open("rb") as opened:
            while block := opened.read(1 << 20):
                total.update(block)
    total.update(more.encode())
    return total.hexdigest()


def identity(weights_sha256: str, settings_sha256: str, sidecar: Sidecar | None) -> str:
    """Return the SHA-256 of a model with what `calibrate` wrote beside it, hex."""
    parts = [weights_sha256, settings_sha256, sidecar]
    return hashlib.sha256(msgspec.json.encode(parts)).hexdigest()


def needs(module: str, extra: str) -> None:
    """Refuse to go on without a library, or without torch, on which it runs models.

    Raises:
        ConfigError: it is not installed; says how it would be.
    """
    for name in (module, "torch"):
        if importlib.util.find_spec(name) is None:
            raise ConfigError(
                f"models of others need an extra: pip install 'provenance-check[{extra}]'"
                f" ({name} is not installed)"
            )


def names(labels: object, n: int) -> tuple[str, ...]:
    """Return the names of a model's outputs, LABEL_0 and so on where it has none.

    Args:
        labels: `id2label` (index → name), a list of names, or nothing.
        n: number of outputs where no names say it.
    """
    if isinstance(labels, list) and labels:
        return tuple(str(label) for label in labels)
    known = labels if isinstance(labels, dict) else {}
    return tuple(str(known.get(str(at), f"LABEL_{at}")) for at in range(len(known) or n))


def ai_label(labels: Sequence[str], where: str, hint: str, said: str | None = None) -> int:
    """Return the index of the label that means AI.

    Args:
        labels: the names of a model's outputs.
        where: they stand, for the message.
        hint: what would be right, for the message.
        said: the name that the user says means AI; None: told by the words of the names, where one
            of two means AI and the other not, or there is one alone and it means AI.

    Raises:
        ConfigError: the names do not say it, or the label that is said is not there.
    """
    if said is not None:
        if list(labels).count(said) != 1:
            raise ConfigError(f"{where}: no one label {said!r}; there are {', '.join(labels)}")
        return list(labels).index(said)
    meant = [_meaning(label) for label in labels]
    if sorted(meant) not in (["ai"], ["ai", "not"]):
        listed = ", ".join(map(repr, labels))
        raise ConfigError(
            f"{where} ({listed}) does not name one label for AI and one for what is not; {hint}"
        )
    return meant.index("ai")


def _meaning(label: str) -> str:
    """Return `ai`, `not` or nothing for a label."""
    said = set(re.findall("[a-z]+", label.lower()))
    if said & NEGATIONS or bool(said & AI) == bool(said & NOT_AI):
        return ""
    return "ai" if said & AI else "not"


def transformers(kind: str, folder: Path, device: str) -> Any:
    """Return a model of a folder with all its weights, by transformers, silent and offline.

    Args:
        kind: what follows `AutoModelFor`.
        folder: found `usable`.
        device: `cpu` or `cuda`.

    Raises:
        ConfigError: transformers does not know the model, weights are missing (they would be
            random), or there is no such device.
    """
    library = silent()
    import torch
    from safetensors import SafetensorError

    try:
        model, told = getattr(library, f"AutoModelFor{kind}").from_pretrained(
            folder, use_safetensors=True, dtype=torch.float32, output_loading_info=True, **SAFE
        )
    except (*CANNOT_LOAD, SafetensorError) as error:
        raise ConfigError(f"{folder}: transformers cannot load it: {error}") from None
    if missing := sorted(told["missing_keys"]):
        raise ConfigError(f"{folder}: weights are missing: {', '.join(missing[:3])}")
    return placed(model, device)


def silent() -> Any:
    """Return the library transformers, silent and offline.

    Raises:
        ConfigError: it is not installed, or a library that it takes is broken.
    """
    os.environ["HF_HUB_OFFLINE"] = "1"
    needs("transformers", "transformers")
    with without_probing():
        library = importlib.import_module("transformers")
    library.utils.logging.disable_progress_bar()
    library.utils.logging.set_verbosity_error()
    return library


def placed(model: Any, device: str) -> Any:
    """Return a torch module on a device, ready to be asked.

    Raises:
        ConfigError: torch has no such device.
    """
    refuse_without_torch(device)
    return model.to(device).eval()
