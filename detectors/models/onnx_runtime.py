"""Import onnxruntime with telemetry off; find out whether there is a GPU for it or for torch."""

import importlib
import os
import warnings
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from detectors.decode.memory import loading
from detectors.errors import ConfigError

if TYPE_CHECKING:
    from numpy.typing import NDArray

TRAIN = "pip install 'provenance-check[train]'"
"""What brings torch."""
MANY: Final = 16
"""Runs after which the weights are laid out for speed: up to a tenth less CPU a run, for as much
memory as the weights take and the time of one run, which is as much as is saved there."""
ELSEWHERE: Final = "session.model_external_initializers_file_folder_path"
"""Setting of onnxruntime: the folder of weights that lie outside of a model."""


def onnxruntime() -> Any:
    """Return onnxruntime, with its reports off and its warnings kept back.

    Newer builds report their use to their maker unless they are told not to before they are loaded.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: afterwards is too late
    runtime = importlib.import_module("onnxruntime")
    runtime.disable_telemetry_events()  # older builds on Windows
    runtime.set_default_logger_severity(3)  # errors; machines without a GPU are warned of
    return runtime


def refuse_without_torch(device: str) -> None:
    """Refuse a device that torch does not have here; `cpu` needs no torch and is never refused.

    Raises:
        ConfigError: torch is not installed, or finds no GPU.
    """
    if device == "cpu":
        return
    try:
        import torch
    except ImportError:
        raise ConfigError(
            f"device {device}: torch is not installed ({TRAIN}); or use --device cpu"
        ) from None
    if not torch_finds_a_gpu():
        raise ConfigError(
            f"device {device}: torch {torch.__version__} finds no GPU; use --device cpu"
        )


def torch_finds_a_gpu() -> bool:
    """Tell whether torch is installed and has a GPU here."""
    try:
        import torch
    except ImportError:
        return False
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of a driver that is too old or not there
        return bool(torch.cuda.is_available())


def refuse_without_provider(device: str) -> None:
    """Refuse a device that onnxruntime does not have here.

    Raises:
        ConfigError: says what it lacks.
    """
    provider = f"{device.upper()}ExecutionProvider"
    if provider not in onnxruntime().get_available_providers():
        raise ConfigError(f"device {device}: onnxruntime has no {provider} here; use --device cpu")


class Engine:
    """A graph of ours with its weights, laid out for speed once it has run often."""

    def __init__(self, graph: bytes, weights: "dict[str, NDArray[Any]]") -> None:
        """Make it ready; the weights are read where they lie."""
        self._graph, self._weights, self._runs = graph, weights, 0
        self._session = _session(graph, weights, laid_out=False)

    def __call__(self, given: "dict[str, NDArray[Any]]") -> "list[NDArray[Any]]":
        """Return the outputs for these inputs, by their names."""
        self._runs += 1
        if self._runs == MANY:
            with loading():
                self._session = _session(self._graph, self._weights, laid_out=True)
        found: list[NDArray[Any]] = self._session.run(None, given)
        return found


def _session(graph: bytes, weights: "dict[str, NDArray[Any]]", *, laid_out: bool) -> Any:
    """Return a graph, ready to run on one core; it lasts as long as its weights do.

    One core: `scan` gives each core an item of its own, and waiting threads cost CPU.

    Args:
        graph: the bytes of the ONNX file, without weights.
        weights: by their names in it; they are read where they lie.
        laid_out: whether onnxruntime copies them in the order in which its products read them. The
            numbers are the same.
    """
    runtime = onnxruntime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    if not laid_out:
        options.add_session_config_entry("session.disable_prepacking", "1")
    values = [runtime.OrtValue.ortvalue_from_numpy(value) for value in weights.values()]
    options.add_external_initializers(list(weights), values)
    return runtime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def open_onnx(file: Path, device: str) -> tuple[Any, tuple[type[Exception], ...]]:
    """Return a user's ONNX file as a session, and what running it may raise.

    Raises:
        ConfigError: onnxruntime cannot load it, or has no such device.
    """
    runtime = onnxruntime()
    state = importlib.import_module("onnxruntime.capi.onnxruntime_pybind11_state")
    kinds = [kind for kind in vars(state).values() if isinstance(kind, type)]
    own = [kind for kind in kinds if issubclass(kind, Exception)]
    faults: tuple[type[Exception], ...] = (ValueError, *own)
    refuse_without_provider(device)
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1  # the same sums however many cores there are
    options.log_severity_level = 4
    # Weights in further files are not in the digest: they are looked for where no folder is.
    options.add_session_config_entry(ELSEWHERE, str(file))
    try:
        return runtime.InferenceSession(
            file.read_bytes(), options, providers=[f"{device.upper()}ExecutionProvider"]
        ), faults
    except faults as error:
        raise ConfigError(
            f"{file}: onnxruntime cannot load it (all weights have to lie in it): {error}"
        ) from None
