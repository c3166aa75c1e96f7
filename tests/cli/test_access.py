"""What commands open is what `docs/access.md` says: files written and read, sockets, programs."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final, NamedTuple

import click
import httpx
import pytest

from provenance.cli import provenance

ROOT = Path(__file__).parents[2]
FIXTURES = ROOT / "fixtures"
PAGE = (ROOT / "docs" / "access.md").read_text("utf-8")
ROWS = re.findall(r"^\| (`[^|]+) \| (✓?) ?\| ([^|]+) \| ([^|]+) \|$", PAGE, re.MULTILINE)

pytestmark = pytest.mark.skipif(not shutil.which("strace"), reason="strace is not installed")

WRITING: Final = (
    "creat,mkdir,mkdirat,rename,renameat,renameat2,unlink,unlinkat,rmdir,link,linkat,symlink,"
    "symlinkat,truncate,mknod,mknodat"
)
CALLS: Final = f"open,openat,execve,socket,bind,connect,{WRITING}"
CALL = re.compile(r"\d+ +(\w+)\((.*)")
OPENED = re.compile(r'(?:(?:AT_FDCWD|\d+)<([^>]*)>, )?"((?:[^"\\]|\\.)*)"')
SYSTEM = ("/usr/", "/lib", "/proc/", "/sys/", "/dev/", "/etc/", "/opt/pyca/")
"""What belongs to the system, and what the OpenSSL inside a package would be configured by."""
LISTENS = re.compile(r"listening at (http://[^/]+)/")

META = ("--only", "metadata")
STEPS = {
    "check": ["check", "items/a.jpg", "note.txt", "--fail-on", "never"],
    "scan": ["scan", "items", "--out", "RUN", *META],
    "report": ["report", "RUN"],
    "explain": ["explain", "items/a.jpg", *META],
    "baseline accept": ["baseline", "accept", "items/a.jpg", "--baseline", "FILE-1", "--reason",
                        "known", *META],
    "bank add": ["bank", "add", "--bank", "BANK", "items"],
    "check --bank": ["check", "items/b.jpg", "--bank", "BANK", "--only", "known_fakes"],
    "bank list": ["bank", "list", "--bank", "BANK"],
    "bank export": ["bank", "export", "--bank", "BANK", "--as", "jsonl", "--out", "FILE-2"],
    "bank import": ["bank", "import", "--bank", "BANK-2", "--as", "jsonl", "FILE-2"],
    "feed init": ["feed", "init", "FEED", "--name", "tips", "--publisher", "p", "--contact", "c"],
    "feed publish": ["feed", "publish", "FEED", "--bank", "BANK"],
    "feed follow": ["feed", "follow", "FEED", "--root", "FEED/metadata/1.root.json", "--bank",
                    "BANK-3"],
    "feed update": ["feed", "update"],
    "posts convert": ["posts", "convert", "export.jsonl", "--out", "FILE-3"],
    "coordination find": ["coordination", "find", "posts.jsonl"],
    "case build": ["case", "build", "posts.jsonl", "--out", "CASE", *META],
    "case export": ["case", "export", "CASE", "--as", "json", "--out", "FILE-4"],
    "audit init": ["audit", "init", "LOG", "--name", "here"],
    "scan --audit": ["scan", "items", "--audit", "LOG", *META],
    "audit verify": ["audit", "verify", "LOG"],
    "trust import": ["trust", "import", "list.pem", "--name", "mine", "--issued", "2026-01-01",
                     "--use", "signers"],
    "config allow": ["config", "allow"],
    "detectors": ["detectors"],
    "serve": ["serve", "--port", "0", *META],
}  # fmt: skip
"""Row of the page, or one of its options → the command; files in capitals are what it may write."""
KNOWN = {"report": ["items"], "feed update": ["FEED", "BANK-3"]}
"""Step → what it knows from an earlier one, without being told."""


class Seen(NamedTuple):
    """What a command was seen to open."""

    written: set[Path]
    read: set[Path]
    started: set[Path]
    sockets: set[str]


class Places(NamedTuple):
    """Where the commands run: a folder with items, a home, and a folder of passing files."""

    work: Path
    home: Path
    passing: Path


def seen(trace: Path, work: Path) -> Seen:
    """Read what strace wrote."""
    said = Seen(set(), set(), set(), set())
    for line in trace.read_text("utf-8", "replace").splitlines():
        call = CALL.match(line)
        if not call:
            continue
        name, args = call.groups()
        if name in {"socket", "bind", "connect"}:
            if "AF_INET" in args:
                said.sockets.add(f"{name} {args}")
            continue
        paths = [os.path.normpath(Path(at or work, path)) for at, path in OPENED.findall(args)]
        if name in {"symlink", "symlinkat"}:
            paths = paths[1:]  # the first is what the link says
        if name.startswith(("rename", "link")):
            said.written.update(map(Path, paths[:2]))
        elif name == "execve":
            said.started.update(map(Path, paths[:1]) if "ENOENT" not in args else ())
        elif name in WRITING.split(",") or re.search(r"O_(WRONLY|RDWR|CREAT|TRUNC)", args):
            said.written.update(map(Path, paths[:1]))
        else:
            said.read.update(map(Path, paths[:1]))
    return said


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Places:
    """Make items, and files beside them and in a home that no command has to do with."""
    made = Places(*(tmp_path_factory.mktemp(name) for name in ("work", "home", "passing")))
    work = made.work
    (work / "items").mkdir()
    shutil.copy(FIXTURES / "signed/ai.jpg", work / "items/a.jpg")
    shutil.copy(FIXTURES / "fakes/queries/anna_jpeg.jpg", work / "items/b.jpg")
    shutil.copy(FIXTURES / "exports/bluesky-jetstream.jsonl", work / "export.jsonl")
    trust = ROOT / "detectors/c2pa/trust/c2pa-timestamps-2026-08-05.pem"
    shutil.copy(trust, work / "list.pem")
    for private in (work / "private.txt", made.home / ".netrc", made.home / "letter.txt"):
        private.write_text("private")
    (work / "note.txt").write_text("A note.")
    (work / "provenance.toml").write_text("")
    rows = [{"post_id": str(n), "account_id": f"u{n % 3}", "text": f"A text, {n // 3}.",
             "created_at": f"2026-03-01T08:0{n}:00Z"} for n in range(9)]  # fmt: skip
    (work / "posts.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    return made


@pytest.fixture(scope="module")
def traced(places: Places) -> dict[str, Seen]:
    """Run every step under strace, in order; return what each opened."""
    trace = places.passing.parent / "trace"
    strace = ["strace", "-f", "-y", "--seccomp-bpf", "-qq", "-o", os.fspath(trace)]
    strace += ["-e", f"trace={CALLS}", "-e", "signal=none"]
    if subprocess.run([*strace, "true"], capture_output=True, check=False).returncode:
        pytest.skip("strace may not trace here")
    kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE", "XDG"))}
    env = kept | {"HOME": os.fspath(places.home), "TMPDIR": os.fspath(places.passing)}
    env |= {"PYTHONDONTWRITEBYTECODE": "1", "NO_COLOR": "1"}
    found: dict[str, Seen] = {}
    for name, args in STEPS.items():
        command = [*strace, sys.executable, "-m", "provenance", *args]
        with subprocess.Popen(
            command, cwd=places.work, env=env, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE,
        ) as process:  # fmt: skip
            assert process.stderr is not None
            if name == "serve":
                ask(process.stderr)
                os.kill(int(trace.read_text("utf-8").split()[0]), signal.SIGTERM)
            said = process.stderr.read()
        assert process.returncode in (0, 1, 3), f"{name}: {said}"
        found[name] = seen(trace, places.work)
    return found


def ask(lines: Iterator[str]) -> None:
    """Ask the service whether it lives."""
    found = next(found for line in lines if (found := LISTENS.search(line)))
    assert httpx.get(f"{found[1]}/healthz", timeout=60, trust_env=False).status_code == 200


def rights(name: str) -> str:
    """Return what the page lets a command write."""
    command = name.partition(" --")[0]
    return " ".join(row[2] for row in ROWS if f"`{command}`" in row[0])


def may_write(name: str, places: Places) -> list[Path]:
    """Return the files that a step may write, and what lies below them."""
    said, own = rights(name), places.home / ".local"
    words = STEPS[name] + KNOWN.get(name, [])
    named = [word for word in words if word.isupper()]
    allowed = [places.work / word for word in named if f"`{word.partition('-')[0]}`" in said]
    for word, folder in (("config", places.home / ".config/provenance"),
                         ("data", own / "share/provenance"),
                         ("temporary", places.passing)):  # fmt: skip
        if f"`{word}`" in said:
            allowed.append(folder)
    return allowed


def within(path: Path, folders: list[Path]) -> bool:
    return not {path, *path.parents}.isdisjoint(folders)


def test_the_page_has_a_row_for_every_command() -> None:
    def leaves(name: str, command: click.Command) -> Iterator[str]:
        if isinstance(command, click.Group):
            for each in command.list_commands(context):
                found = command.get_command(context, each)
                assert found is not None
                yield from leaves(f"{name} {each}".strip(), found)
        if not isinstance(command, click.Group) or command.invoke_without_command:
            yield name

    context = click.Context(provenance)
    wanted = [name for name in leaves("", provenance) if name]
    named = [name for row in ROWS for name in re.findall(r"`([^`]+)`", row[0])]
    assert sorted(named) == sorted(wanted)
    tried = {row[0].strip("`") for row in ROWS if row[1]}
    assert tried == {name for name in STEPS if " --" not in name}


@pytest.mark.parametrize("name", STEPS)
def test_a_command_writes_what_its_row_says(
    name: str, traced: dict[str, Seen], places: Places
) -> None:
    allowed = may_write(name, places)
    beside = {folder.parent for folder in allowed}
    parents = {parent for folder in allowed for parent in folder.parents}
    wrong = {
        path
        for path in traced[name].written
        if not within(path, allowed)
        and not (path.name.startswith(".new-") and path.parent in beside)
        and path not in parents  # made on the way
        and path != Path(os.devnull)
    }
    assert wrong == set()


@pytest.mark.parametrize("name", STEPS)
def test_a_command_reads_what_it_is_given_and_nothing_else_of_mine(
    name: str, traced: dict[str, Seen], places: Places
) -> None:
    given = [places.work / arg for arg in STEPS[name] + KNOWN.get(name, [])]
    given += may_write(name, places)
    own = [places.home / ".config/provenance", places.home / ".local/share/provenance"]
    own += [each / file for each in (places.work, *places.work.parents)
            for file in ("provenance.toml", "pyproject.toml", ".git")]  # fmt: skip
    installed = {Path(each) for each in (*sys.path, sys.prefix, sys.base_prefix) if each}
    may = [*given, *own, *installed, *map(Path.resolve, installed)]
    wrong = {
        path
        for path in traced[name].read
        if not within(path, may)
        and path not in {places.work, *places.work.parents, places.passing}
        and not os.fspath(path).startswith(SYSTEM)
    }
    assert wrong == set()


@pytest.mark.parametrize("name", STEPS)
def test_a_command_opens_no_socket_but_those_of_its_row(name: str, traced: dict[str, Seen]) -> None:
    command = name.partition(" --")[0]
    (said,) = (row[3] for row in ROWS if f"`{command}`" in row[0])
    sockets = {each for each in traced[name].sockets if not each.startswith("socket")}
    if said.startswith("none"):
        assert traced[name].sockets == set()
    else:
        address = r"127\.0\.0\.1" if name == "serve" else '"::1"'
        assert [each for each in sockets if not re.search(rf"bind .*{address}", each)] == []


@pytest.mark.parametrize("name", STEPS)
def test_a_command_starts_python_alone(name: str, traced: dict[str, Seen]) -> None:
    assert {path.name.rstrip("0123456789.") for path in traced[name].started} == {"python"}
