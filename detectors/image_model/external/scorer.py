"""Scores of published detectors: each is shown a picture the way its own library shows it one.

`transformers` and `timm` bring their own preprocessing (the former on Pillow, so that scores do not
depend on what else is installed); Community Forensics and ONNX files are shown a `Sight`.
"""

import importlib
import math
from typing import TYPE_CHECKING, Any

from detectors.decode.probing import without_probing
from detectors.errors import ConfigError
from detectors.image_model.external.layouts import PROCESSOR, Chosen, Layout, community, sidecar
from detectors.item import Item
from detectors.models import external
from detectors.models.encoder.tokens import AS_IT_IS
from detectors.models.onnx_runtime import open_onnx
from detectors.models.preprocessing import preprocess

if TYPE_CHECKING:
    from collections.abc import Callable

    import numpy as np
    from numpy.typing import NDArray

    Pixels = NDArray[np.uint8]
    Outputs = NDArray[np.float64]
    Asked = Callable[[Pixels], Outputs]
    """Returns the logits, (labels,), of a picture (height, width, 3)."""

LEAST = 1e-7
"""Smallest probability that is told from none: single precision has no closer one to 1."""
ABOUT_READING = (
    "input_size", "fixed_input_size", "interpolation", "crop_pct", "crop_mode", "mean", "std",
    "num_classes", "pool_size", "first_conv", "classifier",
)  # fmt: skip
"""Keys of a timm pretrained_cfg that shape the network or its sight; the others name weights."""


class Scorer:
    """A published detector, loaded."""

    def __init__(self, which: Chosen, device: str) -> None:
        """Load it.

        Args:
            which: found by `chosen`.
            device: `cpu` or `cuda`.

        Raises:
            ConfigError: its library cannot load it, or there is no such device.
        """
        self._asked, self._which = OPEN[which.layout](which, device), which

    def score(self, rgb: "Pixels") -> float:
        """Return the natural log odds that a picture is AI, 3 decimals.

        Args:
            rgb: (height, width, 3), 0..255.

        Raises:
            ConfigError: the model gives other numbers than its labels, or none that is finite.
        """
        logits = self._asked(rgb)
        if logits.shape != (n := len(self._which.labels),):
            raise ConfigError(f"the model gives numbers of shape {logits.shape} for {n} labels")
        value = log_odds(logits.tolist(), self._which.ai)
        if not math.isfinite(value):
            raise ConfigError(f"the model gives {value} for a picture, which is no score")
        return round(value, 3) + 0.0

    def after(self, item: Item, how: str) -> float:
        """Return the score of an item's picture as it is (`plain`), or after a platform transform.

        Raises:
            CannotAssess: the picture cannot be opened.
            ConfigError: as for `score`.
        """
        from detectors.models.encoder.views import recompressed

        rgb = item.picture.rgb
        return self.score(rgb if how == AS_IT_IS else recompressed(rgb, how))


def log_odds(logits: list[float], ai: int) -> float:
    """Return the log odds of one label against all others: of a single one, its logit."""
    rest = [value for at, value in enumerate(logits) if at != ai]
    if not rest:
        return logits[ai]
    most = max(rest)
    return logits[ai] - most - math.log(sum(math.exp(value - most) for value in rest))


def _transformers(which: Chosen, device: str) -> "Asked":
    library = external.silent()
    try:
        processor = library.AutoImageProcessor.from_pretrained(
            which.folder, backend="pil", **external.SAFE
        )
    except external.CANNOT_LOAD as error:
        raise ConfigError(f"{which.folder / PROCESSOR}: {error}") from None
    model = external.transformers("ImageClassification", which.folder, device)

    def asked(rgb: "Pixels") -> "Outputs":
        import torch
        from PIL import Image

        values = processor(images=Image.fromarray(rgb), return_tensors="pt")["pixel_values"]
        with torch.inference_mode():
            return _numbers(model(pixel_values=values.to(device)).logits[0])

    return asked


def _timm(which: Chosen, device: str) -> "Asked":
    library, said = _timm_library(), external.config(which.settings[0])
    data = {key: value for key, value in said["pretrained_cfg"].items() if key in ABOUT_READING}
    arguments = {"num_classes": said["num_classes"], **(said.get("model_args") or {})}
    model = _network(which, said["architecture"], arguments | {"pretrained_cfg": data})
    transform = library.data.create_transform(
        **library.data.resolve_data_config(pretrained_cfg=data)
    )

    def shown(rgb: "Pixels") -> Any:
        from PIL import Image

        return transform(Image.fromarray(rgb))[None]

    return _on_torch(model, shown, device)


def _community(which: Chosen, device: str) -> "Asked":
    name, preprocessing = community(external.config(which.settings[0]), which.settings[0])
    model = _network(which, name, {"num_classes": 1}, prefix="vit.")

    def shown(rgb: "Pixels") -> Any:
        import torch

        return torch.from_numpy(preprocess(rgb, preprocessing))

    return _on_torch(model, shown, device)


def _onnx(which: Chosen, device: str) -> "Asked":
    import numpy as np

    (file,), said = which.weights, sidecar(which.weights[0])
    session, faults = open_onnx(file, device)

    def asked(rgb: "Pixels") -> "Outputs":
        try:
            (found,) = session.run([said.output], {said.input: preprocess(rgb, said)})
        except faults as error:
            raise ConfigError(f"{file}: onnxruntime cannot run it: {error}") from None
        values: Outputs = np.asarray(found, np.float64)[0]
        if said.gives == "logits":
            return values
        likely = np.clip(values, LEAST, 1 - LEAST)
        return np.log(likely) if likely.size > 1 else np.log(likely / (1 - likely))

    return asked


def _timm_library() -> Any:
    """Return timm.

    Raises:
        ConfigError: a dependency is broken, usually torchvision built for another torch.
    """
    try:
        with without_probing():
            return importlib.import_module("timm")
    except (ImportError, RuntimeError) as error:
        raise ConfigError(
            f"timm cannot be imported ({error}); it needs a torchvision of the same build as torch:"
            " install both from one index"
        ) from None


def _network(which: Chosen, name: str, arguments: dict[str, Any], *, prefix: str = "") -> Any:
    """Return a network of timm with the weights of the file, all of them and no others.

    Raises:
        ConfigError: timm knows no such network, or the weights are another's.
    """
    from safetensors import SafetensorError
    from safetensors.torch import load_file

    library, file = _timm_library(), which.weights[0]
    try:
        model = library.create_model(name, pretrained=False, **arguments)
        tensors = load_file(file)
        if not all(key.startswith(prefix) for key in tensors):
            raise ConfigError(f"{file}: not all of its weights begin with {prefix}")
        model.load_state_dict({key[len(prefix) :]: tensors[key] for key in tensors})
    except (*external.CANNOT_LOAD, AssertionError, SafetensorError) as error:
        raise ConfigError(f"{file}: timm cannot load it as {name}: {error}") from None
    return model


def _on_torch(model: Any, shown: "Callable[[Pixels], Any]", device: str) -> "Asked":
    """Return what asks a torch module."""
    ready = external.placed(model, device)

    def asked(rgb: "Pixels") -> "Outputs":
        import torch

        with torch.inference_mode():
            return _numbers(ready(shown(rgb).to(device))[0])

    return asked


def _numbers(logits: Any) -> "Outputs":
    """Return a torch tensor as an array."""
    values: Outputs = logits.double().cpu().numpy()
    return values


OPEN: "dict[Layout, Callable[[Chosen, str], Asked]]" = {
    "transformers": _transformers,
    "timm": _timm,
    "community-forensics": _community,
    "onnx": _onnx,
}
