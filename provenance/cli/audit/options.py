"""What the commands of the audit log share."""

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from detectors.signal import Reason

if TYPE_CHECKING:
    from provenance.audit.folder import LogFolder
    from provenance.audit.keys import PublicKey

F = TypeVar("F", bound=Callable[..., Any])
LOG: Final = click.argument("log", type=click.Path(path_type=Path))
KEY: Final = click.option(
    "--key",
    metavar="PUB",
    type=click.Path(path_type=Path),
    help="The public key, a file in verifier form. [default: the one that `init` noted here]",
)


REASON: Final = click.option("--reason", required=True, help="Why; it is kept in the log.")


def tell(code: str, /, *, err: bool = False, **args: Any) -> None:
    """Print a sentence of the audit log, escaped."""
    from provenance.messages import say
    from provenance.render.escape import escape

    click.echo(escape(say(Reason(f"audit.{code}", args))), err=err)


def text(given: str) -> str:
    """Return what was given on the command line as text that can be written."""
    return given.encode("utf-8", "backslashreplace").decode()


def tables() -> tuple[str, ...]:
    """Return the tables of plug-ins' sentences."""
    from detectors.catalog import catalog

    return tuple(table for spec in catalog() for table in spec.messages)


def public_key(folder: "LogFolder", key: Path | None) -> "PublicKey":
    """Return the public key to verify with.

    Raises:
        ConfigError: none is known, or the file holds none.
    """
    from provenance.audit import keys

    return keys.read(key) if key is not None else folder.public_key()[0]
