"""`POST /v1/check`: what `provenance check` says, by HTTP."""

import base64
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest

FIXTURES = Path(__file__).parents[3] / "fixtures"
NAMES = ("signed/ai.jpg", "signed/edited.jpg", "texts/marks/refusal.txt")
FILES = {Path(name).name: (FIXTURES / name).read_bytes() for name in NAMES}
JSON = {"Content-Type": "application/json"}


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any]) -> Any:
    return serve()


@pytest.fixture(scope="module")
def http(served: Any) -> httpx.Client:
    client: httpx.Client = served.http
    return client


def same(record: dict[str, Any]) -> dict[str, Any]:
    """Return a record without what differs from call to call."""
    return {**record, "elapsed_ms": 0, "item": {**record["item"], "uri": ""}}


def problem(answer: httpx.Response) -> tuple[int, str]:
    assert answer.headers["content-type"] == "application/problem+json"
    said = answer.json()
    assert said["status"] == answer.status_code
    assert said["title"]
    assert said["detail"]
    return answer.status_code, said["code"]


def message(**said: object) -> dict[str, object]:
    return {"id": "m", "context": {"k": [1, "é"]}, **said}


def test_bodies_and_forms_get_the_records_of_the_command(
    http: httpx.Client, records: Callable[..., list[dict[str, Any]]]
) -> None:
    only = ("--only", "credentials,metadata,text_marks")
    truth = records("check", *only, *(FIXTURES / name for name in NAMES))
    bodies = [http.post("/v1/check", content=data).json() for data in FILES.values()]
    form = http.post("/v1/check", files=[("file", pair) for pair in FILES.items()]).json()
    assert [same(record) for record in bodies] == [same(record) for record in truth]
    assert [same(record) for record in form] == [same(record) for record in truth]
    assert [record["item"]["uri"] for record in form] == list(FILES)
    assert [record["item"]["uri"] for record in bodies] == ["-", "-", "-"]


def test_a_form_of_one_file_is_a_list_too(http: httpx.Client) -> None:
    other = {"note": "ignored"}
    form = http.post("/v1/check", files={"file": ("é\x1b.txt", b"words")}, data=other).json()
    assert [record["item"]["uri"] for record in form] == ["é\x1b.txt"]


def test_a_body_may_have_a_name(http: httpx.Client) -> None:
    named = {"Content-Disposition": 'attachment; filename="page.png"'}
    record = http.post("/v1/check", content=b"<html><body>x</body></html>", headers=named).json()
    assert record["item"]["uri"] == "page.png"
    assert record["signals"][0]["reason"]["code"] == "item.not_what_it_is_called"


def test_messages_get_decisions(http: httpx.Client) -> None:
    picture = {"name": "a.jpg", "base64": base64.b64encode(FILES["ai.jpg"]).decode()}
    said = http.post("/v1/check", json=message(text="Look", media=[picture])).json()
    assert (said["schema"], said["id"], said["risk"]) == ("provenance.decision/1", "m", "high")
    assert said["context"] == {"k": [1, "é"]}
    outside = http.post("/v1/check", json=message(media=[{"path": "/etc/passwd"}])).json()
    assert "hook.not_allowed" in json.dumps(outside["record"]["signals"])


@pytest.mark.parametrize(
    "body",
    [b"{no json", b'{"text": "x"}', b"[]", b"[" * 100_000, b'{"id": "x"}', b'{"id": "\xff"}', b""],
)
def test_what_is_no_message_is_a_problem(http: httpx.Client, body: bytes) -> None:
    answer = http.post("/v1/check", content=body, headers=JSON)
    assert problem(answer) == (400, "hook.malformed")


def test_a_preference_shortens_the_deadline(http: httpx.Client) -> None:
    asked = http.post("/v1/check", json=message(text="words"), headers={"Prefer": "wait=0"})
    assert asked.headers["preference-applied"] == "wait=0"
    assert not asked.json()["complete"]
    assert "engine.deadline" in asked.text
    longer = http.post("/v1/check", content=b"words", headers={"Prefer": "a, wait=999;b"})
    assert longer.headers["preference-applied"] == "wait=20"


def test_hostile_forms_are_problems(http: httpx.Client) -> None:
    def sent(body: bytes, boundary: str = "b") -> tuple[int, str]:
        headers = {"Content-Type": f"multipart/form-data; boundary={boundary}"}
        return problem(http.post("/v1/check", content=body, headers=headers))

    part = b'--b\r\nContent-Disposition: form-data; name="file"; filename="a"\r\n\r\nx\r\n'
    field = b'--b\r\nContent-Disposition: form-data; name="x"\r\n\r\ny\r\n'
    assert sent(b"no form") == (400, "request.form")
    assert sent(b"", "") == (400, "request.form")
    assert sent(part) == (400, "request.form")
    assert sent(b"--b\r\n\r\nx\r\n--b--") == (400, "request.form")
    assert sent(field + b"--b--") == (422, "request.no_file")
    assert sent(part * 33 + b"--b--") == (413, "request.files")
    assert sent(field * 20_000 + b"--b--") == (413, "request.fields")
    headers = {"Content-Type": "multipart/form-data; boundary=b"}
    full = http.post("/v1/check", content=part * 32 + b"--b--", headers=headers)
    assert len(full.json()) == 32


def test_a_packed_body_is_not_unpacked(http: httpx.Client) -> None:
    packed = http.post("/v1/check", content=b"words", headers={"Content-Encoding": "gzip"})
    assert problem(packed) == (415, "request.packed")
    assert packed.headers["accept-encoding"] == "identity"


def test_other_paths_and_methods_are_problems(http: httpx.Client) -> None:
    assert problem(http.get("/nothing")) == (404, "request.nothing")
    deleted = http.delete("/v1/check")
    assert problem(deleted) == (405, "request.method")
    assert deleted.headers["allow"] == "POST"
    assert http.get(f"{http.base_url}//healthz").status_code == 200


def test_it_ends_by_sigterm_with_nothing_to_say(serve: Callable[..., Any]) -> None:
    one = serve()
    one.http.post("/v1/check", content=b"words").raise_for_status()
    assert one.end() == (0, "")
