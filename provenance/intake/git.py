"""Git, asked about a folder; what it ignores there: `--gitignore`."""

import os
import shutil
import subprocess
from typing import Final

from detectors.errors import ConfigError
from provenance.intake.files import uri

SAFE: Final = ("-c", "core.fsmonitor=false", "-c", "core.hooksPath=/dev/null")
"""The configuration of a checkout may name programs to run; a folder to be scanned may not."""
OFFLINE: Final = {"GIT_NO_LAZY_FETCH": "1", "GIT_OPTIONAL_LOCKS": "0", "LC_ALL": "C"}
"""Objects of a partial clone are not fetched, the index is not written, and words are English."""
LIST: Final = ("ls-files", "-z", "--others", "--ignored", "--exclude-standard", "--directory")


def git(folder: str, *command: str) -> subprocess.CompletedProcess[bytes]:
    """Return what git says of a folder; nothing is fetched, and no program of its settings is run.

    Raises:
        ConfigError: git is not there.
    """
    program = shutil.which("git")
    if program is None:
        raise ConfigError("git is not installed")
    return subprocess.run(  # noqa: S603 - git, by its path
        [program, "-C", folder, *SAFE, *command],
        capture_output=True,
        check=False,
        env=os.environ | OFFLINE,
    )


def ignored(folder: str) -> frozenset[str]:
    """Return the paths below a folder that git ignores; of a folder that it ignores whole, that.

    Args:
        folder: inside a checkout.

    Raises:
        ConfigError: it is in no checkout, or git is not there.
    """
    done = git(folder, *LIST)
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise ConfigError(f"--gitignore: {uri(folder)}: {''.join(why) or 'git cannot list it'}")
    names = map(os.fsdecode, filter(None, done.stdout.split(b"\0")))
    return frozenset(os.path.join(folder, name.rstrip("/")) for name in names)
