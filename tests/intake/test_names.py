"""Lists of names are sources like those of the command line."""

import json
import subprocess
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import given
from hypothesis import strategies as st

from provenance.intake.location import Seen
from provenance.intake.names import Listed

Run = Callable[..., CompletedProcess[str]]
ONLY = ("--only", "text_marks", "--format", "jsonl")


def uris(done: "CompletedProcess[str]") -> list[str]:
    return [json.loads(line)["item"]["uri"] for line in done.stdout.splitlines()]


@pytest.mark.parametrize("how", ["lines", "nul", "stdin"])
def test_names_come_in_the_order_of_the_list(run: Run, tmp_path: Path, how: str) -> None:
    names = ["b.txt", "gone.txt", "in", "a.txt", "b.txt"] + (["new\nline.txt"] * (how != "lines"))
    (tmp_path / "in").mkdir()
    for name in ("a.txt", "b.txt", "in/c.txt", "new\nline.txt"):
        (tmp_path / name).write_text("Words of somebody.")
    data = ("\n" if how == "lines" else "\0").join(names).encode()
    (tmp_path / "list").write_bytes(data)
    options = {"lines": ["list"], "nul": ["list", "-0"], "stdin": ["-", "-0"]}[how]
    done = run("scan", "--files-from", *options, *ONLY, stdin=data if how == "stdin" else b"")
    want = ["b.txt", "gone.txt", "in/c.txt", "a.txt"] + (["new\nline.txt"] * (how != "lines"))
    assert uris(done) == want
    assert done.returncode == 3  # one is missing


def test_a_list_obeys_no_project(run: Run, tmp_path: Path) -> None:
    (tmp_path / "provenance.toml").write_text('fail_on = "low"\n')
    (tmp_path / "a.txt").write_text("Words of somebody.")
    (tmp_path / "list").write_text("a.txt\n")
    done = run("scan", "--files-from", "list", *ONLY)
    assert (done.returncode, uris(done)) == (0, ["a.txt"])


def test_a_list_that_is_not_there_is_told(run: Run) -> None:
    done = run("scan", "--files-from", "none", *ONLY)
    assert (done.returncode, done.stdout) == (2, "")
    assert "none" in done.stderr
    assert run("scan", *ONLY).returncode == 2


@given(st.lists(st.binary(min_size=1).filter(lambda name: b"\0" not in name)))
def test_every_name_of_a_list_is_read(names: list[bytes]) -> None:
    read = [*Listed(b"\0".join(names), b"\0")]
    assert [name.encode("utf-8", "surrogateescape") for name in read] == names


@given(st.lists(st.text(max_size=3), max_size=300))
def test_a_string_is_new_once(words: list[str]) -> None:
    seen, known = Seen(), set[str]()
    for word in words:
        assert (word in seen) == (word in known)
        assert seen.add(word) == (word not in known)
        known.add(word)


def test_what_git_ignores_is_passed_over_and_its_configuration_runs_nothing(
    run: Run, tmp_path: Path
) -> None:
    (tmp_path / "tree" / "out").mkdir(parents=True)
    for name in ("a.txt", "b.log", "out/c.txt"):
        (tmp_path / "tree" / name).write_text("Words of somebody.")
    (tmp_path / "tree" / ".gitignore").write_text("*.log\nout/\n")
    git = ["git", "-C", str(tmp_path / "tree")]
    subprocess.run([*git, "init", "--quiet"], check=True)
    hook = tmp_path / "hook"
    hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/ran\n")
    hook.chmod(0o755)
    subprocess.run([*git, "config", "core.fsmonitor", str(hook)], check=True)
    assert uris(run("scan", "tree", "--gitignore", *ONLY)) == ["tree/.gitignore", "tree/a.txt"]
    assert not (tmp_path / "ran").exists()
    (tmp_path / "other").mkdir()
    refused = run("scan", "other", "--gitignore", *ONLY)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert "--gitignore" in refused.stderr
