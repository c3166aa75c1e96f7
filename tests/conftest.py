"""The command, run as users run it: as a process of its own; and the tests that CI may not skip."""

import gc
import json
import os
import signal
import socket
import struct
import subprocess
import sys
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from hashlib import sha256
from pathlib import Path
from threading import Lock, Timer
from typing import Any, TypeVar

import pytest
from hypothesis import HealthCheck, settings

# Shared machines are slow at times; and what CI finds must be found again by whoever looks.
CALM = [HealthCheck.too_slow]
"""Nothing is judged by how long it took to think of an example."""
settings.register_profile(
    "shared", deadline=None, derandomize="CI" in os.environ, suppress_health_check=CALM
)
settings.load_profile("shared")

Run = Callable[..., "subprocess.CompletedProcess[str]"]
Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)

MUST_RUN = tuple(
    line
    for line in (Path(__file__).parent / "must_run.txt").read_text("utf-8").splitlines()
    if not line.startswith("#")
)


def unskipped(report: Report) -> Report:
    """Return the report of a test or a file; in CI, as failed where it must run and was skipped."""
    named = (name.startswith(report.nodeid) or report.nodeid.startswith(name) for name in MUST_RUN)
    if "CI" in os.environ and report.skipped and any(named):
        why = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome, report.longrepr = "failed", f"{why}\nCI must run it: tests/must_run.txt"
    return report


LONGEST = (
    "engine/test_ray.py", "engine/test_memory.py", "text_model/test_model.py", "test_docs.py",
    "hooks/service/test_web.py", "bank/test_damage.py", "cli/test_ends.py", "test_patterns.py",
    "runs/test_run.py", "hooks/test_work.py", "cli/test_calibrate.py", "languages/test_detector.py",
    "image_model/test_image_model.py", "text_marks/test_watermarks.py", "intake/test_remote.py",
    "portrait/test_portrait.py", "image_model/test_published.py", "cli/test_progress.py",
)  # fmt: skip
"""Files whose tests take longest, the longest first."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Put what takes longest first, so that no worker is left with it at the end."""
    place = {f"tests/{file}": at for at, file in enumerate(LONGEST)}
    items.sort(key=lambda item: place.get(item.nodeid.partition("::")[0], len(place)))


def pytest_collection_finish() -> None:
    """Set aside what is loaded: it stays, and is not gone through again at each collection."""
    gc.freeze()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return unskipped((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return unskipped((yield))


HIDDEN = """
import os
from importlib.machinery import PathFinder

there = PathFinder.find_spec

def find_spec(name, path=None, target=None):
    hidden = name.split(".")[0] in os.environ["HIDDEN"].split(",")
    return None if hidden else there(name, path, target)

PathFinder.find_spec = find_spec
"""
"""A `sitecustomize` with which modules are as if they were not installed."""


LIMIT = 280
"""Seconds for a command: under the limit of a test, so that what it said is shown."""
STARTS = ("PYTHON", "LD_", "HIDDEN", "COVERAGE")
"""What names of variables begin with that act when an interpreter starts."""


def of_starts(variables: dict[str, str]) -> dict[str, str]:
    """Return the variables that act when an interpreter starts."""
    return {name: value for name, value in variables.items() if name.startswith(STARTS)}


class Commands:
    """Commands, forked from a process that has loaded everything (`warm.py`)."""

    def __init__(self) -> None:
        self._asked, theirs = socket.socketpair()
        self._lock = Lock()
        self._env = os.environ | {"PYTHONUTF8": "1"}
        with theirs:
            script = Path(__file__).with_name("warm.py")
            command = [sys.executable, "-P", script, str(theirs.fileno())]
            self._server = subprocess.Popen(command, pass_fds=[theirs.fileno()], env=self._env)

    def take(self, variables: dict[str, str]) -> bool:
        """Tell whether an interpreter with these variables would start as this one did."""
        own = of_starts(self._env)
        traced = any(name.startswith("COVERAGE") for name in own)
        return not traced and of_starts(variables) == own

    def run(
        self, args: list[str], stdin: bytes, folder: Path, variables: dict[str, str]
    ) -> "subprocess.CompletedProcess[bytes]":
        """Run a command to its end, and return what it said."""
        wanted = {"args": args, "folder": os.fspath(folder), "variables": variables}
        request = json.dumps(wanted).encode()
        pipes = [os.pipe() for _ in range(4)]
        (reads, writes), (said, says), (told, tells), (ended, result) = pipes
        with self._lock:
            size = struct.pack("!q", len(request))
            socket.send_fds(self._asked, [size], [reads, says, tells, result])
            self._asked.sendall(request)
        for descriptor in (reads, says, tells, result):
            os.close(descriptor)
        with os.fdopen(ended, "rb") as end, ThreadPoolExecutor(3) as pool:
            (pid,) = struct.unpack("!q", end.read(8))
            late = Timer(LIMIT, os.kill, (pid, signal.SIGKILL))
            late.start()
            pool.submit(_write, writes, stdin)
            out, err = pool.submit(_read, said), pool.submit(_read, told)
            code = os.waitstatus_to_exitcode(struct.unpack("!q", end.read(8))[0])
            late.cancel()
            return subprocess.CompletedProcess(args, code, out.result(), err.result())

    def close(self) -> None:
        """End the process that has loaded everything."""
        self._asked.close()
        self._server.wait()


def _write(descriptor: int, content: bytes) -> None:
    with suppress(BrokenPipeError), os.fdopen(descriptor, "wb") as file:
        file.write(content)


def _read(descriptor: int) -> bytes:
    with os.fdopen(descriptor, "rb") as file:
        return file.read()


@pytest.fixture(scope="session")
def commands() -> Generator[Commands]:
    """Return what runs commands without starting an interpreter for each."""
    found = Commands()
    yield found
    found.close()


@pytest.fixture
def run(tmp_path: Path, request: pytest.FixtureRequest) -> Run:
    """Return a function that runs `provenance` with an empty home, 80 columns and no colour.

    Where a variable that acts at the start of an interpreter is another one, one is started.
    """

    def command(
        *args: str | Path, stdin: bytes = b"", cwd: Path | None = None, **variables: str
    ) -> "subprocess.CompletedProcess[str]":
        home = tmp_path / "home"
        home.mkdir(exist_ok=True)
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE", "XDG"))}
        env = kept | {"HOME": str(home), "COLUMNS": "80", "NO_COLOR": "1", "PYTHONUTF8": "1"}
        words, folder = [os.fspath(arg) for arg in args], cwd or tmp_path
        commands: Commands = request.getfixturevalue("commands")
        if not commands.take(env | variables):
            done = subprocess.run(
                [sys.executable, "-m", "provenance", *words],
                input=stdin,
                capture_output=True,
                cwd=folder,
                env=env | variables,
                timeout=LIMIT,
                check=False,
            )
        else:
            done = commands.run(words, stdin, folder, env | variables)
        return subprocess.CompletedProcess(
            done.args, done.returncode, done.stdout.decode(), done.stderr.decode()
        )

    return command


@pytest.fixture
def records(run: Run) -> Callable[..., list[dict[str, Any]]]:
    """Return a function that runs a command with `--format jsonl` and reads its records."""
    import msgspec

    def read(*args: str | Path, **options: Any) -> list[dict[str, Any]]:
        done = run(*args, "--format", "jsonl", **options)
        assert "Traceback" not in done.stderr
        return [msgspec.json.decode(line) for line in done.stdout.splitlines()]

    return read


@pytest.fixture(scope="session")
def without(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., dict[str, str]]:
    """Return a function that gives the variables with which some modules are not there."""
    site = tmp_path_factory.mktemp("hiding")
    (site / "sitecustomize.py").write_text(HIDDEN)
    path = os.pathsep.join([str(site), *filter(None, [os.environ.get("PYTHONPATH")])])
    return lambda *modules: {"PYTHONPATH": path, "HIDDEN": ",".join(modules)}


class Bucket:
    """A bucket, filled by an S3 client that is not ours."""

    def __init__(self, name: str, **given: str) -> None:
        import boto3

        self.name = name
        self._client: Any = boto3.client(
            "s3",
            endpoint_url=given["AWS_ENDPOINT_URL"],
            aws_access_key_id=given["AWS_ACCESS_KEY_ID"],
            aws_secret_access_key=given["AWS_SECRET_ACCESS_KEY"],
            region_name=given["AWS_DEFAULT_REGION"],
        )
        self._client.create_bucket(Bucket=name)

    def put(self, key: str, data: bytes) -> None:
        self._client.put_object(Bucket=self.name, Key=key, Body=data)

    def remove(self, key: str) -> None:
        self._client.delete_object(Bucket=self.name, Key=key)

    def fill(self, folder: Path, prefix: str) -> None:
        for file in folder.rglob("*"):
            if file.is_file():
                self.put(f"{prefix}/{file.relative_to(folder)}", file.read_bytes())


@pytest.fixture(scope="module")
def store() -> Generator[dict[str, str]]:
    """Return the variables by which users name an S3 server, moto's, and themselves."""
    pytest.importorskip("s3fs")
    moto = pytest.importorskip("moto.server")
    server = moto.ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield {
        "AWS_ENDPOINT_URL": f"http://{host}:{port}",
        "AWS_ACCESS_KEY_ID": "key",
        "AWS_SECRET_ACCESS_KEY": "secret",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_MAX_ATTEMPTS": "1",
    }
    server.stop()


@pytest.fixture
def bucket(store: dict[str, str], request: pytest.FixtureRequest) -> Bucket:
    """Return an empty bucket."""
    return Bucket(sha256(request.node.name.encode()).hexdigest()[:20], **store)
