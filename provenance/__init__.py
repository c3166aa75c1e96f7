"""One honest verdict on where a picture, a text or a post comes from.

```python
import provenance

with provenance.Checker() as checker:
    print(checker.check("photo.jpg").verdict.risk)
```
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any, Final

from provenance.version import __version__

if TYPE_CHECKING:
    from detectors.errors import ConfigError, DamagedError, Error, UnavailableError
    from detectors.item import Kind
    from detectors.signal import Claim, Outcome, Reason, Signal, Tier
    from provenance.api import Checker, check, scan
    from provenance.record import Origin, Part, Record, Risk, Verdict

__all__ = [
    "Checker",
    "Claim",
    "ConfigError",
    "DamagedError",
    "Error",
    "Kind",
    "Origin",
    "Outcome",
    "Part",
    "Reason",
    "Record",
    "Risk",
    "Signal",
    "Tier",
    "UnavailableError",
    "Verdict",
    "__version__",
    "check",
    "scan",
]

_HOMES: Final = {
    "provenance.api": ("Checker", "check", "scan"),
    "provenance.record": ("Origin", "Part", "Record", "Risk", "Verdict"),
    "detectors.errors": ("ConfigError", "DamagedError", "Error", "UnavailableError"),
    "detectors.item": ("Kind",),
    "detectors.signal": ("Claim", "Outcome", "Reason", "Signal", "Tier"),
}


def __getattr__(name: str) -> Any:
    """Return what is exported, imported at first use so that `import provenance` costs nothing."""
    for home, names in _HOMES.items():
        if name in names:
            return getattr(import_module(home), name)
    raise AttributeError(f"module 'provenance' has no attribute {name!r}")
