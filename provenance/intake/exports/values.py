"""Values as exports write them: times, addresses in texts, texts in HTML."""

import html
import re
from datetime import UTC, datetime, timedelta
from html.parser import HTMLParser
from typing import Any, Final

from provenance.intake.exports.post import NotAPost

WEB_ADDRESS: Final = re.compile(r"https?://[^\s<>\"“”]+", re.IGNORECASE)
TRAILING: Final = ".,;:!?\u2026'\u2019)]}"
"""What stands behind an address rather than in it."""
MILLISECONDS, MICROSECONDS = 10**11, 10**14
"""Numbers from here on are milliseconds, or microseconds, since 1970: in seconds, the year 5138."""
X_TIME: Final = "%a %b %d %H:%M:%S %z %Y"
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_COUNTED: Final = re.compile(r"-?\d+(?:\.\d*)?\Z")


def time(value: str | float) -> str:
    """Return a time in UTC, RFC 3339.

    Args:
        value: seconds, milliseconds or microseconds since 1970, ISO 8601 (UTC where it names no
            zone), or as X writes it.

    Raises:
        NotAPost: it is none.
    """
    try:
        if isinstance(value, str) and not _COUNTED.match(value):
            moment = _written(value.strip())
        else:
            moment = _EPOCH + timedelta(seconds=_seconds(float(value)))
    except (ValueError, OverflowError):
        raise NotAPost(f"its time {str(value)[:40]!r} cannot be read") from None
    precise = "auto" if moment.microsecond % 1000 else "milliseconds"
    text = moment.isoformat(timespec=precise if moment.microsecond else "seconds")
    return text.removesuffix("+00:00") + "Z"


def _seconds(number: float) -> float:
    if abs(number) >= MICROSECONDS:
        return number / 10**6
    return number / 1000 if abs(number) >= MILLISECONDS else number


def _written(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        moment = datetime.strptime(text, X_TIME)  # noqa: DTZ007 - it has a zone
    return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)


def needed(value: Any, what: str) -> str:
    """Return an id as text.

    Raises:
        NotAPost: there is none.
    """
    if value is None or value == "":
        raise NotAPost(f"it has no {what}")
    return str(value)


def addresses(text: str) -> list[str]:
    """Return the web addresses in a text, each once."""
    found = (address.rstrip(TRAILING) for address in WEB_ADDRESS.findall(text))
    return list(dict.fromkeys(found))


def unescaped(text: str) -> str:
    """Return a text with its character references decoded."""
    return html.unescape(text)


class _Reader(HTMLParser):
    """Reads a text in HTML as Mastodon writes it: paragraphs, line breaks, links."""

    def __init__(self) -> None:
        super().__init__()
        self.pieces: list[str] = []
        self.links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag == "br":
            self.pieces.append("\n")
        elif tag == "p" and self.pieces:
            self.pieces.append("\n\n")
        elif tag == "a":
            values = dict(attrs)
            link, kinds = values.get("href") or "", (values.get("class") or "").split()
            if WEB_ADDRESS.match(link) and not {"mention", "hashtag"} & {*kinds}:
                self.links.append(link)

    def handle_data(self, data: str) -> None:
        self.pieces.append(data)


def of_html(source: str) -> tuple[str, list[str]]:
    """Return what a text in HTML says, and the addresses that it links to; mentions are none."""
    reader = _Reader()
    reader.feed(source)
    reader.close()
    return "".join(reader.pieces), list(dict.fromkeys(reader.links))
