"""`scan --changed`: what a branch adds or changes, in checkouts as people and servers have them."""

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

Records = Callable[..., list[dict[str, Any]]]
Run = Callable[..., Any]
Git = Callable[..., str]
Put = Callable[[Path, str], None]
ONLY = ("--only", "credentials,metadata")
AI, CLEAN = "signed/ai.jpg", "signed/edited.jpg"
NOWHERE = {
    "GITHUB_BASE_REF": "",
    "CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "",
    "GIT_CONFIG_GLOBAL": os.devnull,
}


@pytest.fixture
def checkout(tmp_path: Path, git: Git, put: Put) -> Path:
    """Return a checkout whose branch `topic` left `main`, which went on; and an edited tree."""
    top = tmp_path / "checkout"
    top.mkdir()
    git(top, "init", "-q", "-b", "main")
    for name in (
        "same.jpg",
        "edited.jpg",
        "deleted.jpg",
        "old.jpg",
        "shared.jpg",
        "pair.jpg",
        "sub/same.jpg",
    ):
        put(top / name, CLEAN)
    (top / ".gitignore").write_text("ignored/\n")
    (top / "pair.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'/>")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "base")
    git(top, "checkout", "-q", "-b", "topic")
    put(top / "added.jpg", AI)
    put(top / "sub" / "new\nline.jpg", AI)
    git(top, "mv", "old.jpg", "renamed.jpg")
    git(top, "rm", "-q", "deleted.jpg")
    (top / "pair.xmp").write_text("<x:xmpmeta xmlns:x='adobe:ns:meta/'></x:xmpmeta>")
    git(top, "add", "-A")
    git(top, "commit", "-q", "-m", "topic")
    git(top, "checkout", "-q", "main")
    put(top / "shared.jpg", AI)
    git(top, "commit", "-q", "-a", "-m", "main goes on")
    git(top, "checkout", "-q", "topic")
    put(top / "edited.jpg", AI)
    put(top / "loose.jpg", AI)
    put(top / "ignored" / "other.jpg", AI)
    return top


BRANCH = {"added.jpg", "sub/new\nline.jpg", "renamed.jpg", "pair.jpg"}
TREE = {"edited.jpg", "loose.jpg"}


def names(found: list[dict[str, Any]]) -> set[str]:
    pictures = [os.path.normpath(record["item"]["uri"]) for record in found]
    assert len(pictures) == len(set(pictures))
    return set(pictures)


def test_a_branch_is_compared_with_where_it_left_another(records: Records, checkout: Path) -> None:
    found = records("scan", ".", "--changed", "main", *ONLY, cwd=checkout)
    assert names(found) == BRANCH | TREE
    assert names(records("scan", ".", "--changed=main", *ONLY, cwd=checkout)) == BRANCH | TREE
    inside = records("scan", ".", "--changed", "main", *ONLY, cwd=checkout / "sub")
    assert names(inside) == {"new\nline.jpg"}
    below = records("scan", "sub", "same.jpg", "--changed", "main", *ONLY, cwd=checkout)
    assert names(below) == {"sub/new\nline.jpg"}


def test_the_word_behind_is_a_base_only_behind_a_path(run: Run, checkout: Path) -> None:
    arguments = ("scan", *ONLY, "--changed", "sub", "--format", "jsonl")
    done = run(*arguments, cwd=checkout, **NOWHERE)
    assert (done.returncode, done.stdout) == (0, "")  # HEAD, where nothing below it has changed
    assert "no changed file found" in done.stderr


def test_without_a_base_the_server_or_the_remote_says_it(
    records: Records, run: Run, git: Git, checkout: Path, tmp_path: Path
) -> None:
    def seen(**variables: str) -> set[str]:
        given = NOWHERE | variables
        return names(records("scan", ".", "--changed", *ONLY, cwd=checkout, **given))

    assert seen() == TREE  # no remote: the last commit
    git(tmp_path, "clone", "-q", "--bare", str(checkout), "origin.git")
    git(checkout, "remote", "add", "origin", str(tmp_path / "origin.git"))
    git(checkout, "fetch", "-q", "origin")
    assert seen(GITHUB_BASE_REF="main") == BRANCH | TREE
    assert seen(CI_MERGE_REQUEST_TARGET_BRANCH_NAME="main") == BRANCH | TREE
    unknown = run("scan", ".", "--changed", *ONLY, cwd=checkout, **NOWHERE)
    assert unknown.returncode == 2
    assert "fetch-depth: 0" in unknown.stderr
    git(checkout, "symbolic-ref", "refs/remotes/origin/HEAD", "refs/remotes/origin/main")
    assert seen() == BRANCH | TREE


def test_what_git_cannot_compare_is_refused(
    run: Run, git: Git, checkout: Path, put: Put, tmp_path: Path
) -> None:
    def refused(folder: Path, *options: str) -> str:
        done = run("scan", ".", *options, *ONLY, cwd=folder, **NOWHERE)
        assert (done.returncode, done.stdout) == (2, "")
        return str(done.stderr)

    assert "'no-such'" in refused(checkout, "--changed=no-such")
    refused(checkout, "--changed=--output=left-behind")
    assert not (checkout / "left-behind").exists()
    git(
        tmp_path,
        "clone",
        "-q",
        "--depth",
        "1",
        "--no-single-branch",
        f"file://{checkout}",
        "shallow",
    )
    assert "fetch-depth: 0" in refused(tmp_path / "shallow", "--changed=origin/main")
    put(tmp_path / "outside" / "a.jpg", AI)
    assert "not a git repository" in refused(tmp_path / "outside", "--changed")
    refused(checkout, "--changed=main", "--out", "run")


def test_before_the_first_commit_everything_is_new(
    records: Records, git: Git, put: Put, tmp_path: Path
) -> None:
    git(tmp_path, "init", "-q", "fresh")
    put(tmp_path / "fresh" / "a.jpg", AI)
    put(tmp_path / "fresh" / "b.jpg", AI)
    git(tmp_path / "fresh", "add", "a.jpg")
    assert names(records("scan", "fresh", "--changed", *ONLY, **NOWHERE)) == {
        "fresh/a.jpg",
        "fresh/b.jpg",
    }


def test_a_link_that_became_a_file_is_looked_at(
    records: Records, git: Git, put: Put, checkout: Path
) -> None:
    (checkout / "link.jpg").symlink_to("same.jpg")
    git(checkout, "add", "link.jpg")
    git(checkout, "commit", "-q", "-m", "a link")
    (checkout / "link.jpg").unlink()
    put(checkout / "link.jpg", AI)
    assert "link.jpg" in names(records("scan", ".", "--changed=HEAD", *ONLY, cwd=checkout))


def test_paths_of_two_checkouts_are_each_compared_with_their_own(
    records: Records, git: Git, put: Put, checkout: Path, tmp_path: Path
) -> None:
    git(tmp_path, "clone", "-q", str(checkout), "second")
    put(tmp_path / "second" / "mine.jpg", AI)
    shutil.copytree(tmp_path / "second", checkout / "sub" / "nested")
    found = names(records("scan", "checkout", "second", "--changed=HEAD", *ONLY, **NOWHERE))
    tree = {f"checkout/{name}" for name in TREE}
    assert found == tree | {"second/mine.jpg", "checkout/sub/nested/mine.jpg"}
