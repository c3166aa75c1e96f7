"""What a decoder reads in pictures that hold no mark of it, measured on the user's pictures."""

from collections import Counter
from collections.abc import Callable
from pathlib import Path
from typing import Final

from detectors.errors import CannotAssess
from detectors.models import external
from detectors.models.calibration import independent
from detectors.models.encoder.features import OTHER, no_picture, opened, rows
from detectors.models.report import EVERYTHING, PathReport, supported
from detectors.watermarks.decoders.codewords import BITS, decoded
from detectors.watermarks.decoders.decoder import digests, reader
from detectors.watermarks.decoders.sidecar import NAME, RULE, Unmarked, load_decoder, onnx_file

EVERY: Final = 100
"""Pictures between two words on progress."""


def calibrate(
    data: Path,
    model: Path,
    splits: tuple[str, ...],
    say: Callable[[str], None],
    threshold: float,
) -> list[PathReport]:
    """Read pictures that hold no mark of a decoder, and write what it read beside it.

    Args:
        data: labelled pictures, as `features.rows` takes them. Those with the label `ai` are left
            out: they may hold the mark.
        model: the ONNX file, or its folder.
        splits: what to read; empty: all there are.
        say: told of progress, and of what was found.
        threshold: a third of the independent pictures that are needed at least.

    Returns:
        Nothing: an identifier has no likelihood ratio.

    Raises:
        ConfigError: data or decoder cannot be used, or there are too few pictures.
    """
    file = onnx_file(model)
    said = load_decoder(file)
    weights, settings = digests(file)
    read = reader(file, said, weights)
    found = rows(data, splits, ("real", OTHER))
    supported(
        threshold, {EVERYTHING: independent([r.repo for r in found], [r.unit for r in found])}
    )
    reads = []
    for done, row in enumerate(found):
        try:
            reads.append(read(opened(data, row).picture.rgb))
        except CannotAssess as fault:
            raise no_picture(data, row, fault) from fault
        if done % EVERY == 0:
            say(f"read {done} of {len(found)} pictures")
    words = [decoded(bits) for bits in reads if said.code and len(bits) == BITS]
    false = Counter(word.identifier.partition("*")[0] for word in words if word)
    named = "".join(f" --split {split}" for split in splits)
    unmarked = Unmarked(
        format=external.form(NAME),
        rule=RULE,
        weights_sha256=weights,
        settings_sha256=settings,
        command=f"provenance calibrate {NAME} --data {data.name} --model {model.name}{named}",
        reads=tuple(reads),
        false_words=dict(sorted(false.items())),
    )
    external.save_sidecar(file.parent, unmarked)
    say(f"{len(reads)} pictures without a mark, a word read in {sum(false.values())} of them")
    return []
