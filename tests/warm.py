"""A process that has loaded everything and forks a command when asked to.

Most of a short command's time is Python loading modules, and the suite runs thousands. Run as a
script with the descriptor of a socket. A request is the length of a JSON text (8 bytes), with four
descriptors, and the text: arguments, folder and variables. The descriptors are the three of the
command, and one on which its id and then its wait status are told, 8 bytes each. The command runs
in a child as `python -m provenance` does, but at its end the modules are not taken down: that would
take longer than most commands.
"""

import atexit
import gc
import importlib.metadata
import json
import os
import pkgutil
import runpy
import select
import signal
import socket
import struct
import sys
import time
from pathlib import Path
from typing import Any, NoReturn

NUMBER = struct.Struct("!q")
DESCRIPTORS = 4
NOT_LOADED = ("network", "__main__")
"""Last names of modules that are left out: they load torch, which few commands do."""
LIBRARIES = ("onnxruntime", "platformdirs.unix", "rich.progress", "rich.live", "rich.markdown")
"""Loaded by functions of many commands."""
PICTURE = Path(__file__).parents[1] / "fixtures" / "signed" / "ai.jpg"
"""Looked at once, for the tables that are read then."""
ENDED: dict[str, Any] = {}
"""In a command's process, its exit code: 1 until it has ended by itself."""


def load() -> None:
    """Load our packages, what they load when first used, and the tables of nearly every command."""
    for package in ("provenance", "detectors"):
        path = importlib.import_module(package).__path__
        for module in pkgutil.walk_packages(path, f"{package}."):
            if module.name.rpartition(".")[2] not in NOT_LOADED:
                importlib.import_module(module.name)
    for library in LIBRARIES:
        importlib.import_module(library)
    from provenance import Checker
    from provenance.messages import languages, table

    for language in languages():
        table(language)
    know_what_is_installed()
    with Checker(only=["metadata", "text_marks"], jobs=0) as checker:
        checker.check(PICTURE)
        checker.check_text("Some words by someone.")
    gc.collect()
    gc.freeze()


def know_what_is_installed() -> None:
    """Read the plug-ins that are installed once; a folder that has packages is looked at anew."""
    from detectors.catalog import GROUP

    look = importlib.metadata.entry_points
    found = look(group=GROUP)

    def entry_points(**given: str) -> Any:
        anew = given != {"group": GROUP} or any(Path().glob("*-info"))
        return look(**given) if anew else found

    importlib.metadata.entry_points = entry_points  # type: ignore[assignment]


def main(asked: socket.socket) -> None:
    """Fork a command for each request, and tell how each ended, until nobody asks any more."""
    ended, wakes = socket.socketpair()
    wakes.settimeout(0)
    signal.signal(signal.SIGCHLD, lambda *_: None)
    signal.set_wakeup_fd(wakes.fileno())
    running: dict[int, int] = {}  # id of a command → where its end is told
    while True:
        ready, _, _ = select.select([asked, ended], [], [])
        if ended in ready:
            ended.recv(1 << 12)
            tell(running)
        if asked in ready:
            if (request := receive(asked)) is None:
                return
            wanted, (*streams, result) = request
            if (pid := os.fork()) == 0:
                ours = [end.detach() for end in (asked, ended, wakes)]
                live(wanted, streams, [*ours, result, *running.values()])
            for descriptor in streams:
                os.close(descriptor)
            os.write(result, NUMBER.pack(pid))
            running[pid] = result


def receive(asked: socket.socket) -> tuple[dict[str, Any], list[int]] | None:
    """Return the next request, None where nobody asks any more."""
    size, descriptors, _, _ = socket.recv_fds(asked, NUMBER.size, DESCRIPTORS)
    if not size:
        return None
    return json.loads(asked.recv(*NUMBER.unpack(size), socket.MSG_WAITALL)), descriptors


def tell(running: dict[int, int]) -> None:
    """Tell of the commands that have ended how they did."""
    for pid in [*running]:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            result = running.pop(pid)
            os.write(result, NUMBER.pack(status))
            os.close(result)


def live(wanted: dict[str, Any], streams: list[int], inherited: list[int]) -> NoReturn:
    """Be the command: the life of a child."""
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGCHLD, signal.SIG_DFL)
    for descriptor in inherited:
        os.close(descriptor)
    ENDED["code"] = 1
    for to, descriptor in enumerate(streams):
        os.dup2(descriptor, to)
        os.close(descriptor)
    become(**wanted)
    command()


def become(args: list[str], folder: str, variables: dict[str, str]) -> None:
    """Make this process what it would be, had it been started as a command."""
    os.environ.clear()
    os.environ.update(variables)
    time.tzset()
    os.chdir(folder)
    if not sys.flags.safe_path:
        sys.path.insert(0, folder)
    sys.stdin = sys.__stdin__ = os.fdopen(0, "r", errors="surrogateescape", closefd=False)
    sys.stdout = sys.__stdout__ = os.fdopen(1, "w", errors="surrogateescape", closefd=False)
    sys.stderr = sys.__stderr__ = os.fdopen(2, "w", 1, errors="backslashreplace", closefd=False)
    sys.argv = ["", *args]


def command() -> NoReturn:
    """Run the command, and end as the interpreter does."""
    try:
        runpy.run_module("provenance", run_name="__main__", alter_sys=True)
    except SystemExit as end:
        is_number = isinstance(end.code, int)
        ENDED["code"] = end.code if is_number else int(end.code is not None)
        raise
    ENDED["code"] = 0
    sys.exit()


def leave() -> None:
    """End a command's process: the last of what runs at the end of the interpreter."""
    if ENDED:
        code = ENDED["code"]
        try:
            sys.stdout.flush()
            sys.stderr.flush()
        except OSError:
            code = 120  # as the interpreter has it
        os._exit(code)


if __name__ == "__main__":
    atexit.register(leave)  # before all that loading registers: the first one runs last
    load()
    main(socket.socket(fileno=int(sys.argv[1])))
