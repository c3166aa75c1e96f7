"""A service that runs as users run it: the command, on a free port of this machine."""

import os
import re
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import httpx
import pytest

ONLY = ("--only", "credentials,metadata,text_marks", "--jobs", "2")


class Served:
    """A service that runs, and a client of it."""

    def __init__(self, folder: Path, *options: str) -> None:
        kept = {k: v for k, v in os.environ.items() if not k.startswith(("PROVENANCE", "XDG"))}
        command = [sys.executable, "-m", "provenance", "serve", "--port", "0", *ONLY, *options]
        self.folder, self.before = folder, list[str]()
        self.process = subprocess.Popen(
            command, cwd=folder, env=kept | {"HOME": str(folder)}, stderr=subprocess.PIPE,
            stdout=subprocess.DEVNULL, start_new_session=True, text=True,
        )  # fmt: skip
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.before.append(line)
            if found := re.search(r"listening at (http://[^/]+)/", line):
                self.url = found[1]
                break
        else:
            raise AssertionError("".join(self.before))
        self.port = int(self.url.rpartition(":")[2])
        self.http = httpx.Client(base_url=self.url, timeout=120, trust_env=False)

    def end(self) -> tuple[int, str]:
        """End it as a supervisor does; return its exit code, and what it said since it began."""
        if self.process.poll() is None:
            self.process.terminate()
        _, said = self.process.communicate(timeout=120)
        self.http.close()
        return self.process.returncode, said

    def kill(self) -> None:
        """End it, if it still runs."""
        self.http.close()
        if self.process.poll() is None:
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.communicate()


Serve = Callable[..., Served]


@pytest.fixture(scope="module")
def serve(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serve]:
    """Return a function that starts a service with options, in a folder; it ends with the file."""
    started = list[Served]()

    def start(*options: str, folder: Path | None = None) -> Served:
        made = Served(folder or tmp_path_factory.mktemp("serve"), *options)
        started.append(made)
        return made

    yield start
    for each in started:
        each.kill()
