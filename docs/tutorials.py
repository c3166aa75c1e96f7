"""Play the tutorials: run every command of a page, in order, and show what it said.

In a block ```` ```console ```` stand commands, each after `$ ` (with what is written up to END),
and what each printed. `played` runs all commands of a page in one folder, with an empty home, and
returns the page with what they print now. What differs from run to run is shown as `…`.
"""

import os
import re
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Final

HERE: Final = Path(__file__).parent
ROOT: Final = HERE.parent
BLOCK: Final = re.compile(r"(```console\n)(.*?)(```)", re.DOTALL)
COMMAND: Final = re.compile(r"^\$ (?:.*<<'?END'?\n(?:.*\n)*?END$|.*$)", re.MULTILINE)
DIFFERS: Final = (
    (re.compile(r"\b\d+\.\d s\b"), "… s"),
    (re.compile(r"\b[0-9a-f]{64}\b"), "…"),
    (re.compile(rf"\b{datetime.now(UTC):%Y-%m-%d}(T\d\d:\d\d:\d\dZ)?"), "…"),
    (re.compile(r"/[0-9a-f]{8}\.key"), "/….key"),
)
"""Seconds, digests that hang on keys, today, the names of keys of logs."""


def played(page: Path, folder: Path) -> str:
    """Return a page with its commands run.

    Args:
        page: a page of Markdown.
        folder: empty; the commands run in it.
    """
    home = folder / ".home"
    home.mkdir()
    # A link to the checkout, so that the commands of the page can be typed as they stand.
    (folder / "provenance").symlink_to(ROOT)
    kept = {k: v for k, v in os.environ.items() if k in {"PYTHONPATH", "PYTHONSAFEPATH"}}
    tools = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    env = kept | {"PATH": tools, "HOME": str(home), "COLUMNS": "80", "PYTHONUTF8": "1"}
    env |= {"NO_COLOR": "1", "PROVENANCE_JOBS": "1", "LC_ALL": "C.UTF-8", "TZ": "UTC"}

    def block(match: re.Match[str]) -> str:
        told = [f"{command}\n{said(command[2:], folder, env)}"
                for command in COMMAND.findall(match[2])]  # fmt: skip
        return f"{match[1]}{''.join(told)}{match[3]}"

    return BLOCK.sub(block, page.read_text("utf-8"))


def said(command: str, folder: Path, env: dict[str, str]) -> str:
    """Return what a command prints on both streams, in the order in which it prints it."""
    done = subprocess.run(
        ["bash", "-c", command], cwd=folder, env=env, text=True, check=False,
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
    )  # fmt: skip
    text = done.stdout.replace(f"{folder}/.home", "~").replace(f"{folder}/", "")
    for differs, shown in DIFFERS:
        text = differs.sub(shown, text)
    return "\n".join(line.rstrip() for line in text.splitlines()) + "\n" if text else ""
