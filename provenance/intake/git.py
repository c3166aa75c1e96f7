"""What git ignores below a folder: `--gitignore`."""

import os
import shutil
import subprocess
from typing import Final

from detectors.errors import ConfigError
from provenance.intake.files import uri

SAFE: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""The configuration of a checkout may name programs to run; a folder to be scanned may not."""
LIST: Final = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")


def ignored(folder: str) -> frozenset[str]:
    """Return the paths below a folder that git ignores; of a folder that it ignores whole, that.

    Args:
        folder: inside a checkout.

    Raises:
        ConfigError: it is in no checkout, or git is not there.
    """
    git = shutil.which("git")
    if git is None:
        raise ConfigError("--gitignore: git is not installed")
    command = [git, "-C", folder, *SAFE, *LIST]
    done = subprocess.run(command, capture_output=True, check=False)  # noqa: S603 - git, by its path
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise ConfigError(f"--gitignore: {uri(folder)}: {''.join(why) or 'git cannot list it'}")
    names = map(os.fsdecode, filter(None, done.stdout.split(b"\0")))
    return frozenset(os.path.join(folder, name.rstrip("/")) for name in names)
