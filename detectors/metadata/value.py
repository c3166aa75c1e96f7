"""The text of a named field, and what it holds: JSON, or a graph of ComfyUI."""

import base64
import html
import json
import re
from functools import cached_property
from typing import Any

from detectors.item import Sidecar
from detectors.metadata import comfyui

LABEL = re.compile(r"\A(?:prompt|workflow|parameters|AIGC)[:\0]?\s*(?=\{|eyJ)", re.IGNORECASE)
"""What programs write before JSON: ComfyUI in EXIF, stable-diffusion.cpp, labels of GB 45438."""
MAX_LABEL = 64
BASE64_OBJECT = "eyJ"
"""How base64 of a JSON object begins."""


class Value:
    """The text of a field."""

    def __init__(self, field: str, text: str, sidecar: Sidecar | None = None) -> None:
        self.field = field
        self.text = text
        self.sidecar = sidecar
        """The file beside the item in which the field stands; None: in the item itself."""
        self.superseded = False
        """True for a graph as it was drawn, where another field holds the one that ran."""

    @cached_property
    def json(self) -> Any:
        """The value as JSON, None where it is none or nests too deep."""
        text = LABEL.sub("", self.text[:MAX_LABEL].lstrip(), count=1) + self.text[MAX_LABEL:]
        if text.startswith(BASE64_OBJECT):
            text = _unpacked(text)
        text = text.removeprefix("\ufeff")
        if text.startswith('"{'):  # a text of JSON, written as JSON
            text = _unquoted(text)
        if text.startswith("{&quot;"):  # escaped twice
            text = html.unescape(text)
        return comfyui.read_json(text)

    @cached_property
    def graph(self) -> comfyui.Graph | None:
        """The ComfyUI graph that the value holds, None where it holds none."""
        return comfyui.graph(self.json)


def _unquoted(text: str) -> str:
    """Return the text that a JSON string holds; empty where it is none."""
    try:
        return str(json.JSONDecoder().raw_decode(text)[0])
    except ValueError:
        return ""


def _unpacked(text: str) -> str:
    """Return the text that base64 stands for; empty where it is none."""
    try:
        return base64.b64decode(text.strip(), validate=True).decode("utf-8")
    except ValueError:
        return ""
