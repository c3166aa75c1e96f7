"""The Python front door says what the command says, from any thread, and stays warm."""

import doctest
import io
import json
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from itertools import repeat
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

import provenance
from provenance import Checker, Claim, ConfigError, Outcome, Record, api

Run = Callable[..., CompletedProcess[str]]
ROOT = Path(__file__).parents[1]
SIGNED = ROOT / "fixtures" / "signed"
FAKES = ROOT / "fixtures" / "fakes"
CHEAP = ("credentials", "metadata", "text_marks")


def lasting(record: Record) -> dict[str, Any]:
    made: dict[str, Any] = json.loads(record.to_json())
    del made["elapsed_ms"]
    return made


@pytest.fixture(scope="module")
def checker() -> Iterator[Checker]:
    with Checker(only=CHEAP, jobs=2) as made:
        yield made


@pytest.fixture(params=[0, 1])
def jobs(request: pytest.FixtureRequest) -> int:
    return int(request.param)


def test_a_path_gives_the_record_of_the_command(checker: Checker, run: Run) -> None:
    file = SIGNED / "laundered.jpg"
    done = run("check", file, "--only", ",".join(CHEAP), "--format", "json")
    (said,) = json.loads(done.stdout)
    del said["elapsed_ms"]
    assert lasting(checker.check(file)) == said


def test_path_bytes_and_stream_are_one_item(checker: Checker) -> None:
    file = SIGNED / "laundered.jpg"
    by_path = lasting(checker.check(file, name="a.jpg"))
    by_bytes = lasting(checker.check(file.read_bytes(), name="a.jpg"))
    with file.open("rb") as stream:
        by_stream = lasting(checker.check(stream, name="a.jpg"))
    assert by_path == by_bytes == by_stream
    assert checker.check(io.BytesIO(b"words of somebody")).item.uri == "-"
    with file.open("rb") as stream:
        assert checker.check(stream).item.uri == str(file)


def test_texts_and_posts(checker: Checker) -> None:
    residue = "As an AI language model, I cannot help with that."
    assert checker.check_text(residue, name="a").verdict.risk is provenance.Risk.REVIEW
    assert checker.check_text("half \ud800 a character").item.kind is provenance.Kind.TEXT
    media = [("a.jpg", SIGNED / "laundered.jpg"), ("b.txt", b"words")]
    post = checker.check_post(text="Look!", media=media, name="post-1")
    assert (post.item.uri, post.item.kind) == ("post-1", provenance.Kind.POST)
    assert isinstance(post.item.parts, list)
    assert [part.name for part in post.item.parts] == ["text", "media/0", "media/1"]
    assert post.verdict.risk is provenance.Risk.HIGH
    with pytest.raises(ConfigError, match="text or a medium"):
        checker.check_post(name="post-2")


def test_a_scan_comes_in_the_order_of_the_paths(checker: Checker, tmp_path: Path) -> None:
    names = [f"{number:02}.txt" for number in range(30)]
    for name in reversed(names):
        (tmp_path / name).write_text(f"the words of {name}")
    got = [Path(record.item.uri).name for record in checker.scan(tmp_path)]
    assert got == names


def test_many_threads_get_each_their_own_record(jobs: int) -> None:
    with Checker(only=["text_marks"], jobs=jobs) as made, ThreadPoolExecutor(6) as threads:
        names = [str(number) for number in range(60)]
        records = threads.map(lambda name: made.check_text(f"words {name}", name=name), names)
        assert [record.item.uri for record in records] == names


def test_fingerprints_are_computed_where_they_are_asked_for(jobs: int) -> None:
    with Checker(only=["metadata"], fingerprints=True, jobs=jobs) as made:
        record = made.check(FAKES / "known" / "anna.jpg")
    assert set(record.item.fingerprints) == {"pdq", "pdq_quality"}


def test_no_deadline_is_missed(jobs: int) -> None:
    with Checker(only=CHEAP, jobs=jobs) as made:
        record = made.check(SIGNED / "laundered.jpg", deadline=0)
        assert {signal.reason.code for signal in record.signals} == {"engine.deadline"}
        assert not record.verdict.complete
        assert made.check(SIGNED / "laundered.jpg", deadline=60).verdict.complete
        late = made.check_post(text="Look!", media=[("a.jpg", b"")], deadline=0)
        assert isinstance(late.item.parts, list)
        assert [part.name for part in late.item.parts] == ["text", "media/0"]


def test_a_bank_that_changes_is_seen(run: Run, tmp_path: Path, jobs: int) -> None:
    bank, boris = tmp_path / "b.bank", FAKES / "known" / "boris.jpg"
    assert run("bank", "add", "--bank", bank, FAKES / "known" / "anna.jpg").returncode == 0
    options = {"known_fakes": {"refresh": 0}}
    with Checker(only=["known_fakes"], banks=[bank], options=options, jobs=jobs) as made:
        assert made.check(boris).signals[0].outcome is Outcome.CLEAR
        assert run("bank", "add", "--bank", bank, boris).returncode == 0
        until = time.monotonic() + 60  # additions wait a while, as long as the bank took to open
        while made.check(boris).signals[0].claim is not Claim.KNOWN_FAKE:
            assert time.monotonic() < until
        gone = run("bank", "withdraw", "--bank", bank, "boris", "--reason", "a mistake")
        assert gone.returncode == 0, gone.stderr
        assert made.check(boris).signals[0].claim is None  # at once
        bank.rename(tmp_path / "away.bank")
        assert made.check(FAKES / "known" / "anna.jpg").signals[0].claim is Claim.KNOWN_FAKE


def test_what_cannot_be_used_is_refused(tmp_path: Path, checker: Checker) -> None:
    posts = tmp_path / "posts.jsonl"
    posts.write_text('{"post_id": "1", "text": "words"}\n')
    for wrong, words in ((tmp_path, "scan"), (posts, "scan")):
        with pytest.raises(ConfigError, match=words):
            checker.check(wrong)
    assert [record.item.uri for record in checker.scan(posts)] == [f"{posts}#1"]
    with pytest.raises(ConfigError, match="mode 'rb'"):
        checker.check(io.StringIO("text"))  # type: ignore[arg-type]
    with pytest.raises(ConfigError, match="image or text"):
        checker.check(b"words", kind="post")
    for options in ({"policy": "nobody"}, {"only": ["nobody"]}, {"jobs": -1}, {"banks": ["none"]}):
        with pytest.raises(ConfigError):
            Checker(**options)
    assert checker.check(tmp_path / "missing.jpg").signals[0].reason.code == "item.missing"


def test_no_configuration_is_read(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "provenance.toml").write_text("nonsense = [")
    monkeypatch.setenv("PROVENANCE_POLICY", "nobody")
    monkeypatch.chdir(tmp_path)
    with Checker(only=["text_marks"], jobs=0) as made:
        assert made.check_text("words").verdict.policy.name == "default"


def test_it_belongs_to_its_process_and_ends_once(checker: Checker) -> None:
    child = os.fork()
    if child == 0:
        try:
            checker.check_text("words")
        except RuntimeError as error:
            os._exit(7 if "make one in each" in str(error) else 1)
        os._exit(1)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == 7
    made = Checker(only=["text_marks"], jobs=1)
    made.close()
    made.close()
    with pytest.raises(RuntimeError, match="closed"):
        made.check_text("words")


def test_an_interrupt_of_the_caller_is_the_callers(checker: Checker) -> None:
    # also where the tests run in the background of a script, which lets no interrupt be heard
    heard = signal.signal(signal.SIGINT, signal.default_int_handler)
    before = threading.active_count()
    timer = threading.Timer(0.2, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        list(map(checker.check_text, repeat("words", 100_000)))
    timer.join()
    signal.signal(signal.SIGINT, heard)
    assert checker.check_text("words").signals[0].outcome is Outcome.CLEAR
    assert threading.active_count() == before


def test_examples_are_right(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(ROOT)
    tried = doctest.testmod(api)
    assert tried.attempted >= 3
    assert tried.failed == 0
