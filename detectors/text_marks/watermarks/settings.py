"""What a user writes of a watermark, checked. Keys never come out of here but into the counting."""

import hashlib
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Literal

import msgspec

from detectors.errors import ConfigError

WHERE = "[[detectors.text_marks.watermarks]]"
ROUNDS = 20_000
"""Rounds of the fingerprint's hash: a short key is not found out from a published record in
passing."""

Count = Annotated[int, msgspec.Meta(ge=1)]
Key = Annotated[int, msgspec.Meta(ge=1, le=2**63 - 1)]


class _Given(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What both kinds have."""

    tokenizer: str
    """The model's tokenizer.json."""
    name: Annotated[str, msgspec.Meta(min_length=1, max_length=60)] = "your key"
    """How sentences call the model or its owner."""
    key_file: str | None = None
    """A file with the key or keys, apart from the configuration."""


class Kgw(_Given, frozen=True, kw_only=True, tag_field="kind", tag="kgw"):
    """Green lists, with the names of `transformers.WatermarkingConfig`."""

    vocab_size: Annotated[int, msgspec.Meta(ge=2)]
    """Size in the model's config.json, which may exceed the tokenizer's."""
    hashing_key: Key | None = None
    greenlist_ratio: Annotated[float, msgspec.Meta(gt=0, lt=1)] = 0.25
    seeding_scheme: Literal["lefthash", "selfhash"] = "lefthash"
    context_width: Annotated[int, msgspec.Meta(ge=1, le=64)] = 1
    table_seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] | None = None
    """Seed of the table of `selfhash`: the key itself in transformers, 2971215073 in
    lm-watermarking."""
    device: Literal["cpu", "cuda"] = "cpu"
    """Where the text was made: torch draws other lists on a GPU, and only there."""


class SynthId(_Given, frozen=True, kw_only=True, tag_field="kind", tag="synthid"):
    """Tournaments, with the names of `transformers.SynthIDTextWatermarkingConfig`."""

    ngram_len: Annotated[int, msgspec.Meta(ge=2, le=64)]
    keys: (
        Annotated[
            list[Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]], msgspec.Meta(min_length=1)
        ]
        | None
    ) = None
    sampling_table_size: Annotated[int, msgspec.Meta(ge=2, le=2**24)] = 2**16
    sampling_table_seed: Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)] = 0
    context_history_size: Count = 1024
    sampling_table: str | None = None
    """A file of bytes 0 and 1, for a text made on a GPU, whose table is another."""


def checked(given: Kgw | SynthId) -> list[int]:
    """Return the key or keys of a watermark whose settings can be used.

    Raises:
        ConfigError: a file is missing or is not what it should be, there is no key or two, a GPU
            or the library of tokenizers is missing. The error never shows a key.
    """
    from importlib.util import find_spec

    if find_spec("tokenizers") is None:
        raise ConfigError(f"{WHERE}: needs the tokenizers library; install the extra `watermarks`")
    where = f"{WHERE} {given.name!r}"
    _tokenizer(where, given.tokenizer)
    keys = _keys(where, given)
    if isinstance(given, Kgw):
        _list(where, given)
    elif given.sampling_table is not None:
        _table(where, given.sampling_table, given.sampling_table_size)
    return keys


def public(given: Kgw | SynthId, layers: int) -> dict[str, object]:
    """Return what may be known of a watermark: files by what they hold, the key not even hashed.

    The seed of `selfhash`'s table is left out, since it is the key where none is set.

    Args:
        given: checked.
        layers: how many keys there are.
    """
    common = {"name": given.name, "tokenizer": _sha256(given.tokenizer)}
    if isinstance(given, Kgw):
        return common | {
            "kind": "kgw",
            "vocab_size": given.vocab_size,
            "greenlist_ratio": given.greenlist_ratio,
            "seeding_scheme": given.seeding_scheme,
            "context_width": given.context_width,
            "device": given.device,
        }
    return common | {
        "kind": "synthid",
        "layers": layers,
        "ngram_len": given.ngram_len,
        "sampling_table_size": given.sampling_table_size,
        "sampling_table_seed": given.sampling_table_seed,
        "context_history_size": given.context_history_size,
        "sampling_table": given.sampling_table and _sha256(given.sampling_table),
    }


def _sha256(path: str) -> str:
    """Return the SHA-256 of a file of the user's, hex."""
    return hashlib.sha256(Path(path).expanduser().read_bytes()).hexdigest()


def fingerprint(kind: str, keys: Sequence[int]) -> str:
    """Return eight hex digits that stand for a key in records and do not give it away."""
    text = " ".join(map(str, keys)).encode()
    return hashlib.pbkdf2_hmac("sha256", text, f"provenance {kind}".encode(), ROUNDS).hex()[:8]


def _keys(where: str, given: Kgw | SynthId) -> list[int]:
    """Return the keys, from the configuration or from their file."""
    field, most = ("hashing_key", 1) if isinstance(given, Kgw) else ("keys", None)
    written = getattr(given, field)
    if (written is None) == (given.key_file is None):
        raise ConfigError(f"{where}: write either {field} or key_file")
    if given.key_file is None:
        return [written] if isinstance(written, int) else list(written)
    words = re.split(
        r"[\s,\[\]]+", _read(where, "key_file", given.key_file).decode("utf-8", "replace")
    )
    words = [word for word in words if word]
    low = 1 if isinstance(given, Kgw) else 0
    if not words or not all(
        re.fullmatch(r"[0-9]{1,19}", w) and low <= int(w) < 2**63 for w in words
    ):
        raise ConfigError(f"{where}: key_file {given.key_file}: whole numbers below 2**63, please")
    if most is not None and len(words) > most:
        raise ConfigError(
            f"{where}: key_file {given.key_file}: one number is the key, not {len(words)}"
        )
    return [int(word) for word in words]


def _read(where: str, field: str, path: str) -> bytes:
    """Read the bytes of a file of the user's."""
    try:
        return Path(path).expanduser().read_bytes()
    except OSError as error:
        raise ConfigError(f"{where}: {field} {path}: {error.strerror}") from error


def _tokenizer(where: str, path: str) -> None:
    """Refuse what is no tokenizer.json at first sight; reading it whole takes a second."""
    try:
        with Path(path).expanduser().open("rb") as file:
            begins = file.read(64).lstrip()[:1]
    except OSError as error:
        raise ConfigError(
            f"{where}: tokenizer {path}: {error.strerror}; name the model's tokenizer.json"
        ) from error
    if begins != b"{":
        raise ConfigError(f"{where}: tokenizer {path}: not JSON; name the model's tokenizer.json")


def _list(where: str, given: Kgw) -> None:
    """Refuse green lists that hold nothing, and a device that is not there."""
    if int(given.vocab_size * given.greenlist_ratio) < 1:
        raise ConfigError(f"{where}: greenlist_ratio of vocab_size leaves no green token")
    if given.table_seed is not None and given.seeding_scheme != "selfhash":
        raise ConfigError(f'{where}: table_seed belongs to seeding_scheme = "selfhash"')
    if given.device == "cuda":
        try:
            import torch
        except ImportError:
            raise ConfigError(
                f'{where}: device = "cuda": its green lists are drawn by torch, which is not'
                " installed (pip install 'provenance-check[train]')"
            ) from None
        if not torch.cuda.is_available():
            raise ConfigError(
                f'{where}: device = "cuda": no GPU here; its green lists can be drawn on one only'
            )


def _table(where: str, path: str, size: int) -> None:
    """Refuse a table of another size, or of anything but bytes 0 and 1."""
    raw = _read(where, "sampling_table", path)
    if len(raw) != size or not set(raw) == {0, 1}:
        raise ConfigError(
            f"{where}: sampling_table {path}: sampling_table_size = {size} asks for so many bytes,"
            " each 0 or 1"
        )
