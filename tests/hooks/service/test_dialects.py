"""Hooks of other programs: what they ask is answered as they understand it."""

import hashlib
import hmac
import http.server
import json
import queue
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import pytest

FIXTURES = Path(__file__).parents[3] / "fixtures"
AI = (FIXTURES / "signed/ai.jpg").read_bytes()
EDITED = (FIXTURES / "signed/edited.jpg").read_bytes()
BROKEN = b"\xff\xd8\xff\xe0broken"
SECRET = "a secret of the hook"  # noqa: S105 - of this test alone


def upload(web: httpx.Client, data: bytes) -> int:
    return web.post(
        "/hooks/pict-rs", content=data, headers={"Content-Type": "image/jpeg"}
    ).status_code


@pytest.mark.parametrize(
    ("options", "unsure"),
    [((), 503), (("--on-error", "accept"), 200), (("--on-error", "reject"), 403)],
)
def test_pict_rs_is_told_by_the_status(
    serve: Callable[..., Any], options: tuple[str, ...], unsure: int
) -> None:
    web = serve(*options).http
    assert [upload(web, data) for data in (AI, EDITED)] == [403, 200]
    assert [upload(web, data) for data in (b"", BROKEN, b"\0\1\2 of no type")] == [unsure] * 3


def test_pict_rs_rejects_from_fail_on_on(serve: Callable[..., Any]) -> None:
    assert upload(serve("--fail-on", "never").http, AI) == 200


class Platform(NamedTuple):
    """Where pictures lie and decisions go."""

    url: str
    reports: "queue.Queue[tuple[str, bytes]]"
    refuse: list[int]


@pytest.fixture(scope="module")
def platform() -> Iterator[Platform]:
    """Serve the same picture at every address, and take reports."""
    reports: queue.Queue[tuple[str, bytes]] = queue.Queue()
    refuse = list[int]()

    class Handler(http.server.BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            self.send_response(200)
            self.end_headers()
            self.wfile.write(AI)

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"]))
            status = refuse.pop() if refuse else 200
            if status == 200:
                reports.put((self.headers["X-Hub-Signature"], body))
            self.send_response(status)
            self.end_headers()

        def log_message(self, *_: object) -> None:
            """Say nothing."""

    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield Platform(f"http://127.0.0.1:{server.server_port}", reports, refuse)
    server.shutdown()
    server.server_close()


def sign(body: bytes, secret: str = SECRET) -> str:
    return "sha256=" + hmac.new(secret.encode(), body, hashlib.sha256).hexdigest()


@pytest.fixture(scope="module")
def listening(
    serve: Callable[..., Any], platform: Platform, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("mastodon")
    (folder / "secret").write_text(SECRET + "\n")
    return serve(
        "--mastodon-secret", "secret", "--media-from", f"{platform.url}/media/",
        "--report-to", f"{platform.url}/report", folder=folder,
    )  # fmt: skip


def send(web: httpx.Client, event: object, signature: str | None = None) -> httpx.Response:
    body = event if isinstance(event, bytes) else json.dumps(event).encode()
    said = {"Content-Type": "application/json", "X-Hub-Signature": signature or sign(body)}
    return web.post("/hooks/mastodon", content=body, headers=said)


def status(*urls: str, identity: str = "77", content: str = "<p>Hello</p>") -> dict[str, Any]:
    media = [{"id": "1", "type": "image", "url": url} for url in urls]
    shown = {"id": identity, "content": content, "media_attachments": media}
    return {"event": "status.created", "created_at": "2026-11-29T10:00:00Z", "object": shown}


def report(platform: Platform) -> dict[str, Any]:
    signature, body = platform.reports.get(timeout=60)
    assert signature == sign(body)
    said: dict[str, Any] = json.loads(body)
    return said


def test_decisions_on_statuses_are_reported_with_the_same_signature(
    listening: Any, platform: Platform
) -> None:
    platform.refuse.append(500)
    event = status(f"{platform.url}/media/a.jpg", f"{platform.url}/elsewhere.jpg")
    assert send(listening.http, event).status_code == 202
    said = report(platform)
    assert (said["id"], said["risk"]) == ("status/77", "high")
    assert said["context"] == {"event": "status.created"}
    parts = {signal["part"]: signal["reason"]["code"] for signal in said["record"]["signals"]}
    assert parts["media/1"] == "hook.not_allowed"
    assert {part["name"] for part in said["record"]["item"]["parts"]} == {
        "text",
        "media/0",
        "media/1",
    }


def test_accounts_and_reports_are_looked_at_and_other_events_taken(
    listening: Any, platform: Platform
) -> None:
    avatar = f"{platform.url}/media/face.png"
    account = {"id": "5", "note": "<p>I am<br>here</p>", "avatar": avatar}
    seen = {"event": "account.created", "object": {"id": "5", "account": account}}
    assert send(listening.http, seen).status_code == 202
    assert (report(platform)["id"], platform.reports.qsize()) == ("account/5", 0)
    named = {"id": "9", "target_account": account, "statuses": [status()["object"]]}
    assert send(listening.http, {"event": "report.created", "object": named}).status_code == 202
    assert {report(platform)["id"] for _ in range(2)} == {"account/5", "status/77"}
    for event in ({"event": "instance.noted", "object": {}}, status(content="")):
        assert send(listening.http, event).status_code == 202
    assert platform.reports.empty()


@pytest.mark.parametrize("signature", ["", "sha256=", sign(b"other"), "sha256=é"])
def test_an_event_with_another_signature_is_refused(listening: Any, signature: str) -> None:
    body = json.dumps(status()).encode()
    said = {"X-Hub-Signature": signature.encode()} if signature else {}
    answer = listening.http.post("/hooks/mastodon", content=body, headers=said)
    assert (answer.status_code, answer.json()["code"]) == (401, "request.signature")


@pytest.mark.parametrize("body", [b"", b"{}", b"[1]", b'{"event": "status.created", "object": 7}'])
def test_what_is_no_event_is_400(listening: Any, body: bytes) -> None:
    assert send(listening.http, body).status_code == 400


def test_without_a_secret_no_event_is_taken(serve: Callable[..., Any]) -> None:
    assert send(serve().http, status()).status_code == 503


def test_reports_without_a_secret_or_an_address_are_refused(
    run: Callable[..., Any], tmp_path: Path
) -> None:
    (tmp_path / "empty").write_text("\n")
    for options in (
        ("--report-to", "https://example.org/"),
        ("--mastodon-secret", tmp_path / "empty"),
        ("--mastodon-secret", tmp_path / "missing"),
    ):
        assert run("serve", "--port", "0", *options).returncode == 2
    (tmp_path / "secret").write_text("s")
    wrong = run("serve", "--mastodon-secret", tmp_path / "secret", "--report-to", "example")
    assert wrong.returncode == 2


REMARK = "As an AI language model, I cannot do that."


def asked(web: httpx.Client, name: str, body: object) -> dict[str, Any]:
    answer = web.post(f"/hooks/{name}", json=body)
    assert answer.status_code == 200
    said: dict[str, Any] = answer.json()
    return said


def run_on(kind: str, value: object) -> dict[str, Any]:
    """Return what Coop's plug-in is run on."""
    return {"value": {"type": kind, "value": value}, "orgId": "o", "contentId": "c1"}


def test_coop_gets_a_score_or_an_error(listening: Any, platform: Platform) -> None:
    web = listening.http
    picture = run_on("IMAGE", {"url": f"{platform.url}/media/a.jpg", "hashes": {"pdq": "00"}})
    high = asked(web, "coop", picture)
    assert (high["outputType"], high["score"]) == ({"scalarType": "NUMBER"}, 3)
    assert asked(web, "coop", run_on("STRING", REMARK))["score"] == 2
    assert asked(web, "coop", run_on("STRING", "See you soon."))["score"] < 2
    elsewhere = asked(web, "coop", run_on("IMAGE", {"url": f"{platform.url}/elsewhere"}))
    assert (elsewhere["type"], elsewhere["score"]) == ("ERROR", 0)
    for wrong in (run_on("IMAGE", "a"), run_on("AUDIO", {}), {"value": 1}, []):
        assert web.post("/hooks/coop", json=wrong).status_code == 400


SECTIONS = [
    "trainingData", "policyAndTaxonomy", "annotationMethodology", "performanceBenchmarks",
    "biasAndLimitations", "implementationGuidance", "relevantLinks",
]  # fmt: skip
"""REQUIRED_MODEL_CARD_SECTION_IDS of types/integration.ts of roostorg/coop."""


def test_the_card_has_what_coop_requires(listening: Any) -> None:
    told = listening.http.get("/hooks/coop").json()
    assert {"id", "name", "version", "requiresConfig", "signalTypeIds", "modelCard"} <= set(told)
    assert {"modelName", "version"} <= set(told["modelCard"])
    assert [section["id"] for section in told["modelCard"]["sections"]] == SECTIONS
    fields = [field for one in told["modelCard"]["sections"] for field in one["fields"]]
    assert all(field["label"] and field["value"] for field in fields)


def test_osprey_reads_the_record_as_an_action(listening: Any) -> None:
    message = {"id": "p1", "text": REMARK, "context": {"action_id": 7}}
    event = asked(listening.http, "osprey", message)
    assert event["send_time"].endswith("Z")
    assert (event["data"]["action_id"], event["data"]["action_name"]) == (7, "provenance_checked")
    seen = event["data"]["data"]
    assert seen["verdict"]["risk"] == "review"
    assert seen["message"] == {"id": "p1", "context": {"action_id": 7}}
    numbers = {asked(listening.http, "osprey", {"id": "p1", "text": text})["data"]["action_id"]
               for text in ("a", "b")}  # fmt: skip
    assert len(numbers) == 1
    assert 0 <= numbers.pop() < 2**63


def test_ozone_gets_a_report_or_a_tag_and_never_a_label(listening: Any) -> None:
    subject = {"$type": "com.atproto.repo.strongRef", "uri": "at://did:plc:a/b/c", "cid": "bafy"}
    context = {"subject": subject, "createdBy": "did:plc:m", "subjectBlobCids": ["bafk"]}
    report = asked(listening.http, "ozone", {"id": "p", "text": REMARK, "context": context})
    assert {key: report[key] for key in context} == context
    assert report["event"]["$type"] == "tools.ozone.moderation.defs#modEventReport"
    assert report["event"]["reportType"] == "com.atproto.moderation.defs#reasonOther"
    assert report["event"]["comment"].startswith("review: ")
    tag = asked(listening.http, "ozone", {"id": "p", "text": "See you.", "context": context})
    assert tag["event"]["$type"] == "tools.ozone.moderation.defs#modEventTag"
    assert (tag["event"]["add"], tag["event"]["remove"]) == (["provenance-inconclusive"], [])
    nobody = listening.http.post("/hooks/ozone", json={"id": "p", "text": "See you."})
    assert nobody.status_code == 400
