"""A log and what its makers know of it, for tests."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import subprocess

Run = Callable[..., "subprocess.CompletedProcess[str]"]
LOOK = ("--only", "text_marks,metadata")
REFUSAL = "As an AI language model, I cannot write a personal review of this restaurant."


class Log:
    """A log in a folder of its own, with what its makers know."""

    def __init__(self, folder: Path, run: Run) -> None:
        self.folder, self.path, self._run = folder, folder / "log", run
        self.key = folder / "key"

    def audit(
        self, command: str, *args: str | Path, **options: Any
    ) -> "subprocess.CompletedProcess[str]":
        return self._run("audit", command, self.path, *args, **options)

    def posts(self, name: str, count: int) -> Path:
        file = self.folder / name
        lines = [
            {
                "post_id": n,
                "text": REFUSAL if n % 2 else "words",
                "created_at": "2026-11-01T10:00:00Z",
            }
            for n in range(count)
        ]
        file.write_text("".join(json.dumps(line) + "\n" for line in lines))
        return file

    def scan(self, *sources: str | Path, **options: Any) -> "subprocess.CompletedProcess[str]":
        return self._run(
            "scan", *sources, "--audit", self.path, "--format", "jsonl", *LOOK, **options
        )

    def files(self) -> list[Path]:
        return sorted(self.path.glob("[0-9]*.jsonl"))

    def lines(self) -> list[bytes]:
        return [line for file in self.files() for line in file.read_bytes().splitlines()]

    def entries(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.lines()]
