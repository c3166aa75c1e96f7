"""Items on a cluster of two nodes: the same records, whatever is lost on the way."""

import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
import zipfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

import pytest

pytest.importorskip("ray")
pytestmark = pytest.mark.timeout(1800)  # a busy machine needs minutes to start a cluster

Run = Callable[..., "subprocess.CompletedProcess[str]"]
PLUG_IN = """
import os, time
from detectors.signal import Outcome, Reason, Signal, Tier
from detectors.spec import Spec
from detectors.decode.sniff import Kind

class Obedient:
    version = "1"
    def __init__(self, options):
        pass
    def inspect(self, item):
        word = item.data.decode()
        if word.startswith("die"):
            os.kill(os.getpid(), 9)
        if word.startswith("slow"):
            time.sleep(0.05)
        said = Reason("test.said", {"word": word})
        return [Signal(detector="obedient", tier=Tier.METADATA, outcome=Outcome.CLEAR, reason=said)]

SPEC = Spec(name="obedient", tier=Tier.METADATA, summary="a test", factory="obedient:Obedient",
            kinds=(Kind.TEXT,))
"""
"""A detector that does what the item's text says."""
NODES = """
import json, sys
from ray.cluster_utils import Cluster
cluster = Cluster(initialize_head=True, head_node_args={"num_cpus": 1, "include_dashboard": False,
    "include_log_monitor": False, "no_monitor": True, "ray_client_server_port": int(sys.argv[1])},
    shutdown_at_exit=True)
nodes = [cluster.head_node, cluster.add_node(num_cpus=1, include_dashboard=False)]
cluster.wait_for_nodes()
print(cluster.address, flush=True)
for line in sys.stdin:
    node = nodes.pop()
    cluster.remove_node(node, allow_graceful=False)
    print("removed", flush=True)
"""
"""Two nodes, of which each line of standard input removes one; the head comes last."""
FIXTURES = Path(__file__).parents[2] / "fixtures"
SOON = {"RAY_gcs_rpc_server_reconnect_timeout_s": "5"}
"""How long a head that is gone is waited for; Ray's own is a minute."""
SLOW = "rfc3987_syntax"
"""Not wanted: with it jsonschema, which Ray loads, builds a grammar for a second, each process."""
PROGRESS = "provenance: Checking: "
TRIES = 5
"""Times that a cluster is started: Ray gives each node 30 seconds, whatever the load."""
ONLY = ("--only", "obedient,text_marks")


class Nodes(NamedTuple):
    """A cluster that runs."""

    process: "subprocess.Popen[str]"
    address: str
    client: str

    def remove(self) -> None:
        """Remove the last node, as by pulling its plug."""
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write("\n")
        self.process.stdin.flush()
        assert self.process.stdout.readline() == "removed\n"


@pytest.fixture(scope="module")
def variables(
    tmp_path_factory: pytest.TempPathFactory, without: Callable[..., dict[str, str]]
) -> Iterator[dict[str, str]]:
    """Return the environment of all processes, in which the plug-in is installed."""
    folder = tmp_path_factory.mktemp("site")
    (folder / "obedient.py").write_text(PLUG_IN)
    (folder / "obedient-1.dist-info").mkdir()
    (folder / "obedient-1.dist-info" / "METADATA").write_text("Name: obedient\nVersion: 1\n")
    (folder / "obedient-1.dist-info" / "entry_points.txt").write_text(
        "[provenance.detectors]\nobedient = obedient:SPEC\n"
    )
    hidden = without(SLOW)
    with tempfile.TemporaryDirectory(prefix="ray-") as scratch:  # sockets want short names
        yield hidden | {
            "PYTHONPATH": os.pathsep.join([str(folder), hidden["PYTHONPATH"]]),
            "TMPDIR": scratch,
            "RAY_TMPDIR": scratch,
            "RAY_AUTH_MODE": "disabled",  # else a token is written into the home of who tests
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_CLIENT_SERVER_CHECK_CHANNEL_TIMEOUT_S": "100",  # a busy machine needs over 30
        }


@pytest.fixture(scope="module")
def nodes(variables: dict[str, str]) -> Iterator[Nodes]:
    """Return a cluster of two nodes with a processor each."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    for _ in range(TRIES):
        process = subprocess.Popen(
            [sys.executable, "-c", NODES, str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | variables,
            text=True,
        )
        assert process.stdin
        assert process.stdout
        if address := process.stdout.readline().strip():
            break
        said = process.communicate()[1]
    else:
        pytest.fail(f"no cluster starts: {said[-2000:]}")
    with process:
        yield Nodes(process, address, f"ray://127.0.0.1:{port}")
        process.communicate(timeout=300)


@pytest.fixture
def world(tmp_path: Path) -> Path:
    """Return a folder of texts, one of which kills whoever reads it, and an archive."""
    folder = tmp_path / "in"
    folder.mkdir()
    for number in range(120):
        (folder / f"{number:03}.txt").write_text(f"slow {number}")
    (folder / "die.txt").write_text("die")
    (folder / "equal.txt").write_text("slow 7")
    with zipfile.ZipFile(folder / "b.zip", "w") as archive:
        archive.writestr("die.txt", "die as a member")
    return folder


def lines(text: str) -> list[dict[str, Any]]:
    """Return records without what may differ between two looks."""
    found = [json.loads(line) for line in text.splitlines()]
    for record in found:
        del record["elapsed_ms"]
    return found


def failures(done: "subprocess.CompletedProcess[str]") -> list[str]:
    """Return what a command said, without how far it was, which slow machines are told."""
    return [line for line in done.stderr.splitlines() if not line.startswith(PROGRESS)]


def kept(folder: Path) -> list[dict[str, Any]]:
    return lines((folder / "run" / "records.jsonl").read_text("utf-8"))


def state(folder: Path) -> str:
    return str(json.loads((folder / "run" / "run.json").read_bytes())["state"])


@pytest.fixture
def going(
    tmp_path: Path, variables: dict[str, str]
) -> Iterator[Callable[[str], "subprocess.Popen[str]"]]:
    """Return what begins a run on an engine, and returns when it has come to some records."""
    begun: list[subprocess.Popen[str]] = []

    def begin(engine: str) -> "subprocess.Popen[str]":
        command = [sys.executable, "-m", "provenance", "scan", "in", "--engine", engine]
        process = subprocess.Popen(
            [*command, *ONLY, "--format", "jsonl", "--out", "run"],
            cwd=tmp_path,
            env=os.environ | variables | {"HOME": str(tmp_path)} | SOON,
            stderr=subprocess.PIPE,
            text=True,
        )
        begun.append(process)
        written = tmp_path / "run" / "records.jsonl"
        while process.poll() is None:
            with suppress(OSError):
                if written.read_bytes().count(b"\n") >= 20:
                    break
            time.sleep(0.05)
        return process

    yield begin
    for process in begun:
        process.kill()
        process.communicate()


@pytest.fixture
def want(run: Run, world: Path, variables: dict[str, str]) -> "subprocess.CompletedProcess[str]":
    """Return what this machine says."""
    many = ("--jobs", "8")
    done = run("scan", world.name, *ONLY, "--format", "jsonl", *many, **variables)
    assert [s["reason"]["code"] for r in lines(done.stdout) for s in r["signals"]].count(
        "engine.crashed"
    ) == 2
    return done


def test_a_cluster_gives_the_same_bytes(
    run: Run, want: Any, nodes: Nodes, variables: dict[str, str]
) -> None:
    for address in (nodes.address, nodes.client):
        asked = ("--engine", address, *ONLY, "--format", "jsonl")
        for _ in range(TRIES):
            done = run("scan", "in", *asked, **variables)
            if "Ray cannot be reached" not in done.stderr:  # it has limits of its own for a start
                break
        assert lines(done.stdout) == lines(want.stdout), done.stderr
        assert (done.returncode, failures(done)) == (want.returncode, failures(want))


def test_a_node_with_other_lists_is_not_believed(
    run: Run, nodes: Nodes, variables: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "in").mkdir()
    shutil.copy(FIXTURES / "signed" / "ai.jpg", tmp_path / "in")
    assert run("trust", "enable", "interim").returncode == 0
    asked = ("--engine", nodes.address, "--only", "credentials", "--format", "jsonl")
    done = run("scan", "in", *asked, **variables)
    assert (done.returncode, done.stdout) == (3, "")
    assert "another version, model, bank or list of credentials" in done.stderr


def test_a_node_that_is_lost_costs_no_record_and_a_lost_cluster_ends_the_pass(  # noqa: PLR0917
    want: Any, nodes: Nodes, going: Any, run: Run, tmp_path: Path, variables: dict[str, str]
) -> None:
    process = going(nodes.address)
    nodes.remove()
    _, said = process.communicate(timeout=400)
    assert process.returncode == want.returncode, said
    assert (state(tmp_path), kept(tmp_path)) == ("complete", lines(want.stdout))
    shutil.rmtree(tmp_path / "run")
    process = going(nodes.address)
    nodes.remove()
    _, said = process.communicate(timeout=400)
    assert process.returncode == 3, said
    assert state(tmp_path) == "interrupted"
    assert "the pass ends here, to be continued" in said
    assert "Traceback" not in said
    done = run("scan", "in", *ONLY, "--format", "jsonl", "--out", "run", **variables)
    assert done.returncode == want.returncode
    assert (state(tmp_path), kept(tmp_path)) == ("complete", lines(want.stdout))


def test_a_ray_started_here_is_started_again_when_it_is_lost(
    want: Any, going: Any, tmp_path: Path
) -> None:
    process = going("ray")
    children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
    (raylet,) = [each for each in descendants(children) if "raylet" in command_of(each)[0]]
    os.kill(int(raylet), signal.SIGKILL)
    _, said = process.communicate(timeout=400)
    assert process.returncode == want.returncode, said
    assert (state(tmp_path), kept(tmp_path)) == ("complete", lines(want.stdout))
    assert not Path(f"/proc/{raylet}").exists()


def descendants(processes: list[str]) -> Iterator[str]:
    """Yield processes and all that they have started."""
    for each in processes:
        yield each
        for task in Path(f"/proc/{each}/task").iterdir():
            yield from descendants((task / "children").read_text().split())


def command_of(process: str) -> list[str]:
    return Path(f"/proc/{process}/cmdline").read_text().split("\0")


@pytest.mark.usefixtures("world")
@pytest.mark.parametrize(
    ("engine", "said"),
    [
        ("127.0.0.1:9", "Ray cannot be reached at 127.0.0.1:9: .*refused"),
        ("ray://127.0.0.1:9", "Ray cannot be reached at ray://127.0.0.1:9: .*refused"),
        ("rey", "use local, ray, auto, HOST:PORT or ray://HOST:PORT"),
    ],
)
def test_an_engine_that_cannot_be_had_is_an_error(
    run: Run, engine: str, said: str, variables: dict[str, str], tmp_path: Path
) -> None:
    done = run("scan", "in", "--engine", engine, "--out", "run", **variables)
    assert (done.returncode, done.stdout) == (2, "")
    assert re.search(said, done.stderr), done.stderr
    assert "Traceback" not in done.stderr
    assert not (tmp_path / "run").exists()


@pytest.mark.usefixtures("world")
def test_without_ray_the_extra_is_named(run: Run, without: Any) -> None:
    done = run("scan", "in", "--engine", "ray", **without("ray"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "provenance-check[cluster]" in done.stderr
