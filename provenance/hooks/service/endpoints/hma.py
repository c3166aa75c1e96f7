"""The matching API of Hasher-Matcher-Actioner, so that its clients can ask us.

Source: hasher-matcher-actioner/src/OpenMediaMatch/blueprints/{hashing,matching}.py of
facebook/ThreatExchange, and server/services/hmaService of roostorg/coop, which asks it. A match
here is an entry that `known_fakes` would call one: what was withdrawn or is disputed is none, nor
is a harmless picture. Banks are managed elsewhere, so what changes or describes them is 501; a 404
would make Coop drop its own bank.
"""

import time
from collections.abc import Sequence
from datetime import datetime
from typing import Final

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from provenance.banking.lookup import Found, NoPdqError
from provenance.hooks.service.body import form
from provenance.hooks.service.endpoints.lookup import hash_of
from provenance.hooks.service.operation import Form, Handler, Operation, answer
from provenance.hooks.service.problem import Problem
from provenance.hooks.service.service import Service

PDQ: Final = "pdq"
"""The one signal type."""
PHOTO: Final = "photo"
"""The one content type."""
NEVER: Final = -1
"""What stands for the time of a change that there was none of."""
ASKS: Final = {
    ("GET", "/h/hash"): "url content_type types",
    ("POST", "/h/hash"): "types",
    ("GET", "/m/lookup"): "signal_type signal url content_type types banks",
    ("POST", "/m/lookup"): "types banks",
    ("GET", "/m/raw_lookup"): "signal_type signal banks include_distance",
    ("GET", "/m/index/status"): "signal_type",
}
"""Method and path → names of what may stand in the query."""
METHODS: Final = ("GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS")


class Match(msgspec.Struct, frozen=True):
    """An entry that matches."""

    bank_content_id: int
    """Number of the change that made it."""
    distance: str
    """Differing bits, as text."""


class Index(msgspec.Struct, frozen=True):
    """How far the banks are in order."""

    present: bool
    built_to: int
    """Seconds since the epoch of the last change."""
    size: int
    """Hashes."""


class Bank(msgspec.Struct, frozen=True):
    """A bank that is served."""

    name: str
    matching_enabled_ratio: float = 1.0


class Raw(msgspec.Struct, frozen=True):
    """Matches of all banks."""

    matches: list[int | Match]


ByBank = dict[str, list[Match]]
"""Name of a bank → what matches in it."""


async def hash_url(service: Service, request: Request) -> Response:
    """Return the hash of what lies at an address."""
    return answer(msgspec.json.encode({PDQ: await _hash_of_url(service, request.query_params)}))


async def hash_file(service: Service, request: Request) -> Response:
    """Return the hash of a file; empty where it shows too little, as the original has it."""
    return answer(msgspec.json.encode({PDQ: await _hash_of_form(service, request)}))


async def look_up(service: Service, request: Request) -> Response:
    """Return what matches a hash, or what lies at an address."""
    query = request.query_params
    if not query.get("url"):
        return answer(msgspec.json.encode(_matches(service, query, _asked(query))))
    signal = await _hash_of_url(service, query)
    found = {PDQ: _matches(service, query, signal)}
    return answer(msgspec.json.encode(found[PDQ] if _type(query) else found))


async def look_up_file(service: Service, request: Request) -> Response:
    """Return what matches a file."""
    signal = await _hash_of_form(service, request)
    return answer(msgspec.json.encode({PDQ: _matches(service, request.query_params, signal)}))


async def look_up_raw(service: Service, request: Request) -> Response:
    """Return what matches a hash, in no matter which bank."""
    query = request.query_params
    found = _known(service, query, _asked(query))
    if query.get("include_distance", "false").lower() == "true":
        return answer(msgspec.json.encode(Raw([_match(each) for each in found])))
    return answer(msgspec.json.encode(Raw([each.change for each in found])))


async def status(service: Service, request: Request) -> Response:
    """Return how far the banks are in order."""
    _type(request.query_params)
    states = service.lookup.states()
    changed = [datetime.fromisoformat(state.modified) for state in states if state.modified]
    index = Index(
        present=bool(states),
        built_to=int(max(changed).timestamp()) if changed else NEVER,
        size=sum(state.hashes for state in states),
    )
    return answer(msgspec.json.encode({PDQ: index}))


async def bank(service: Service, request: Request) -> Response:
    """Say that a bank is served."""
    name = request.path_params["name"]
    if name not in {_name(service, state.bank) for state in service.lookup.states()}:
        raise Problem(501, "request.banks")
    return answer(msgspec.json.encode(Bank(name)))


async def curate(_service: Service, _request: Request) -> Response:
    """Say that banks are not managed here."""
    raise Problem(501, "request.banks")


def _asked(query: QueryParams) -> str:
    """Return the hash that a question has.

    Raises:
        Problem: it has none, or one of another type.
    """
    if not (query.get("signal") and query.get("signal_type")):
        raise Problem(400, "request.signal")
    _type(query)
    return query["signal"]


def _type(query: QueryParams) -> str | None:
    """Return the signal type that a question names.

    Raises:
        Problem: it is not ours.
    """
    named = query.get("signal_type")
    if named not in (None, PDQ):
        raise Problem(400, "request.signal_type", known=PDQ)
    return named


def _known(service: Service, query: QueryParams, signal: str) -> list[Found]:
    """Return what a hash matches in the banks that a question names.

    Raises:
        Problem: it is no hash.
    """
    try:
        found = service.lookup.by_pdq(signal)
    except NoPdqError:
        raise Problem(400, "request.no_pdq") from None
    banks = query.get("banks")
    named = banks.split(",") if banks else None
    return [
        each
        for each in found
        if each.claim == "known_fake" and (named is None or _name(service, each.bank) in named)
    ]


def _matches(service: Service, query: QueryParams, signal: str) -> ByBank:
    """Return what a hash matches, by bank; arguments and errors as for `_known`."""
    matches: ByBank = {}
    for each in _known(service, query, signal):
        matches.setdefault(_name(service, each.bank), []).append(_match(each))
    return matches


def _match(found: Found) -> Match:
    return Match(found.change, str(found.distance))


def _name(service: Service, bank: str) -> str:
    """Return what clients call a bank."""
    return service.hma_names.get(bank, bank)


async def _hash_of_url(service: Service, query: QueryParams) -> str:
    """Return the hash of what lies at the address that a question names.

    Raises:
        Problem: there is none, or it may not or cannot be fetched or hashed.
    """
    url = query.get("url")
    if not url:
        raise Problem(400, "request.url")
    _of_photos(query.get("content_type", PHOTO), query)
    until = time.monotonic() + service.deadline
    loaded = await service.checks.aside(lambda: service.media.load({"url": url}, until))
    if (fault := loaded.item.fault) is not None:
        status = 403 if fault.reason.code == "hook.not_allowed" else 502
        raise Problem(status, fault.reason.code, None, **fault.reason.args)
    return await _hashed(service, loaded.item.data)


async def _hash_of_form(service: Service, request: Request) -> str:
    """Return the hash of the one file of a form.

    Raises:
        Problem: there is none, or several, or no hash can be made of it.
    """
    service.checks.admit()
    body = await service.bodies.read(request)
    said = request.headers.get("content-type", "")
    if said.partition(";")[0].strip().lower() != "multipart/form-data":
        raise Problem(400, "request.photo", field=PHOTO)
    parts = await service.checks.aside(lambda: form(said, body))
    files = [part for part in parts if part.name is not None]
    if len(files) != 1:
        raise Problem(400, "request.photo", field=PHOTO)
    _of_photos(files[0].field, request.query_params)
    return await _hashed(service, files[0].data)


async def _hashed(service: Service, data: bytes) -> str:
    """Return the hash of a file; empty where it shows too little.

    Raises:
        Problem: none can be made of it.
    """
    if (signal := await hash_of(service, data)) is None:
        raise Problem(400, "request.no_hash")
    return signal


def _of_photos(content_type: str, query: QueryParams) -> None:
    """Do nothing where the PDQ hash of a photo is wanted.

    Raises:
        Problem: something else is.
    """
    if content_type != PHOTO:
        raise Problem(400, "request.photo", field=PHOTO)
    types = [name.strip() for name in query.get("types", PDQ).split(",") if name.strip()]
    if types != [PDQ]:
        raise Problem(400, "request.signal_type", known=PDQ)


def _operation(method: str, path: str, handle: Handler, gives: object, summary: str) -> Operation:
    takes = {"multipart/form-data": Form(PHOTO)} if method == "POST" else {}
    return Operation(
        method=method,
        path=path,
        handle=handle,
        summary=summary,
        takes=takes,
        gives={200: gives},
        asks=ASKS[method, path].split(),
        token_in_path=True,
    )


def _hidden(method: str, path: str, handle: Handler) -> Operation:
    return Operation(
        method=method,
        path=path,
        handle=handle,
        summary="Say whether a bank is served; banks are not managed here",
        gives={200: Bank},
        token_in_path=True,
        hidden=True,
    )


OPERATIONS: Final[Sequence[Operation]] = (
    _operation("GET", "/h/hash", hash_url, dict[str, str], "Hash what lies at an address"),
    _operation("POST", "/h/hash", hash_file, dict[str, str], "Hash a file"),
    _operation(
        "GET",
        "/m/lookup",
        look_up,
        ByBank | dict[str, ByBank],
        "Find what a hash or an address matches",
    ),
    _operation("POST", "/m/lookup", look_up_file, dict[str, ByBank], "Find what a file matches"),
    _operation("GET", "/m/raw_lookup", look_up_raw, Raw, "Find what a hash matches in all banks"),
    _operation(
        "GET", "/m/index/status", status, dict[str, Index], "How far the banks are in order"
    ),
    _hidden("GET", "/c/bank/{name}", bank),
    *(_hidden(method, "/c/bank/{name}", curate) for method in METHODS[1:]),
    *(_hidden(method, "/c/{path...}", curate) for method in METHODS),
)
