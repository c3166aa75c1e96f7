"""Git checkouts, made by git; servers of messages, each started for a test and ended with it."""

import os
import secrets
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress
from pathlib import Path

import pytest

Git = Callable[..., str]
FIXTURES = Path(__file__).parents[2] / "fixtures"


@pytest.fixture
def git(tmp_path: Path) -> Git:
    """Return a function that runs git in a folder, with a person of its own and no settings."""

    def command(folder: Path, *args: str) -> str:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("GIT_", "GITHUB_", "CI_"))}
        who = {
            f"GIT_{role}_{what}": "tester@example.org"
            for role in ("AUTHOR", "COMMITTER")
            for what in ("NAME", "EMAIL")
        }
        env = kept | who | {"GIT_CONFIG_GLOBAL": os.devnull, "HOME": str(tmp_path)}
        done = subprocess.run(
            ["git", "-C", folder, *args], capture_output=True, text=True, check=True, env=env
        )
        return done.stdout.strip()

    return command


@pytest.fixture
def put() -> Callable[[Path, str], None]:
    """Return a function that copies a fixture to a path."""

    def copy(path: Path, name: str) -> None:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes((FIXTURES / name).read_bytes())

    return copy


RABBIT = "/usr/lib/rabbitmq/bin/rabbitmq-server"


def free_port() -> int:
    """Return a free port below those that connections get, so that none takes it meanwhile."""
    while True:
        port = 20_000 + secrets.randbelow(12_000)
        with socket.socket() as probe, suppress(OSError):
            probe.bind(("127.0.0.1", port))
            return port


def _until(true: Callable[[], object], seconds: float = 60) -> bool:
    """Wait until something is true; tell whether it is."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.05)
    return True


def answers(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), 1):
            return True
    except OSError:
        return False


def wanted(program: str) -> str:
    found = shutil.which(program)
    if found is None:
        pytest.skip(f"{program} is not installed")
    return found


@contextmanager
def started(command: list[str], port: int, env: dict[str, str] | None = None) -> Iterator[None]:
    process = subprocess.Popen(
        command, env=os.environ | (env or {}), start_new_session=True,
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    try:
        assert _until(lambda: answers(port), 120), f"{command[0]} did not start"
        yield
    finally:
        os.killpg(process.pid, signal.SIGTERM)
        process.wait(60)


@contextmanager
def redis_server(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [wanted("redis-server"), "--port", str(port), "--bind", "127.0.0.1"]
    command += ["--dir", str(folder), "--appendonly", "yes", "--save", ""]
    with started(command, port):
        yield f"redis://127.0.0.1:{port}"


@contextmanager
def nats_server(folder: Path) -> Iterator[str]:
    port = free_port()
    command = [wanted("nats-server"), "-a", "127.0.0.1", "-p", str(port), "-js", "-sd", str(folder)]
    with started(command, port):
        yield f"nats://127.0.0.1:{port}"


@contextmanager
def rabbit_server(folder: Path) -> Iterator[str]:
    port, mapper = free_port(), free_port()
    env = {
        "HOME": str(folder), "RABBITMQ_NODENAME": f"test{port}@localhost",
        "RABBITMQ_NODE_PORT": str(port), "RABBITMQ_NODE_IP_ADDRESS": "127.0.0.1",
        "RABBITMQ_MNESIA_BASE": str(folder / "mnesia"), "RABBITMQ_LOG_BASE": str(folder / "log"),
        "ERL_EPMD_PORT": str(mapper), "ERL_EPMD_ADDRESS": "127.0.0.1",
        "RABBITMQ_DIST_PORT": str(free_port()),
        "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-kernel inet_dist_use_interface {127,0,0,1}",
    }  # fmt: skip
    if not Path(RABBIT).exists():
        pytest.skip("rabbitmq-server is not installed")
    try:
        with started([RABBIT], port, env):
            yield f"amqp://guest:guest@127.0.0.1:{port}/"
    finally:
        subprocess.run(
            ["epmd", "-port", str(mapper), "-kill"],
            env=os.environ | env,
            capture_output=True,
            check=False,
        )


SERVERS = {"redis": redis_server, "nats": nats_server, "rabbitmq": rabbit_server}


@pytest.fixture
def until() -> Callable[..., bool]:
    """Return a function that waits until something is true, and tells whether it is."""
    return _until


@pytest.fixture(params=list(SERVERS))
def server(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Yield the address of a server of messages."""
    folder = tmp_path / "server"
    folder.mkdir()
    start: Callable[[Path], AbstractContextManager[str]] = SERVERS[request.param]
    with start(folder) as url:
        yield url
