"""What a user set for a detector, as its `Options` name it."""

from collections.abc import Mapping
from typing import Any, TypeVar

import msgspec

from detectors.errors import ConfigError

T = TypeVar("T", bound=msgspec.Struct)


def parse_options(name: str, options: Mapping[str, Any], form: type[T], hint: str) -> T:
    """Parse a detector's options.

    Args:
        name: of the detector.
        options: as configuration and command line say.
        form: the struct that names what there is.
        hint: what would be right, shown in the error.

    Raises:
        ConfigError: an option is unknown or wrong.
    """
    try:
        return msgspec.convert(dict(options), form)
    except msgspec.ValidationError as error:
        raise ConfigError(f"[detectors.{name}]: {error}; {hint}") from None
