"""Workers of a long-lived parent: forked by a server, kept warm, replaced, and gone at the end."""

import errno
import json
import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from detectors.errors import ConfigError, UnavailableError
from detectors.item import Item, Kind
from detectors.signal import Tier
from detectors.spec import Spec
from provenance.engine.config import RunConfig
from provenance.engine.fork_server import ForkServer
from provenance.engine.warm import Workers
from provenance.engine.worker import Limits
from provenance.intake.stdin import given
from provenance.record import Record
from provenance.verdict import load

SOURCE = """
import os, signal, time
from detectors.errors import ConfigError, UnavailableError
from detectors.signal import Outcome, Reason, Signal, Tier

class Obedient:
    version = "1"

    def __init__(self, options):
        if options.get("wrong"):
            raise ConfigError("wrong = true: leave it out")
        self.name, self.today = options["name"], options.get("today")

    def inspect(self, item):
        word, _, of = item.data.decode().partition(" ")
        args = {"pid": os.getpid(), "today": self.today}
        if of in ("", self.name):
            if word == "sleep":
                time.sleep(600)
            if word == "die":
                os.kill(os.getpid(), signal.SIGKILL)
            if word == "spin":
                end = time.process_time() + 0.4
                while time.process_time() < end:
                    pass
                args["cpu"] = time.process_time()
        return [Signal(detector=self.name, tier=Tier.METADATA, outcome=Outcome.CLEAR,
                       reason=Reason("test.said", args))]
"""


@pytest.fixture
def config(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> RunConfig:
    folder = tmp_path / "modules"
    folder.mkdir()
    (folder / "obedient_detector.py").write_text(SOURCE)
    monkeypatch.syspath_prepend(folder)
    names = ("first", "second")
    specs = tuple(
        Spec(
            name=name, tier=Tier.METADATA, summary="a test", kinds=(Kind.TEXT,), takes=("today",),
            factory="obedient_detector:Obedient",
        ) for name in names
    )  # fmt: skip
    options = {name: {"name": name, "today": "2026-11-24"} for name in names}
    return RunConfig(specs=specs, options=options, policy=load("default"), today="2026-11-24")


def item(words: str) -> Item:
    return Item(words, partial(given, words.encode()), kind=Kind.TEXT)


def outcomes(record: Record) -> dict[str, tuple[str, str]]:
    return {s.detector: (s.outcome.value, s.reason.code) for s in record.signals}


def pid(record: Record) -> int:
    return int(record.signals[0].reason.args["pid"])


def gone(process: int) -> bool:
    for _ in range(3000):
        try:
            os.kill(process, 0)
        except ProcessLookupError:
            return True
        if " Z " in Path(f"/proc/{process}/stat").read_text():
            return True
        time.sleep(0.02)
    return False


SAID, LATE = ("clear", "test.said"), ("not_assessed", "engine.deadline")


def test_a_worker_stays_and_one_that_died_is_replaced(config: RunConfig) -> None:
    workers = Workers(config, 1)
    try:
        first, second = (workers.submit(item(word), None).result() for word in ("a", "b"))
        assert pid(first) == pid(second) != os.getpid()
        dead = workers.submit(item("die first"), None).result()
        assert outcomes(dead) == {"first": ("failed", "engine.crashed"), "second": SAID}
        third = workers.submit(item("c"), None).result()
        os.kill(pid(third), signal.SIGKILL)
        assert gone(pid(third))
        assert outcomes(workers.submit(item("d"), None).result()) == {"first": SAID, "second": SAID}
    finally:
        workers.close()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("sleep first", {"first": LATE, "second": LATE}),
        ("sleep second", {"first": SAID, "second": LATE}),
    ],
)
def test_what_has_not_ended_by_a_deadline_is_not_assessed(
    config: RunConfig, words: str, said: dict[str, tuple[str, str]]
) -> None:
    workers = Workers(config, 1)
    try:
        workers.submit(item("a"), None).result()  # it has loaded what it needs
        record = workers.submit(item(words), 2).result()
        assert outcomes(record) == said
        assert record.item.sha256 is not None
        slow = workers.submit(item("sleep first"), 60)
        waiting = workers.submit(item("a"), 0.3).result()
        assert outcomes(waiting) == {"item": LATE}
        assert not waiting.verdict.complete
        slow.cancel()
    finally:
        workers.close()


def test_limits_hold_in_them_too(config: RunConfig) -> None:
    workers = Workers(config, 1, Limits(detector_seconds=0.2))
    try:
        record = workers.submit(item("spin second"), None).result()
        assert outcomes(record) == {"first": SAID, "second": ("failed", "engine.timeout")}
    finally:
        workers.close()


def test_refused_options_are_told_when_it_is_made(config: RunConfig) -> None:
    options = {"first": {"name": "first"}, "second": {"wrong": True}}
    wrong = RunConfig(specs=config.specs, options=options, policy=config.policy, today=config.today)
    with pytest.raises(ConfigError, match="leave it out"):
        Workers(wrong, 2)


def test_a_day_begins_for_detectors_that_are_told_of_it(config: RunConfig) -> None:
    days = iter(["2026-11-24", "2026-11-25", "2026-11-25"])
    workers = Workers(config, 1, today=lambda: next(days))
    try:
        told = [workers.submit(item(word), None).result() for word in "abc"]
    finally:
        workers.close()
    assert [r.signals[0].reason.args["today"] for r in told] == [r.tool.date for r in told]
    assert [r.tool.date for r in told] == ["2026-11-24", "2026-11-25", "2026-11-25"]


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_thread_that_breaks_off_leaves_nobody_waiting_and_nothing_behind(
    config: RunConfig,
) -> None:
    days = iter(["2026-11-24"])
    workers = Workers(config, 1, today=lambda: next(days))
    server = workers._server  # noqa: SLF001 - that it has ended cannot be seen from outside
    assert outcomes(workers.submit(item("a"), None).result()) == {"first": SAID, "second": SAID}
    with pytest.raises(RuntimeError, match=r"broken off|closed"):
        workers.submit(item("b"), None).result(timeout=60)
    with pytest.raises(RuntimeError, match="closed"):
        workers.submit(item("c"), None)
    workers.close()
    assert server is not None
    assert not server.runs


def test_where_no_worker_can_be_started_a_call_fails_and_a_later_one_does_not(
    config: RunConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_args: object) -> None:
        raise OSError(errno.EAGAIN, os.strerror(errno.EAGAIN))

    workers = Workers(config, 1)
    try:
        with monkeypatch.context() as patched:
            patched.setattr(ForkServer, "start", refused)
            dead = workers.submit(item("die first"), None)
            with pytest.raises(UnavailableError, match="jobs = 0"):
                dead.result(timeout=60)
        assert outcomes(workers.submit(item("a"), None).result()) == {"first": SAID, "second": SAID}
    finally:
        workers.close()


def test_paths_are_those_of_the_caller_wherever_it_goes(
    config: RunConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from provenance.intake import files

    workers = Workers(config, 1)
    (tmp_path / "words.txt").write_text("a")
    monkeypatch.chdir(tmp_path)
    try:
        record = workers.submit(files.item("words.txt", follow=True, kind=Kind.TEXT), None).result()
        assert outcomes(record) == {"first": SAID, "second": SAID}
    finally:
        workers.close()


def test_their_cpu_time_is_that_of_the_parents_children_in_the_end(config: RunConfig) -> None:
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    workers = Workers(config, 2)
    try:
        records = [workers.submit(item("spin first"), None) for _ in range(4)]
        told = {pid(r.result()): r.result().signals[0].reason.args["cpu"] for r in records}
    finally:
        workers.close()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    assert sum(told.values()) >= 0.8
    assert used >= 0.95 * sum(told.values())


SCRIPT = """
import json, os, sys, time
import provenance
checker = provenance.Checker(only=["text_marks"], jobs=1)
record = checker.check_text("As an AI language model, I cannot do that.", name="a")
print(json.dumps([__name__, record.verdict.risk.value]), flush=True)
{then}
"""


def run_script(folder: Path, then: str, **variables: str) -> "subprocess.Popen[str]":
    script = folder / "script.py"
    script.write_text(SCRIPT.format(then=then))
    env = os.environ | {"PYTHONPATH": os.pathsep.join(p for p in sys.path if p)} | variables
    return subprocess.Popen(
        [sys.executable, str(script)],
        cwd=folder, env=env, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
        stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("temporary", ["long", "missing"])
def test_a_script_needs_no_guard_and_no_temporary_folder(tmp_path: Path, temporary: str) -> None:
    folder = tmp_path / ("t" * 120 if temporary == "long" else "nowhere")
    if temporary == "long":
        folder.mkdir()
    done = run_script(tmp_path, "checker.close()", TMPDIR=str(folder))
    out, err = done.communicate(timeout=120)
    assert (json.loads(out), err, done.returncode) == (["__main__", "review"], "", 0)


def children(process: int) -> list[int]:
    listed = Path(f"/proc/{process}/task/{process}/children").read_text().split()
    return [int(child) for child in listed]


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="/proc is Linux's")
@pytest.mark.parametrize("end", ["killed", "by itself, not closed"])
def test_all_are_gone_when_the_parent_is(tmp_path: Path, end: str) -> None:
    then = "time.sleep(600)" if end == "killed" else "sys.stdin.read()"
    parent = run_script(tmp_path, then)
    assert parent.stdout is not None
    parent.stdout.readline()
    (server,) = children(parent.pid)
    (worker,) = children(server)
    if end == "killed":
        parent.kill()
    parent.communicate(timeout=120)
    assert gone(server)
    assert gone(worker)
