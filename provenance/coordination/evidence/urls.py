"""Addresses as evidence: one form for all spellings of one; nothing is resolved or fetched."""

import re
from typing import Final
from urllib.parse import parse_qsl, quote, unquote, urlencode, urlsplit

TRACKING: Final = re.compile(
    r"utm_\w+|(?:fb|g|dc|tw|ms|y|wbra|gbra|ttc)cli[dk]|igshid|igsh|si|ref_?(?:src|url)?|mc_[ce]id|_hs\w+"
    r"|mkt_tok|cmpid|ncid|smid|share_?id|feature|spm|vero_id|oly_\w+|__twitter_impression",
    re.IGNORECASE,
)
"""Parameters that say where somebody clicked, not what is shown."""
PLATFORMS: Final = frozenset((
    "t.co", "twitter.com", "x.com", "facebook.com", "fb.com", "fb.me", "fb.watch",
    "instagram.com", "threads.net", "youtube.com", "youtu.be", "tiktok.com", "t.me",
    "telegram.me", "telegram.org", "reddit.com", "redd.it", "linkedin.com", "lnkd.in",
    "pinterest.com", "pin.it", "tumblr.com", "vk.com", "ok.ru", "weibo.com", "bsky.app",
    "mastodon.social", "whatsapp.com", "wa.me", "discord.com", "discord.gg", "snapchat.com",
    "twitch.tv", "medium.com", "google.com", "goo.gl",
))  # fmt: skip
"""Hosts where everybody posts."""
DEFAULT_PORTS: Final = {"http": 80, "https": 443}
LONGEST: Final = 2_000
"""Characters; longer addresses are no evidence."""


def canonical(url: str) -> str:
    """Return an address without scheme, `www.`, fragment and tracking; "" where it is no evidence.

    No evidence are addresses on the hosts of platforms, and what is not http.
    """
    if len(url) > LONGEST:
        return ""
    try:
        parts = urlsplit(url.strip())
        host, port = (parts.hostname or "").rstrip("."), parts.port
    except ValueError:
        return ""
    if parts.scheme not in DEFAULT_PORTS or "." not in host or _on_platform(host):
        return ""
    host = re.sub(r"^(?:www\d?|m|mobile|amp)\.(?=.+\.)", "", _ascii(host))
    if port not in (None, DEFAULT_PORTS[parts.scheme]):
        host += f":{port}"
    path = quote(unquote(parts.path), safe="/:@!$&'()*+,;=~-._").rstrip("/")
    asked = sorted(
        (name, value)
        for name, value in parse_qsl(parts.query, keep_blank_values=True)
        if not TRACKING.fullmatch(name)
    )
    return f"{host}{path}?{urlencode(asked)}" if asked else f"{host}{path}"


def _on_platform(host: str) -> bool:
    names = host.split(".")
    return any(".".join(names[at:]) in PLATFORMS for at in range(len(names) - 1))


def _ascii(host: str) -> str:
    try:
        return host.encode("idna").decode()
    except UnicodeError:
        return host


def defanged(address: str) -> str:
    """Return a canonical address as text that no program takes for a link."""
    host, slash, path = address.partition("/")
    return f"{host.replace('.', '[.]')}{slash}{path}"
