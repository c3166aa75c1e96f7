"""What the pages share: templates that escape whatever they are given, and what a page may do."""

import base64
import hashlib
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

if TYPE_CHECKING:
    from jinja2 import Template
    from markupsafe import Markup

HERE: Final = Path(__file__).parent
STYLE: Final = "report.css"


def template(name: str) -> "Template":
    """Load a template of this folder."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    return Environment(
        autoescape=True, loader=FileSystemLoader(HERE), undefined=StrictUndefined, trim_blocks=True,
        lstrip_blocks=True,
    ).get_template(name)  # fmt: skip


def trusted(text: str) -> "Markup":
    """Return text that is markup: files of this folder, and what `data.json_of` made."""
    from markupsafe import Markup

    return Markup(text)  # noqa: S704 - see above


def parts(
    script: str | None = None, styles: Sequence[str] = (STYLE,), *, served: bool = False
) -> dict[str, Any]:
    """Return the style of a page, its script where it has one, and its policy.

    Args:
        script: its file.
        styles: files that make up its style.
        served: whether the script may ask the server that the page comes from.
    """
    style = "".join((HERE / name).read_text("utf-8") for name in styles)
    code = (HERE / script).read_text("utf-8") if script else ""
    policy = content_security_policy(style, code, served=served)
    return {"policy": policy, "style": trusted(style), "script": trusted(code)}


def content_security_policy(style: str, script: str, *, served: bool = False) -> str:
    """Return what the page may do: this style, this script, pictures that lie in it."""
    allowed = {"script-src": script, "style-src": style}
    hashes = (f"{kind} 'sha256-{_digest(text)}'" for kind, text in allowed.items() if text)
    rest = "img-src data: blob:; base-uri 'none'; form-action 'none'"
    asked = ["connect-src 'self'"] if served else []
    return "; ".join(["default-src 'none'", *hashes, *asked, rest])


def _digest(text: str) -> str:
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
