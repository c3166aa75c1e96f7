"""One pass of the encoder an item, whoever asks first."""

from typing import TYPE_CHECKING, Literal

from detectors.item import Item

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

Device = Literal["cpu", "cuda"]
AS_IT_IS = "plain"
"""The picture itself; the other names are those of `views.DELIVERIES`."""


def square(item: Item, how: str = AS_IT_IS) -> "NDArray[np.uint8]":
    """Return what the encoder sees of an item's picture, (224, 224, 3), made once an item.

    Args:
        item: a picture.
        how: `plain`, or the delivery it is looked at after.

    Raises:
        CannotAssess: the picture cannot be opened.
    """
    if (name := f"square {how}") not in item.derived:
        from detectors.models.encoder import views

        rgb = item.picture.rgb
        item.derived[name] = views.square(rgb if how == AS_IT_IS else views.recompressed(rgb, how))
    made: NDArray[np.uint8] = item.derived[name]
    return made


def tokens(item: Item, device: Device = "cpu", how: str = AS_IT_IS) -> "NDArray[np.float32]":
    """Return the class token after each of the eight blocks, (8, 768), computed once an item.

    Args:
        item: a picture.
        device: `cpu` runs onnxruntime, `cuda` torch.
        how: `plain`, or the delivery it is looked at after.

    Raises:
        CannotAssess: the picture cannot be opened.
    """
    if (name := f"tokens {device} {how}") not in item.derived:
        pixels = square(item, how)
        if device == "cpu":
            from detectors.models.encoder.forward import encoder

            item.derived[name] = encoder()(pixels)
        else:
            from detectors.models.encoder.network import encode

            item.derived[name] = encode(pixels[None], device)[0]
    made: NDArray[np.float32] = item.derived[name]
    return made
