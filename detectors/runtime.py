"""onnxruntime, silent: newer builds report their use to their maker unless told not to."""

import importlib
import os
from typing import Any


def onnxruntime() -> Any:
    """Give the library, with its reports off before it is loaded and its warnings kept back.

    Raises:
        ImportError: it is not installed.
    """
    os.environ["ORT_DISABLE_TELEMETRY"] = "1"  # before the import: afterwards is too late
    runtime = importlib.import_module("onnxruntime")
    runtime.disable_telemetry_events()  # older builds on Windows
    runtime.set_default_logger_severity(3)  # errors; machines without a GPU are warned of
    return runtime
