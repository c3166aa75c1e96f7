"""Which model of the user's own is meant, and whether it can be loaded safely."""

from functools import cached_property
from pathlib import Path

import msgspec

from detectors.errors import ConfigError
from detectors.models import external
from detectors.models.external import CONFIG

RULES = {"binoculars": 2, "fast-detect": 1}
"""Rule → how many folders it takes."""
TOKENIZER = "tokenizer.json"
WRITE = "write for instance {'0': 'human', '1': 'ai'} if the model's card says so"


class Chosen(msgspec.Struct, frozen=True, dict=True):
    """A rule and the folders it is applied to."""

    rule: str
    folders: tuple[Path, ...]

    @cached_property
    def sha256(self) -> str:
        """SHA-256 of all weights, in the order of folders and names, hex."""
        return external.digest(path for folder in self.folders for path in external.weights(folder))

    @property
    def settings_sha256(self) -> str:
        """SHA-256 of what says how the models are read, hex."""
        files = (folder / name for folder in self.folders for name in (CONFIG, TOKENIZER))
        return external.digest(files)


def is_external(model: str) -> bool:
    """Tell whether a model is another's: a rule, or a folder whose config.json is transformers'."""
    if model.partition(":")[0] in RULES:
        return True
    try:
        return "model_type" in external.config(Path(model) / CONFIG)
    except ConfigError:
        return False  # whoever reads it as a model of ours says what is wrong


def chosen(model: str) -> Chosen:
    """Return rule and folders of `DIR` or `RULE:DIR,DIR`, looked at without loading anything.

    Raises:
        ConfigError: a folder is missing, holds no safetensors or no tokenizer.json, or wants code
            of its own run; a rule is given too few or too many folders, or two vocabularies;
            transformers is not installed.
    """
    rule, _, named = model.partition(":")
    if rule not in RULES:
        rule, named = "classifier", model
    folders = tuple(Path(name) for name in (named.split(",") if rule in RULES else [named]))
    if len(folders) != RULES.get(rule, 1):
        raise ConfigError(f"--model text_model={model}: {rule} takes {RULES[rule]} folders")
    for folder in folders:
        external.usable(folder, (CONFIG, TOKENIZER))
    external.needs("transformers", "transformers")
    if len({(folder / TOKENIZER).read_bytes() for folder in folders}) > 1:
        raise ConfigError(f"--model text_model={model}: the two models have different tokenizers")
    if rule == "classifier":
        ai_label(folders[0])
    return Chosen(rule, folders)


def ai_label(folder: Path) -> int:
    """Return the index of the logit that means AI, by the names in config.json.

    Raises:
        ConfigError: the names do not say which of two means AI and which a person.
    """
    where = f"{folder / CONFIG}: id2label"
    labels = external.names(external.config(folder / CONFIG).get("id2label"), 2)
    at = external.ai_label(labels, where, WRITE)
    if len(labels) == 1:
        raise ConfigError(f"{where} names one label; two are needed, one for people")
    return at
