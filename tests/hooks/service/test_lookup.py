"""Look-ups in banks by HTTP: our own, and as clients of Hasher-Matcher-Actioner ask."""

import hashlib
import http.server
import io
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from PIL import Image

FIXTURES = Path(__file__).parents[3] / "fixtures"
KNOWN = FIXTURES / "fakes" / "known"
FACE = (KNOWN / "anna.jpg").read_bytes()
COOP = "COOP_ORG1_TEST_BANK"
NOTHING = "0f" * 32


class Pictures(http.server.BaseHTTPRequestHandler):
    """Serves the picture of a known fake, whatever is asked for."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(FACE)

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def pictures() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Pictures)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}/media"
    server.shutdown()
    server.server_close()


def bank(folder: Path, *args: str | Path) -> None:
    command = [sys.executable, "-m", "provenance", "bank", *args]
    subprocess.run(command, cwd=folder, env={"HOME": str(folder)}, check=True, capture_output=True)


@pytest.fixture(scope="module")
def served(
    serve: Callable[..., Any], pictures: str, tmp_path_factory: pytest.TempPathFactory
) -> Any:
    folder = tmp_path_factory.mktemp("banks")
    bank(folder, "add", "--bank", "fakes.bank", "--class", "ai_face", KNOWN)
    bank(folder, "add", "--bank", "other.bank", KNOWN / "anna.jpg")
    return serve(
        "--only", "known_fakes", "--bank", "fakes.bank", "--bank", "other.bank",
        "--hma-name", f"fakes={COOP}", "--media-from", f"{pictures}/", folder=folder,
    )  # fmt: skip


@pytest.fixture(scope="module")
def web(served: Any) -> httpx.Client:
    client: httpx.Client = served.http
    return client


def photo(data: bytes, field: str = "photo") -> dict[str, tuple[str, bytes, str]]:
    return {field: ("a.jpg", data, "image/jpeg")}


@pytest.fixture(scope="module")
def pdq(web: httpx.Client) -> str:
    hashed: str = web.post("/h/hash", files=photo(FACE)).json()["pdq"]
    return hashed


def code(answer: httpx.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["code"]


def saved_again(data: bytes, quality: int = 60) -> bytes:
    out = io.BytesIO()
    Image.open(io.BytesIO(data)).convert("RGB").save(out, "JPEG", quality=quality)
    return out.getvalue()


def plain() -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (64, 64), "grey").save(out, "PNG")
    return out.getvalue()


def test_a_hash_finds_entries_with_their_chance(web: httpx.Client, pdq: str) -> None:
    found, other = web.post("/v1/lookup", json={"pdq": pdq}).json()
    assert 0 < found.pop("false_match_probability") < 1e-6
    assert found == {
        "entry": "anna", "class": "ai_face", "distance": 0, "bank": "fakes", "change": 1,
        "claim": "known_fake",
    }  # fmt: skip
    assert (other["bank"], other["class"]) == ("other", "other")
    assert web.post("/v1/lookup", json={"pdq": NOTHING}).json() == []


def test_a_file_finds_entries_by_its_bytes_and_by_its_look(web: httpx.Client) -> None:
    same = web.post("/v1/lookup", content=FACE, headers={"Content-Type": "image/jpeg"}).json()
    assert [(each["bank"], each["distance"]) for each in same] == [("fakes", 0), ("other", 0)]
    assert {each["false_match_probability"] for each in same} == {0.0}
    near = web.post("/v1/lookup", content=saved_again(FACE)).json()
    assert {each["entry"] for each in near} == {"anna"}
    assert all(each["false_match_probability"] > 0 for each in near)


def test_what_cannot_be_looked_up_is_a_problem(web: httpx.Client) -> None:
    json = {"Content-Type": "application/json"}
    assert code(web.post("/v1/lookup", json={"pdq": "xyz"})) == (422, "request.no_pdq")
    assert code(web.post("/v1/lookup", json={})) == (400, "request.question")
    assert code(web.post("/v1/lookup", content=b"[" * 9, headers=json)) == (400, "request.question")
    for data in (b"", b"words", b"\xff\xd8\xff\xe0broken", plain()):
        assert code(web.post("/v1/lookup", content=data)) == (422, "request.no_hash")


def test_requests_of_coop_are_answered_as_it_reads_them(
    web: httpx.Client, pdq: str, pictures: str
) -> None:
    """Paths as coop's hmaService builds them, for a HMA_SERVICE_URL that ends with a slash."""
    url, ours = f"{pictures}/a.jpg", f"{web.base_url}/"
    assert web.get(f"{ours}/h/hash?url={url}").json() == {"pdq": pdq}
    asked = {"signal_type": "pdq", "signal": pdq}
    match = [{"bank_content_id": 1, "distance": "0"}]
    assert web.get(f"{ours}/m/lookup", params=asked).json() == {COOP: match, "other": match}
    assert web.get(f"{ours}/m/lookup", params={**asked, "signal": NOTHING}).json() == {}
    by_url = web.get(f"{ours}/m/lookup", params={"url": url, "content_type": "photo"})
    assert by_url.json() == {"pdq": {COOP: match, "other": match}}
    kept = web.get(f"{ours}/c/bank/{COOP}", headers={"Content-Type": "application/json"})
    assert kept.json() == {"name": COOP, "matching_enabled_ratio": 1.0}


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("GET", "/c/bank/COOP_ORG1_ANOTHER"), ("POST", "/c/banks"), ("POST", "/c/exchanges"),
        ("GET", "/c/exchanges/apis"), ("GET", "/c/exchange/A/status"), ("GET", "/c/"),
        ("PUT", f"/c/bank/{COOP}"), ("DELETE", f"/c/bank/{COOP}"),
        ("POST", f"/c/bank/{COOP}/content"), ("OPTIONS", f"/c/bank/{COOP}"),
    ],
)  # fmt: skip
def test_no_bank_is_managed_and_none_is_said_to_be_gone(
    web: httpx.Client, method: str, path: str
) -> None:
    assert code(web.request(method, f"{web.base_url}/{path}")) == (501, "request.banks")


def test_files_and_raw_look_ups_and_the_index_are_answered_as_the_original_does(
    web: httpx.Client, pdq: str
) -> None:
    match = [{"bank_content_id": 1, "distance": "0"}]
    assert web.post("/m/lookup", files=photo(FACE)).json() == {"pdq": {COOP: match, "other": match}}
    named = web.post("/m/lookup", files=photo(FACE), params={"banks": f"x,{COOP}"}).json()
    assert named == {"pdq": {COOP: match}}
    asked = {"signal_type": "pdq", "signal": pdq}
    assert web.get("/m/raw_lookup", params=asked).json() == {"matches": [1, 1]}
    far = web.get("/m/raw_lookup", params={**asked, "include_distance": "true"}).json()
    assert far == {"matches": match * 2}
    index = web.get("/m/index/status").json()["pdq"]
    assert index.pop("built_to") > 1_700_000_000
    assert index == {"present": True, "size": 6}
    assert web.post("/h/hash", files=photo(plain())).json() == {"pdq": ""}


def test_wrong_questions_are_400_and_addresses_elsewhere_403(web: httpx.Client, pdq: str) -> None:
    asked = {"signal_type": "pdq", "signal": pdq}
    wrong = {
        "request.no_pdq": [web.get("/m/lookup", params={**asked, "signal": "zz"}),
                           web.post("/m/lookup", files=photo(plain()))],
        "request.signal_type": [web.get("/m/lookup", params={**asked, "signal_type": "vpdq"}),
                                web.get("/m/index/status?signal_type=vpdq"),
                                web.post("/h/hash?types=md5", files=photo(FACE))],
        "request.signal": [web.get("/m/lookup"), web.get("/m/raw_lookup?signal_type=pdq")],
        "request.photo": [web.post("/h/hash"), web.post("/h/hash", files=photo(FACE, "video")),
                          web.post("/h/hash", files=photo(FACE) | photo(FACE, "photos")),
                          web.get("/h/hash?url=http://a/&content_type=video")],
        "request.no_hash": [web.post("/h/hash", files=photo(b"words"))],
        "request.url": [web.get("/h/hash")],
    }  # fmt: skip
    for name, answers in wrong.items():
        assert [code(answer) for answer in answers] == [(400, name)] * len(answers)
    for url in ("http://127.0.0.1:9/media/a.jpg", "file:///etc/passwd"):
        assert code(web.get("/m/lookup", params={"url": url})) == (403, "hook.not_allowed")


def test_a_withdrawn_entry_is_found_no_more(serve: Callable[..., Any], tmp_path: Path) -> None:
    bank(tmp_path, "add", "--bank", "fakes.bank", KNOWN / "anna.jpg")
    web = serve("--only", "known_fakes", "--bank", "fakes.bank", folder=tmp_path).http
    assert len(web.post("/v1/lookup", content=FACE).json()) == 1
    bank(tmp_path, "withdraw", "--bank", "fakes.bank", "--reason", "r", "anna")
    for _ in range(600):
        if not (found := web.post("/v1/lookup", content=FACE).json()):
            break
    assert found == []


def test_a_token_may_stand_in_the_path_of_a_client_of_hma(
    serve: Callable[..., Any], tmp_path: Path
) -> None:
    token = "prov_" + "A" * 43
    digest = hashlib.sha256(token.encode()).hexdigest()
    (tmp_path / "tokens").write_text(f"coop {digest}\n")
    web = serve("--tokens", "tokens", folder=tmp_path).http
    assert web.get("/m/index/status").status_code == 401
    assert web.get(f"/t/{token}x//m/index/status").status_code == 403
    status = web.get(f"/t/{token}//m/index/status")
    assert status.json() == {"pdq": {"present": False, "built_to": -1, "size": 0}}
    assert web.get(f"/t/{token}//c/bank/A").status_code == 501


def test_a_name_for_a_bank_that_is_not_in_use_is_refused(run: Callable[..., Any]) -> None:
    done = run("serve", "--port", "0", "--hma-name", "fakes=A")
    assert (done.returncode, "no bank of that name" in done.stderr) == (2, True)
