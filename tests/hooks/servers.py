"""Servers of messages, started for a test on a free port of this machine, and ended with it."""

import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

RABBIT = "/usr/lib/rabbitmq/bin/rabbitmq-server"


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def until(true: Callable[[], object], seconds: float = 60) -> bool:
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
        assert until(lambda: answers(port), 120), f"{command[0]} did not start"
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
