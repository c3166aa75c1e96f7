"""The module of Synapse, loaded by Synapse's own loader, and called as its documentation says."""

import asyncio
from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

pytest.importorskip("synapse.module_api")
from synapse.config._base import ConfigError
from synapse.module_api import NOT_SPAM
from synapse.module_api.errors import Codes
from synapse.util.module_loader import load_module

FIXTURES = Path(__file__).parents[2] / "fixtures"
BROKEN = b"\xff\xd8\xff\xe0broken"
PATH = ("modules", "<item 0>")
ONLY = ["credentials", "metadata", "text_marks"]


class Api:
    """What a module is given, as far as ours uses it."""

    def __init__(self) -> None:
        self.callbacks = dict[str, Callable[..., Any]]()

    def register_spam_checker_callbacks(self, **callbacks: Callable[..., Any]) -> None:
        self.callbacks |= callbacks

    async def defer_to_thread(self, work: Callable[..., Any], *args: Any, **named: Any) -> Any:
        return await asyncio.to_thread(work, *args, **named)


class Stored:
    """A file that Synapse is about to keep: given in pieces."""

    def __init__(self, data: bytes) -> None:
        self._data = data

    async def write_chunks_to(self, callback: Callable[[bytes], object]) -> None:
        for start in range(0, len(self._data), 1 << 14):
            callback(self._data[start : start + (1 << 14)])


def started(**config: Any) -> dict[str, Callable[..., Any]]:
    """Return the callbacks of the module under a configuration."""
    module = {"module": "provenance.hooks.dialects.synapse.Module", "config": config}
    made, parsed = load_module(module, PATH)
    api = Api()
    made(parsed, api)
    return api.callbacks


@pytest.fixture(scope="module")
def rejecting() -> dict[str, Callable[..., Any]]:
    return started(on_error="reject", only=ONLY, fail_on="review", messages=True)


def stored(callbacks: dict[str, Callable[..., Any]], data: bytes, **more: Any) -> Any:
    info = SimpleNamespace(**{"file_id": "abc", "thumbnail": None, "url_cache": False} | more)
    return asyncio.run(callbacks["check_media_file_for_spam"](Stored(data), info))


def sent(callbacks: dict[str, Callable[..., Any]], kind: str, body: object) -> Any:
    event = SimpleNamespace(type=kind, content={"body": body}, event_id="$e")
    return asyncio.run(callbacks["check_event_for_spam"](event))


def test_flagged_files_are_forbidden_and_thumbnails_passed_over(
    rejecting: dict[str, Callable[..., Any]],
) -> None:
    ai = (FIXTURES / "signed/ai.jpg").read_bytes()
    edited = (FIXTURES / "signed/edited.jpg").read_bytes()
    assert [stored(rejecting, data) for data in (ai, edited, BROKEN)] == [
        Codes.FORBIDDEN, NOT_SPAM, Codes.FORBIDDEN,
    ]  # fmt: skip
    assert stored(rejecting, ai, thumbnail=object()) is NOT_SPAM
    assert stored(rejecting, ai, url_cache=True) is NOT_SPAM


def test_messages_are_looked_at_where_that_is_asked_for(
    rejecting: dict[str, Callable[..., Any]],
) -> None:
    remark = "As an AI language model, I cannot do that."
    assert sent(rejecting, "m.room.message", remark) is Codes.FORBIDDEN
    for kind, body in (
        ("m.room.message", "See you."), ("m.room.message", 7), ("m.room.name", remark),
    ):  # fmt: skip
        assert sent(rejecting, kind, body) is NOT_SPAM


def test_without_a_verdict_the_operator_has_chosen(monkeypatch: pytest.MonkeyPatch) -> None:
    callbacks = started(on_error="accept", only=ONLY)
    assert set(callbacks) == {"check_media_file_for_spam"}
    assert stored(callbacks, BROKEN) is NOT_SPAM
    monkeypatch.setattr("provenance.hooks.dialects.synapse.MAX_BYTES", 10)
    assert stored(callbacks, (FIXTURES / "signed/ai.jpg").read_bytes()) is NOT_SPAM


@pytest.mark.parametrize("config", [{}, {"on_error": "maybe"}, {"on_error": "accept", "extra": 1}])
def test_a_configuration_that_cannot_be_used_is_refused(config: dict[str, Any]) -> None:
    with pytest.raises(ConfigError):
        load_module({"module": "provenance.hooks.dialects.synapse.Module", "config": config}, PATH)
