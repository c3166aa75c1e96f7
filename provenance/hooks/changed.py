"""What git says has changed: `--changed`.

Compared are the working tree and the commit where the branch left another one (the merge base), so
that what changed on the other branch meanwhile is not looked at. Files that git does not know yet
count too, less those that it ignores. What is looked at is the file in the working tree.
"""

import os
from collections.abc import Iterator, Mapping
from typing import Final

from detectors.errors import ConfigError
from provenance.intake import files
from provenance.intake.git import git

TARGETS: Final = ("GITHUB_BASE_REF", "CI_MERGE_REQUEST_TARGET_BRANCH_NAME")
"""Variables in which GitHub and GitLab name the branch that a change is meant for."""
WANTED: Final = "--diff-filter=ACMRT"
"""Added, copied, modified, renamed, and what was a link before."""
DIFF: Final = (
    "diff", "--name-only", "-z", "--no-renames", "--no-ext-diff", "--no-textconv",
    "--ignore-submodules=all", WANTED,
)  # fmt: skip
"""Renames are not searched for: without that, a renamed file is an added one."""
NEW: Final = ("ls-files", "-z", "--others", "--exclude-standard")
HINT: Final = "on a build server, fetch the whole history (fetch-depth: 0, GIT_DEPTH: 0)"


class Changed:
    """The changed files of the checkouts that paths lie in."""

    def __init__(self, base: str, environment: Mapping[str, str]) -> None:
        """Keep what to compare with; git is asked for each checkout once.

        Args:
            base: a branch, tag or commit; empty: the branch that the environment names as the
                target, else the default branch of the remote, else the commit that is checked out.
            environment: the process's variables.
        """
        self._base = base
        self._target = next(filter(None, map(environment.get, TARGETS)), "")
        self._folders: dict[str, str] = {}
        """Folder → the checkout it lies in."""
        self._changed: dict[str, frozenset[str]] = {}
        """Checkout → paths of its changed files."""
        self._real: dict[str, str] = {}

    def __call__(self, path: str) -> bool:
        """Tell whether a file, or a sidecar that is read with it, has changed.

        A path at which nothing lies counts, so that it gets a record.

        Raises:
            ConfigError: it is in no checkout, or there is nothing to compare with.
        """
        if not os.path.lexists(path):
            return True
        folder, name = os.path.split(path)
        if folder not in self._real:
            self._real[folder] = os.path.realpath(folder or os.curdir)
        here = self._real[folder]
        changed = self._of(here)
        return any(
            os.path.join(here, each) in changed for each in (name, *files.sidecar_names(name))
        )

    def _of(self, folder: str) -> frozenset[str]:
        """Return the changed files of the checkout that a folder lies in."""
        if folder not in self._folders:
            above = self._folders.get(os.path.dirname(folder))
            nested = os.path.lexists(os.path.join(folder, ".git"))
            self._folders[folder] = above if above and not nested else _checkout(folder)
        checkout = self._folders[folder]
        if checkout not in self._changed:
            self._changed[checkout] = frozenset(_changed(checkout, self._commit(checkout)))
        return self._changed[checkout]

    def _commit(self, checkout: str) -> str:
        """Return the commit with which the working tree is compared.

        Raises:
            ConfigError: there is none.
        """
        if not _resolved(checkout, "HEAD"):
            return _line(checkout, "hash-object", "-t", "tree", os.devnull)  # no commit yet
        base = self._base or self._default(checkout)
        if not (commit := _resolved(checkout, base)):
            raise ConfigError(f"--changed: git does not know {base!r}; {HINT}")
        if not (common := _line(checkout, "merge-base", commit, "HEAD")):
            raise ConfigError(f"--changed: {base!r} and HEAD have no commit in common here; {HINT}")
        return common

    def _default(self, checkout: str) -> str:
        """Return what to compare with where the user does not say."""
        remotes = _line(checkout, "remote").split()
        if not remotes:
            return "HEAD"
        branch = _line(checkout, "symbolic-ref", "--short", "-q", "HEAD")
        upstream = _line(checkout, "config", f"branch.{branch}.remote") if branch else ""
        first = "origin" if "origin" in remotes else remotes[0]
        remote = upstream if upstream in remotes else first
        if self._target:
            return f"refs/remotes/{remote}/{self._target}"
        head = f"refs/remotes/{remote}/HEAD"
        if _resolved(checkout, head):
            return head
        raise ConfigError(
            f"--changed: the default branch of {remote} is not known here; name one"
            f" (--changed={remote}/main), or have git ask for it"
            f" (git remote set-head {remote} --auto); {HINT}"
        )


def _checkout(folder: str) -> str:
    """Return the top folder of the checkout that a folder lies in.

    Raises:
        ConfigError: it lies in none.
    """
    done = git(folder, "rev-parse", "--show-toplevel")
    if done.returncode:
        why = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
        raise ConfigError(f"--changed: {files.uri(folder)}: {''.join(why)}")
    return os.path.realpath(os.fsdecode(done.stdout.removesuffix(b"\n")))


def _changed(checkout: str, commit: str) -> Iterator[str]:
    """Yield the paths of files that differ from a commit, or that git does not know yet.

    Raises:
        ConfigError: git cannot tell.
    """
    for command in ((*DIFF, commit, "--"), NEW):
        done = git(checkout, *command)
        if done.returncode:
            why = done.stderr.decode("utf-8", "replace").strip().splitlines()[:1]
            raise ConfigError(f"--changed: {files.uri(checkout)}: {''.join(why)}")
        for name in filter(None, done.stdout.split(b"\0")):
            yield os.path.join(checkout, os.fsdecode(name))


def _resolved(checkout: str, name: str) -> str:
    """Return the commit that a name stands for, empty where git knows none."""
    return _line(checkout, "rev-parse", "--verify", "-q", "--end-of-options", f"{name}^{{commit}}")


def _line(checkout: str, *command: str) -> str:
    """Return what git prints, empty where it fails."""
    done = git(checkout, *command)
    return "" if done.returncode else done.stdout.decode("utf-8", "surrogateescape").strip()
