"""What is told beside verdicts: records, readiness, counts, the description; and the brake."""

import hashlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx
import pytest

FIXTURES = Path(__file__).parents[3] / "fixtures"
AI = (FIXTURES / "signed" / "ai.jpg").read_bytes()
REFUSAL = (FIXTURES / "texts" / "marks" / "refusal.txt").read_text("utf-8")


@pytest.fixture(scope="module")
def served(serve: Callable[..., Any], tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("logged")
    env = {**os.environ, "HOME": str(folder)}
    command = [sys.executable, "-m", "provenance", "audit", "init", "log", "--name", "test"]
    subprocess.run(command, cwd=folder, env=env, check=True, capture_output=True)
    return serve("--audit", "log", "--brake", "0.5", "--fail-on", "review", folder=folder)


@pytest.fixture(scope="module")
def http(served: Any) -> httpx.Client:
    client: httpx.Client = served.http
    return client


def sample(http: httpx.Client, name: str) -> float:
    """Return the value of a series of the counts."""
    lines = [line.rpartition(" ") for line in http.get("/metrics").text.splitlines()]
    return next(float(value) for series, _, value in lines if series == name)


def test_records_are_found_by_the_bytes(http: httpx.Client) -> None:
    sha256 = hashlib.sha256(AI).hexdigest()
    assert http.get(f"/v1/records/{sha256}").status_code == 404
    record = http.post("/v1/check", content=AI).json()
    http.post("/v1/check", content=b"words").raise_for_status()
    found = http.get(f"/v1/records/{sha256.upper()}").json()
    assert {**found, "elapsed_ms": 0} == {**record, "elapsed_ms": 0}
    form = http.post("/v1/check", files={"file": ("b.jpg", AI)}).json()
    assert http.get(f"/v1/records/{sha256}").json()["item"]["uri"] == "b.jpg"
    assert form[0]["item"]["sha256"] == sha256
    assert http.get("/v1/records/xyz").status_code == 400
    assert http.get("/v1/records/..%2f..%2fetc%2fpasswd").status_code == 404


def test_readiness_names_what_looks(http: httpx.Client) -> None:
    ready = http.get("/readyz").json()
    assert ready["status"] == "ready"
    assert set(ready["detectors"]) == {"credentials", "metadata", "text_marks"}
    (trusted,) = ready["lists"]
    assert (trusted["name"], len(trusted["sha256"])) == ("c2pa", 64)
    assert trusted["age_days"] > 0
    assert sample(http, 'provenance_list_age_seconds{list="c2pa"}') > 86_400


def test_an_old_list_makes_it_not_ready_where_that_is_asked_for(serve: Callable[..., Any]) -> None:
    one = serve("--stale-after", "0.001")
    answer = one.http.get("/readyz")
    assert (answer.status_code, answer.json()["code"]) == (503, "request.stale")
    assert "c2pa" in answer.json()["detail"]
    assert one.http.post("/v1/check", content=b"words").status_code == 200


def test_a_bank_is_as_old_as_the_feeds_that_fill_it(
    run: Callable[..., Any], serve: Callable[..., Any], tmp_path: Path
) -> None:
    assert run("bank", "add", "--bank", "b.bank", FIXTURES / "fakes/known/anna.jpg").returncode == 0
    file = tmp_path / "b.bank" / "feeds.json"
    old = {"sequence": 3, "checked": "2000-01-01T00:00:00Z", "expires": "2000-01-09T00:00:00Z"}
    file.write_text(json.dumps({"alpha": old}))
    http = serve(
        "--stale-after", "5000", "--bank", "b.bank", "--only", "known_fakes", folder=tmp_path
    ).http
    answer = http.get("/readyz").json()
    assert (answer["code"], answer["detail"]) == (
        "request.stale",
        "Too old (--stale-after): alpha.",
    )
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    file.write_text(
        json.dumps({"alpha": old | {"checked": now, "expires": "2999-01-01T00:00:00Z"}})
    )
    while (answer := http.get("/readyz")).status_code == 503:
        time.sleep(0.1)
    (bank,) = answer.json()["banks"]
    assert bank["feeds"] == [{"name": "alpha", "sequence": 3, "age_days": 0, "expired": False}]


def test_requests_and_verdicts_are_counted(http: httpx.Client) -> None:
    name = 'provenance_verdicts_total{complete="true",risk="high"}'
    http.post("/v1/check", content=AI).raise_for_status()
    before = sample(http, name)
    http.post("/v1/check", content=AI).raise_for_status()
    http.get("/nothing/of/this/name")
    assert sample(http, name) == before + 1
    assert sample(http, 'provenance_requests_total{path="other",status="404"}') >= 1
    assert sample(http, 'provenance_request_seconds_count{path="/v1/check"}') >= 2
    assert sample(http, "provenance_queue_limit") == 10


def test_the_description_is_valid_and_names_everything(http: httpx.Client) -> None:
    from openapi_spec_validator import validate

    api = http.get("/openapi.json").json()
    validate(api)
    assert api["openapi"].startswith("3.1")
    assert {"/v1/check", "/v1/lookup", "/v1/records/{sha256}", "/metrics"} <= set(api["paths"])
    record = api["components"]["schemas"]["Decision"]["properties"]["record"]
    assert record == {"$ref": "#/components/schemas/Record"}


def test_the_brake_holds_decisions_until_somebody_lifts_it(http: httpx.Client, served: Any) -> None:
    def holds() -> bool:
        answer = http.post("/v1/check", json={"id": "m", "text": "words"})
        return bool(answer.json().get("hold"))

    def post(text: str, count: int) -> None:
        files = [("file", (f"{n}.txt", text.encode())) for n in range(count)]
        http.post("/v1/check", files=files).raise_for_status()

    http.post("/v1/brake").raise_for_status()
    post(REFUSAL, 32)
    assert not holds()  # 33 decisions are too few
    post(REFUSAL, 30)
    assert holds()
    assert sample(http, "provenance_brake") == 1
    assert http.post("/v1/brake").json() == {"released": True}
    assert not holds()
    assert sample(http, "provenance_brake") == 0
    assert http.post("/v1/brake").json() == {"released": False}
    code, said = served.end()
    assert code == 0
    assert said.count("the brake is on: 6") == 1


def test_killed_workers_cost_no_answer(serve: Callable[..., Any]) -> None:
    one = serve()
    workers = [pid for pid in tree(one.process.pid) if not children(pid)]
    for pid in workers:
        os.kill(pid, signal.SIGKILL)
    record = one.http.post("/v1/check", content=AI).json()
    assert record["verdict"]["risk"] == "high"
    assert sample(one.http, "provenance_worker_restarts_total") >= 1


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task").glob("*/children")
    return [int(child) for task in found for child in task.read_text().split()]


def tree(pid: int) -> list[int]:
    """Return what descends from a process."""
    below = children(pid)
    return below + [one for child in below for one in tree(child)]
