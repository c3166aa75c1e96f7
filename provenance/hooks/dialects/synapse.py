"""A module of Synapse that checks what its users upload, and if asked what they write.

```yaml
modules:
  - module: provenance.hooks.dialects.synapse.Module
    config:
      on_error: accept          # or reject; no default
      fail_on: high
      banks: [/srv/fakes.bank]
```

Source: docs/modules/spam_checker_callbacks.md of element-hq/synapse. Looks are made by worker
processes, and waited for in threads: the reactor never blocks.
"""

from io import BytesIO
from typing import Any, Final, Literal

import msgspec

from detectors.errors import ConfigError, Error
from provenance.api import Checker
from provenance.hooks.uploads import flagged, unopened, unsure
from provenance.intake.files import MAX_BYTES
from provenance.record import Record, Risk

MESSAGE: Final = "m.room.message"


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`config` of the module."""

    on_error: Literal["accept", "reject"]
    """What is done where there is no verdict."""
    fail_on: Literal["high", "review", "inconclusive"] = "high"
    """The risk from which on a file or a message is rejected."""
    policy: str = "default"
    banks: list[str] = []
    only: list[str] | None = None
    without: list[str] = []
    jobs: int = msgspec.field(default=1)
    """Worker processes, at least 1."""
    deadline: float = 20.0
    """Seconds for a file or a message."""
    messages: bool = False
    """Whether the words of messages are looked at, too."""


class Module:
    """Checks media and messages for Synapse."""

    def __init__(self, config: Settings, api: Any) -> None:
        """Start the workers, and ask to be told of what is stored and sent.

        Args:
            config: of the module.
            api: a `synapse.module_api.ModuleApi`.

        Raises:
            ConfigError: policy, bank or detector cannot be used.
        """
        self._config, self._api, self._fail_on = config, api, Risk(config.fail_on)
        self._checker = Checker(
            policy=config.policy,
            banks=config.banks,
            only=config.only,
            without=config.without,
            fingerprints=True,
            jobs=max(config.jobs, 1),
        )
        words = {"check_event_for_spam": self.check_event_for_spam} if config.messages else {}
        api.register_spam_checker_callbacks(
            check_media_file_for_spam=self.check_media_file_for_spam, **words
        )

    @staticmethod
    def parse_config(config: dict[str, Any]) -> Settings:
        """Return the settings of a configuration.

        Raises:
            ConfigError: a key is unknown or missing, or a value cannot be used.
        """
        try:
            return msgspec.convert(config, Settings)
        except msgspec.ValidationError as error:
            raise ConfigError(f"{__name__}.Module: {error}") from None

    async def check_media_file_for_spam(self, file_wrapper: Any, file_info: Any) -> Any:
        """Return whether a file may be stored; thumbnails and previews follow their source."""
        if file_info.thumbnail or file_info.url_cache:
            return self._answer(accept=True)
        kept = _Bounded()
        await file_wrapper.write_chunks_to(kept.write)
        if kept.full:
            return self._answer(accept=self._config.on_error == "accept")
        return await self._judged(
            self._checker.check, kept.data.getvalue(), name=f"media/{file_info.file_id}"
        )

    async def check_event_for_spam(self, event: Any) -> Any:
        """Return whether a message may be sent."""
        words = event.content.get("body") if event.type == MESSAGE else None
        if not (isinstance(words, str) and words.strip()):
            return self._answer(accept=True)
        return await self._judged(self._checker.check_text, words, name=f"event/{event.event_id}")

    async def _judged(self, look: Any, given: object, *, name: str) -> Any:
        """Return the answer on what is looked at in a thread."""
        try:
            record: Record = await self._api.defer_to_thread(
                look, given, name=name, deadline=self._config.deadline
            )
        except (Error, RuntimeError):  # no worker can be started, or Synapse is ending
            return self._answer(accept=self._config.on_error == "accept")
        if flagged(record, self._fail_on):
            return self._answer(accept=False)
        doubtful = unsure(record) or unopened(record)
        return self._answer(accept=not doubtful or self._config.on_error == "accept")

    def _answer(self, *, accept: bool) -> Any:
        from synapse.module_api import NOT_SPAM
        from synapse.module_api.errors import Codes

        return NOT_SPAM if accept else Codes.FORBIDDEN


class _Bounded:
    """Keeps what is written, up to the most that an item may have."""

    def __init__(self) -> None:
        self.data, self.full = BytesIO(), False

    def write(self, chunk: bytes) -> None:
        """Keep a chunk, or nothing more."""
        self.full = self.full or self.data.tell() + len(chunk) > MAX_BYTES
        if not self.full:
            self.data.write(chunk)
