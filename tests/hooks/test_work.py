"""`provenance work`: every message gets one decision, whatever it is and whoever is killed."""

import asyncio
import base64
import json
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

ONLY = ("--only", "credentials,metadata,text_marks")
FIXTURES = Path(__file__).parents[2] / "fixtures"
AI = base64.b64encode((FIXTURES / "signed" / "ai.jpg").read_bytes()).decode()
REFUSAL = (FIXTURES / "texts" / "marks" / "refusal.txt").read_text("utf-8")
Run = Callable[..., Any]


def message(identity: str, **said: object) -> bytes:
    return json.dumps(
        {"id": identity, "context": {"of": identity, "é": [1.50, None]}, **said}
    ).encode()


GOOD = [
    *(message(f"text-{n}", text=f"We met at the market, {n}.") for n in range(8)),
    *(message(f"refusal-{n}", text=REFUSAL) for n in range(2)),
    *(message(f"picture-{n}", media=[{"name": "a.jpg", "base64": AI}]) for n in range(2)),
    message("outside", media=[{"path": "/etc/passwd"}]),
    message("text-0", text="We met at the market, 0."),
]
BAD = [b"{no json", b'{"text": "no id"}', b'{"id": "x", "text": "\xff"}', b"[" * 50_000]
RISKS = {"text": "inconclusive", "refusal": "review", "picture": "high", "outside": "inconclusive"}


@asynccontextmanager
async def connected(url: str) -> AsyncIterator[Any]:
    """Yield a queue of the product's own, by which a test sends and looks."""
    from provenance.hooks.brokers import Names, queue_at

    names = Names(url=url, inbox="out", out="in", dead="in", group="test", lease=60)
    queue = queue_at(names)
    await queue.open()
    try:
        yield queue
    finally:
        await queue.close()


def send(url: str, bodies: list[bytes]) -> None:
    async def put() -> None:
        async with connected(url) as queue:
            for body in bodies:
                await queue.answer(body)

    asyncio.run(put())


def received(url: str, name: str, enough: Callable[[list[bytes]], bool]) -> list[bytes]:
    """Take messages of a queue until there are enough, and acknowledge them."""
    from provenance.hooks.brokers import Names, queue_at

    async def take() -> list[bytes]:
        queue = queue_at(Names(url=url, inbox=name, out="x", dead="y", group="test", lease=60))
        await queue.open()
        found = list[bytes]()
        try:
            for _ in range(120):
                if enough(found):
                    break
                if delivery := await queue.take():
                    found.append(delivery.body)
                    await delivery.finish()
        finally:
            await queue.close()
        return found

    return asyncio.run(take())


class Workers:
    """Worker processes of one queue."""

    def __init__(self, url: str, folder: Path) -> None:
        self.command = [
            sys.executable, "-m", "provenance", "work", url, "--in", "in", "--out", "out",
            "--dead", "dead", "--state", str(folder / "state.sqlite"), "--jobs", "1",
            "--deadline", "4", *ONLY,
        ]  # fmt: skip
        self.folder, self.running = folder, list[subprocess.Popen[bytes]]()
        self.said = folder / "stderr"

    def start(self, *more: str) -> "subprocess.Popen[bytes]":
        with self.said.open("ab") as said:
            one = subprocess.Popen(
                [*self.command, *more], cwd=self.folder, stderr=said, start_new_session=True
            )
        self.running.append(one)
        return one

    def end(self) -> None:
        for one in self.running:
            if one.poll() is None:
                os.killpg(one.pid, signal.SIGKILL)
                one.wait()


@pytest.fixture
def workers(tmp_path: Path) -> Iterator[Callable[[str], Workers]]:
    made = list[Workers]()

    def start(url: str) -> Workers:
        made.append(Workers(url, tmp_path))
        return made[-1]

    yield start
    for each in made:
        each.end()


def test_every_message_gets_one_decision_or_is_put_aside(
    server: str,
    workers: Callable[[str], Workers],
    until: Callable[[Callable[[], object]], bool],
    tmp_path: Path,
) -> None:
    crew = workers(server)
    send(server, [*GOOD[:6], *BAD, *GOOD[6:]])
    killed = crew.start()
    state = tmp_path / "state.sqlite"
    assert until(lambda: state.exists() and _decided(state) >= 2)
    os.killpg(killed.pid, signal.SIGKILL)
    worker = crew.start()
    asked = Counter(json.loads(body)["id"] for body in GOOD)
    answers = received(
        server, "out", lambda found: Counter(json.loads(body)["id"] for body in found) >= asked
    )
    decisions = [json.loads(body) for body in answers]
    assert Counter(d["id"] for d in decisions) >= asked  # a killed worker may have answered twice
    for one in decisions:
        assert one["risk"] == RISKS[one["id"].partition("-")[0]]
        assert one["context"] == {"of": one["id"], "é": [1.5, None]}
    verdicts = {d["id"]: json.dumps(d["record"], sort_keys=True) for d in decisions}
    assert all(json.dumps(d["record"], sort_keys=True) == verdicts[d["id"]] for d in decisions)
    outside = next(d for d in decisions if d["id"] == "outside")
    assert "hook.not_allowed" in [s["reason"]["code"] for s in outside["record"]["signals"]]
    worker.send_signal(signal.SIGTERM)
    assert worker.wait(120) == 0
    again = subprocess.run([*crew.command, "--replay-dead"], capture_output=True, check=False)
    assert again.returncode == 0, again.stderr
    assert b"moved back" in again.stderr
    crew.start()  # what the killed one had taken, it claims once the lease has run out
    letters = received(server, "dead", lambda found: set(map(_bytes_of, found)) == set(BAD))
    assert set(map(_bytes_of, letters)) == set(BAD)
    assert b"Traceback" not in crew.said.read_bytes()


def _decided(state: Path) -> int:
    import sqlite3

    try:
        with sqlite3.connect(state) as db:
            return int(db.execute("SELECT COUNT(*) FROM decision").fetchone()[0])
    except sqlite3.Error:
        return 0


def _bytes_of(letter: bytes) -> bytes:
    """Return the message of a dead letter: its `bytes`, or with AMQP the body itself."""
    try:
        said = json.loads(letter)
    except (ValueError, RecursionError):
        return letter
    if "bytes" not in said:
        return letter
    assert said["error"]["code"] == "hook.malformed"
    assert said["attempts"] >= 1
    return base64.b64decode(said["bytes"])


def test_with_kafka_a_position_is_committed_when_its_message_is_done_with() -> None:
    """Kafka is FastStream's own double in memory: no server is packaged for these systems."""
    from faststream.kafka import KafkaBroker, TestKafkaBroker

    from provenance.hooks.brokers import Names
    from provenance.hooks.brokers.kafka import KafkaQueue

    async def scenario() -> None:
        broker = KafkaBroker("nowhere:9092")
        names = Names(
            url="kafka://nowhere:9092", inbox="in", out="out", dead="dead", group="g", lease=1
        )
        queue = KafkaQueue(names, broker)
        seen = list[bytes]()

        @broker.subscriber("out", auto_offset_reset="earliest", decoder=_as_it_is)
        async def out(body: Any) -> None:
            seen.append(bytes(body.body))

        await _prepared(queue)
        async with TestKafkaBroker(broker):
            sent = asyncio.create_task(broker.publish(b'{"id": "a"}', "in"))
            first = await _taken(queue)
            assert (first.body, first.attempt) == (b'{"id": "a"}', 1)
            await first.release(0.01)
            second = await _taken(queue)
            assert (second.body, second.attempt) == (b'{"id": "a"}', 2)
            await queue.answer(b"decided")
            assert not sent.done()
            await second.finish()
            await sent
        assert seen == [b"decided"]

    asyncio.run(scenario())


async def _as_it_is(message: Any) -> Any:
    return message


async def _prepared(queue: Any) -> None:
    queue.subscribe()


async def _taken(queue: Any) -> Any:
    for _ in range(5):
        if delivery := await queue.take():
            return delivery
    raise AssertionError("no message came")


def test_lines_are_answered_at_once_and_in_order(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "provenance", "work", "-", *ONLY]
    with subprocess.Popen(
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, cwd=tmp_path
    ) as one:
        assert one.stdin is not None
        assert one.stdout is not None
        one.stdin.write(message("first", text="words") + b"\n")
        one.stdin.flush()
        assert json.loads(one.stdout.readline())["id"] == "first"
        lines = [*GOOD, BAD[0], BAD[3], message("last", text="words")]
        rest, _ = one.communicate(b"\n".join(lines))
    assert one.returncode == 0
    found = [json.loads(line) for line in rest.splitlines()]
    expected = [json.loads(line)["id"] for line in GOOD]
    assert [one["id"] for one in found] == [*expected, None, None, "last"]
    assert found[-2]["record"]["signals"][0]["reason"]["code"] == "hook.malformed"


def test_decisions_stand_in_the_audit_log(run: Run, tmp_path: Path) -> None:
    assert run("audit", "init", "log", "--name", "example.org/log").returncode == 0
    lines = b"\n".join(GOOD[:3])
    done = run("work", "-", *ONLY, "--audit", "log", "--state", "state.sqlite", stdin=lines)
    assert (done.returncode, done.stderr) == (0, "")
    again = run("work", "-", *ONLY, "--audit", "log", "--state", "state.sqlite", stdin=lines)
    assert again.stdout == done.stdout
    assert run("audit", "verify", "log").returncode == 0
    logged = (tmp_path / "log" / "000000.jsonl").read_text().splitlines()
    uris = [json.loads(line)["item"]["uri"] for line in logged]
    assert sorted(uris) == ["text-0", "text-1", "text-2"]


def test_what_was_decided_without_a_log_is_logged_when_it_comes_again(
    run: Run, tmp_path: Path
) -> None:
    lines = b"\n".join(GOOD[:3])
    before = run("work", "-", *ONLY, "--state", "state.sqlite", stdin=lines)
    run("audit", "init", "log", "--name", "example.org/log")
    after = run("work", "-", *ONLY, "--audit", "log", "--state", "state.sqlite", stdin=lines)
    assert (after.returncode, after.stderr, after.stdout) == (0, "", before.stdout)
    assert run("audit", "verify", "log").returncode == 0
    assert len((tmp_path / "log" / "000000.jsonl").read_text().splitlines()) == 3


def test_the_brake_holds_decisions_until_it_is_released(run: Run) -> None:
    flagged = [message(f"p-{n}", text=f"{REFUSAL}{n}") for n in range(60)]
    command = ("work", "-", *ONLY, "--state", "s.sqlite", "--fail-on", "review", "--brake", "0.5")
    done = run(*command, stdin=b"\n".join(flagged))
    holds = [json.loads(line).get("hold", False) for line in done.stdout.splitlines()]
    assert (holds[0], holds[-1]) == (False, True)
    assert done.stderr.count("the brake is on") == 1
    one = message("later", text="We met at the market.")
    assert json.loads(run(*command, stdin=one).stdout)["hold"] is True
    released = run("work", "--release-brake", "--state", "s.sqlite")
    assert (released.returncode, "the brake is off" in released.stderr) == (0, True)
    assert "hold" not in json.loads(run(*command, stdin=message("after", text="Pears.")).stdout)


def test_what_cannot_be_used_is_said(run: Run) -> None:
    for wrong in (
        (), ("redis://localhost",), ("gopher://localhost", "--in", "a", "--out", "b"),
        ("-", "--media-from", "missing"), ("-", "--media-from", "http://example.org/"),
        ("-", "--brake", "0.5"), ("-", "--replay-dead"), ("-", "--audit", "no-log"),
    ):  # fmt: skip
        done = run("work", *wrong)
        assert (done.returncode, done.stdout) == (2, ""), wrong
        assert "Traceback" not in done.stderr
