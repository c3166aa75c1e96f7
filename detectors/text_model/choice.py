"""Which model of the user's own is meant, and whether it can be loaded safely."""

import hashlib
import re
from pathlib import Path
from typing import Any

import msgspec

from detectors.errors import ConfigError

RULES = {"binoculars": 2, "fast-detect": 1}
"""Rule → how many folders it takes."""
AI = {"ai", "fake", "generated", "machine", "synthetic", "llm", "chatgpt", "gpt"}
HUMAN = {"human", "real", "person", "people", "authentic"}
NEGATIONS = {"not", "non", "no"}
"""Words of a label; with a negation it is not guessed what it means."""
FILES = ("config.json", "tokenizer.json")


class Chosen(msgspec.Struct, frozen=True):
    """A rule and the folders it is applied to."""

    rule: str
    folders: tuple[Path, ...]


def is_foreign(model: str) -> bool:
    """Tell whether a model is another's: a rule, or a folder whose config.json is transformers'."""
    if model.partition(":")[0] in RULES:
        return True
    try:
        said = msgspec.json.decode((Path(model) / FILES[0]).read_bytes())
    except (OSError, msgspec.DecodeError):
        return False  # whoever reads it as a model of ours says what is wrong
    return isinstance(said, dict) and "model_type" in said


def chosen(model: str) -> Chosen:
    """Give rule and folders of `DIR` or `RULE:DIR,DIR`, looked at without loading anything.

    Raises:
        ConfigError: a folder is missing, holds no safetensors or no tokenizer.json, or wants code
            of its own run; a rule is given too few or too many folders, or two vocabularies.
    """
    rule, _, named = model.partition(":")
    if rule not in RULES:
        rule, named = "classifier", model
    folders = tuple(Path(name) for name in (named.split(",") if rule in RULES else [named]))
    if len(folders) != RULES.get(rule, 1):
        raise ConfigError(f"--model text_model={model}: {rule} takes {RULES[rule]} folders")
    for folder in folders:
        _usable(folder)
    if len({(folder / FILES[1]).read_bytes() for folder in folders}) > 1:
        raise ConfigError(f"--model text_model={model}: the two models have different tokenizers")
    if rule == "classifier":
        ai_label(folders[0])
    return Chosen(rule, folders)


def _usable(folder: Path) -> None:
    """Refuse a folder that cannot be loaded safely.

    Raises:
        ConfigError: says why.
    """
    missing = [name for name in FILES if not (folder / name).is_file()]
    if missing:
        raise ConfigError(f"{folder}: no transformers model: {', '.join(missing)} missing")
    if not _weights(folder):
        raise ConfigError(f"{folder}: no *.safetensors; other weights may run code and are refused")
    if "auto_map" in _config(folder) or (folder / "adapter_config.json").exists():
        raise ConfigError(f"{folder}: wants code or weights from elsewhere; use a whole model")


def _config(folder: Path) -> dict[str, Any]:
    """Give a folder's config.json.

    Raises:
        ConfigError: it is no JSON object.
    """
    try:
        said: dict[str, Any] = msgspec.json.decode((folder / FILES[0]).read_bytes(), type=dict)
    except msgspec.MsgspecError as error:
        raise ConfigError(f"{folder / FILES[0]}: {error}") from None
    return said


def _weights(folder: Path) -> list[Path]:
    """Give the weights of a folder, by name."""
    return sorted(folder.glob("*.safetensors"))


def ai_label(folder: Path) -> int:
    """Give the index of the logit that means AI, by the names in config.json.

    Raises:
        ConfigError: the names do not say which of two means AI and which a person.
    """
    named = _config(folder).get("id2label")
    labels = named if isinstance(named, dict) else {}
    meant = {int(index): _meaning(str(label)) for index, label in labels.items() if index.isdigit()}
    if sorted(meant.values()) != ["ai", "human"] or set(meant) != {0, 1}:
        raise ConfigError(
            f"{folder / FILES[0]}: id2label {labels!r} does not name one label for AI and one for"
            " people; write for instance {'0': 'human', '1': 'ai'} if the model's card says so"
        )
    return next(index for index, meaning in meant.items() if meaning == "ai")


def _meaning(label: str) -> str:
    """Give `ai`, `human` or nothing for a label."""
    said = set(re.findall("[a-z]+", label.lower()))
    if said & NEGATIONS or bool(said & AI) == bool(said & HUMAN):
        return ""
    return "ai" if said & AI else "human"


def digest(which: Chosen) -> str:
    """Give the SHA-256 of all weights, in the order of folders and names."""
    total = hashlib.sha256()
    for path in (path for folder in which.folders for path in _weights(folder)):
        with path.open("rb") as opened:
            while block := opened.read(1 << 20):
                total.update(block)
    return total.hexdigest()
