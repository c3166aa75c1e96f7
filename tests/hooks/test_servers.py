"""What docs/ci.md and the repository offer to build servers, run as they run it."""

import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "ci.md").read_text("utf-8")
GITHUB, GITLAB, PRE_COMMIT = map(yaml.safe_load, re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL))
ACTION = yaml.safe_load((ROOT / "action.yml").read_text("utf-8"))
MANIFEST = yaml.safe_load((ROOT / ".pre-commit-hooks.yaml").read_text("utf-8"))
TOOLS = Path(sys.executable).parent
ONLY = "credentials,metadata,text_credentials,text_marks"
Git = Callable[..., str]
Put = Callable[[Path, str], None]


@pytest.fixture
def bin_folder(tmp_path: Path) -> Path:
    """Return a folder with a command `provenance`, as an installation has one."""
    folder = tmp_path / "runner" / "provenance" / "bin"
    folder.mkdir(parents=True)
    command = folder / "provenance"
    command.write_text(f'#!/bin/sh\nexec "{sys.executable}" -m provenance "$@"\n')
    command.chmod(0o755)
    return folder


@pytest.fixture
def branch(tmp_path: Path, git: Git, put: Put) -> Path:
    """Return the checkout of a branch that adds an AI picture to a clean one, with its remote."""
    git(tmp_path, "init", "-q", "-b", "main", "origin")
    put(tmp_path / "origin" / "assets" / "clean.jpg", "signed/edited.jpg")
    put(tmp_path / "origin" / "assets" / "old.jpg", "signed/ai.jpg")
    git(tmp_path / "origin", "add", "-A")
    git(tmp_path / "origin", "commit", "-q", "-m", "base")
    git(tmp_path, "clone", "-q", "origin", "work")
    git(tmp_path / "work", "checkout", "-q", "-b", "topic")
    put(tmp_path / "work" / "assets" / "new.jpg", "signed/ai.jpg")
    git(tmp_path / "work", "add", "-A")
    git(tmp_path / "work", "commit", "-q", "-m", "topic")
    return tmp_path / "work"


def bash(script: str, folder: Path, home: Path, path: Path, **variables: str) -> Any:
    kept = {
        k: v for k, v in os.environ.items() if not k.startswith(("GITHUB_", "CI_", "PROVENANCE"))
    }
    env = kept | {"HOME": str(home), "PATH": f"{path}{os.pathsep}{os.environ['PATH']}"} | variables
    return subprocess.run(
        ["bash", "--noprofile", "--norc", "-e", "-o", "pipefail", "-c", script],
        cwd=folder, env=env, capture_output=True, text=True, check=False,
    )  # fmt: skip


def inputs(**given: str) -> dict[str, str]:
    """Return the variables of the action's step, with what a workflow gives."""
    known = {name: str(one["default"]) for name, one in ACTION["inputs"].items()}
    assert set(given) <= set(known)
    values = known | given
    env = ACTION["runs"]["steps"][1]["env"]
    return {key: values[re.findall(r"inputs\.([\w-]+)", said)[0]] for key, said in env.items()}


def test_the_action_annotates_what_a_branch_adds(
    bin_folder: Path, branch: Path, tmp_path: Path
) -> None:
    step = GITHUB["jobs"]["provenance"]["steps"][1]["with"]
    summary = tmp_path / "summary.md"
    (branch / "posts").mkdir()
    given = inputs(**{name: text for name, text in step.items() if name != "baseline"})
    runner = {"RUNNER_TEMP": str(tmp_path / "runner"), "GITHUB_STEP_SUMMARY": str(summary)}
    runner |= {"GITHUB_BASE_REF": "main", "PROVENANCE_ONLY": ONLY}
    script = ACTION["runs"]["steps"][1]["run"]
    done = bash(script, branch, tmp_path, bin_folder, **runner, **given)
    assert done.returncode == 1, done.stderr
    lines = [line for line in done.stdout.splitlines() if line.startswith("::")]
    assert [line.split("::")[1] for line in lines] == [
        "error file=assets/new.jpg,line=1,title=provenance%3A High"
    ]
    assert "`assets/new.jpg`" in summary.read_text()
    written = bash(script, branch, tmp_path, bin_folder, **runner, **inputs(**given_sarif()))
    results = json.loads((branch / "out.sarif").read_text())["runs"][0]["results"]
    assert (written.returncode, len(results)) == (1, 2)


def given_sarif() -> dict[str, str]:
    return {"paths": "assets", "sarif": "out.sarif", "fail-on": "review", "policy": "newsroom"}


def test_inputs_of_the_action_are_never_part_of_a_script(
    bin_folder: Path, branch: Path, tmp_path: Path
) -> None:
    for step in ACTION["runs"]["steps"]:
        assert "${{" not in step["run"]
    attack = '$(touch hurt) "; touch hurt; #'
    given = inputs(paths=attack, policy=attack, baseline=attack, bank=attack)
    runner = {"RUNNER_TEMP": str(tmp_path / "runner")}
    done = bash(ACTION["runs"]["steps"][1]["run"], branch, tmp_path, bin_folder, **runner, **given)
    assert done.returncode == 2
    assert not (branch / "hurt").exists()


def test_zizmor_finds_nothing_in_what_is_offered(tmp_path: Path) -> None:
    workflow = tmp_path / ".github" / "workflows" / "provenance.yml"
    workflow.parent.mkdir(parents=True)
    shown = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)[0]
    workflow.write_text(shown.replace("COMMIT", "0" * 40))
    shutil.copy(ROOT / "action.yml", tmp_path)
    done = subprocess.run(
        [TOOLS / "zizmor", "--offline", "--no-progress", "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout


def test_the_job_for_gitlab_reports_what_a_branch_adds(
    bin_folder: Path, branch: Path, tmp_path: Path
) -> None:
    job = GITLAB["provenance"]
    report = job["artifacts"]["reports"]["codequality"]
    target = {"CI_MERGE_REQUEST_TARGET_BRANCH_NAME": "main", "PROVENANCE_ONLY": ONLY}
    done = bash("\n".join(job["script"]), branch, tmp_path, bin_folder, **target)
    (entry,) = json.loads((branch / report).read_text())
    assert (done.returncode, entry["severity"]) == (1, "critical")
    assert entry["location"] == {"path": "assets/new.jpg", "lines": {"begin": 1}}


def test_the_hook_stops_a_commit_and_is_quiet_about_clean_files(
    git: Git, put: Put, bin_folder: Path, tmp_path: Path
) -> None:
    (hook,) = MANIFEST
    ((chosen,),) = (repo["hooks"] for repo in PRE_COMMIT["repos"])
    assert chosen["id"] == hook["id"]
    here = tmp_path / "hooked"
    git(tmp_path, "init", "-q", "hooked")
    put(here / "clean.jpg", "signed/edited.jpg")
    (here / "data.json").write_text('{"text": "As an AI language model, I cannot."}')
    (here / ".provenance-baseline.json").write_text(
        '{"format": "provenance.baseline/1", "accepted": []}'
    )
    local = hook | chosen | {"language": "system"}
    local.pop("minimum_pre_commit_version")
    config = {"repos": [{"repo": "local", "hooks": [local]}]}
    (here / ".pre-commit-config.yaml").write_text(yaml.safe_dump(config))
    git(here, "add", "-A")
    home = {"PRE_COMMIT_HOME": str(tmp_path / "store"), "GIT_CONFIG_GLOBAL": os.devnull}
    command = f"'{TOOLS / 'pre-commit'}' run --all-files --color never"
    clean = bash(command, here, tmp_path, bin_folder, **home)
    assert (clean.returncode, clean.stdout.count("\n")) == (0, 1), clean.stdout
    put(here / "::error::ai.jpg", "signed/ai.jpg")
    git(here, "add", "-A")
    stopped = bash(command, here, tmp_path, bin_folder, **home)
    assert stopped.returncode == 1
    assert "HIGH" in stopped.stdout
    assert "clean.jpg" not in stopped.stdout
    checked = bash(
        f"'{TOOLS / 'pre-commit'}' validate-manifest '{ROOT / '.pre-commit-hooks.yaml'}'",
        here,
        tmp_path,
        bin_folder,
        **home,
    )
    assert checked.returncode == 0


def test_the_container_runs_the_command() -> None:
    builder = shutil.which("podman") or shutil.which("buildah")
    if builder is None:
        pytest.skip("neither podman nor buildah is installed: the Containerfile was not built")
    built = subprocess.run(
        [builder, "build", "--file", "Containerfile", "--tag", "provenance-test", "."],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    if "registry" in built.stderr or "namespace" in built.stderr:
        pytest.skip(f"no image can be built here: {built.stderr.strip().splitlines()[-1]}")
    assert built.returncode == 0, built.stderr
