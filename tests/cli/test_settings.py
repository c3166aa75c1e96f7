"""Configuration: whose file is obeyed, that every value has an origin, and errors name the line."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from detectors.bank.folder.store import create
from provenance.cli import settings
from provenance.cli.configuration import load

Run = Callable[..., Any]
MARKED = "As an AI language model, I cannot write this for you. I hope this helps."
OFF = 'only = ["text_credentials"]\nfail_on = "never"\n'
"""What a sender's file would like: nothing that finds, nothing that fails."""


@pytest.fixture
def takedown(tmp_path: Path) -> Path:
    """A folder with a marked text in it, and a project's folder beside it."""
    folder = tmp_path / "work" / "takedown"
    (folder / "deep").mkdir(parents=True)
    (tmp_path / "work" / "desk").mkdir()
    (folder / "deep" / "a.txt").write_text(MARKED)
    return folder


def test_the_nearest_file_wins_and_is_named(run: Run, tmp_path: Path) -> None:
    project = tmp_path / "project"
    (project / "deep").mkdir(parents=True)
    (project / "pyproject.toml").write_text('\n[tool.provenance]\npolicy = "newsroom"\n')
    assert run("config", "allow", cwd=project / "deep").returncode == 0
    shown = run("config", "show", "--origin", cwd=project / "deep", PROVENANCE_SHOW="review").stdout
    assert f'policy = "newsroom"  # {project / "pyproject.toml"}:3' in shown
    assert 'show = "review"  # PROVENANCE_SHOW' in shown
    assert 'fail_on = "high"  # default' in shown
    (project / "deep" / "provenance.toml").write_text('policy = "posts"\n')
    assert run("config", "allow", cwd=project / "deep").returncode == 0
    assert 'policy = "posts"' in run("config", "show", cwd=project / "deep").stdout


def test_no_command_obeys_the_file_of_a_folder_one_stands_in(run: Run, takedown: Path) -> None:
    (takedown / "provenance.toml").write_text('policy = "posts"\nbank = ["gone.bank"]\n')
    for command in (("config", "show"), ("doctor",)):
        done = run(*command, cwd=takedown)
        assert done.returncode == 0, done.stdout
        assert "gone.bank" not in done.stdout
        said = " ".join((done.stdout + done.stderr).split())
        assert f"{takedown / 'provenance.toml'} is not obeyed" in said
    run("config", "allow", cwd=takedown)
    assert run("doctor", cwd=takedown).returncode == 3
    assert "gone.bank" in run("config", "show", cwd=takedown).stdout


def test_a_variable_holds_one_value_or_a_list(run: Run, records: Run, takedown: Path) -> None:
    for name in ("in deep", "[ab]c"):
        (takedown / name).mkdir()
        (takedown / name / "b.txt").write_text("words")

    def left(pattern: str) -> list[str]:
        only = ("--only", "text_marks")
        said = records("scan", takedown, *only, PROVENANCE_EXCLUDE=pattern, cwd=takedown)
        return [Path(record["item"]["uri"]).parent.name for record in said]

    assert left("in deep") == ["[ab]c", "deep"]
    assert left('["in deep", "deep"]') == ["[ab]c"]
    assert left("[i]n deep") == ["[ab]c", "deep"]
    shown = run("config", "show", PROVENANCE_BANK='["my own.bank", "b.bank"]').stdout
    assert 'bank = ["my own.bank", "b.bank"]' in shown
    for call in (("scan", takedown), ("config", "show")):
        done = run(*call, PROVENANCE_EXCLUDE='["a", 3]')
        assert (done.returncode, done.stdout) == (2, "")
        assert "PROVENANCE_EXCLUDE" in done.stderr


def test_banks_and_models_of_variables_may_have_blanks(run: Run, tmp_path: Path) -> None:
    create(tmp_path / "my own.bank", "2026-01-01T00:00:00Z")
    (tmp_path / "a.txt").write_text("words")
    check = ("check", "a.txt", "--only", "text_marks,known_fakes", "--format", "jsonl")
    assert run(*check, PROVENANCE_BANK="my own.bank").returncode == 0
    missing = run(*check, PROVENANCE_BANK='["my own.bank", "your own.bank"]')
    assert (missing.returncode, "your own.bank: there is no such bank" in missing.stderr) == (
        2,
        True,
    )
    done = run("check", "a.txt", PROVENANCE_MODEL="text_model=no such model")
    assert (done.returncode, "no such model" in done.stderr) == (2, True)


def test_the_user_s_file_holds_everywhere(run: Run, records: Run, takedown: Path) -> None:
    folder = takedown.parent.parent / "home" / ".config" / "provenance"
    folder.mkdir(parents=True)
    (folder / "provenance.toml").write_text('policy = "posts"\nbank = ["b.bank"]\n')
    shown = run("config", "show").stdout
    assert 'policy = "posts"' in shown
    assert f'bank = ["{folder / "b.bank"}"]' in shown
    (record,) = records("scan", takedown, "--only", "text_marks", cwd=takedown)
    assert record["verdict"]["policy"]["name"] == "posts"
    (folder / "a.txt").write_text("words")
    assert run("check", "a.txt", "--only", "text_marks", cwd=folder).stderr == ""


@pytest.mark.parametrize("name", ["provenance.toml", "pyproject.toml"])
@pytest.mark.parametrize("place", ["..", ".", "deep"])
@pytest.mark.parametrize("source", [".", "../takedown", "deep/a.txt"])
def test_a_file_near_the_items_is_not_obeyed(
    takedown: Path, monkeypatch: pytest.MonkeyPatch, name: str, place: str, source: str
) -> None:
    monkeypatch.setenv("HOME", str(takedown.parent.parent / "home"))
    monkeypatch.chdir(takedown / place)
    text = OFF if name == "provenance.toml" else f"[tool.provenance]\n{OFF}"
    for written in (text, "[tool.provenance\n" + "[" * 5000):  # which is not even parsed
        Path(name).write_text(written)
        found = load([os.path.relpath(takedown / source)])
        assert (found.settings, found.files) == (settings.Settings(), [])
        assert found.ignored.startswith(f"{(takedown / place / name).resolve()} is not obeyed")


def test_a_sender_s_file_switches_nothing_off(run: Run, takedown: Path) -> None:
    (takedown / "provenance.toml").write_text(OFF)
    options = ("--without", "text_model", "--fail-on", "review", "--format", "jsonl")
    done = run("scan", ".", *options, cwd=takedown)
    assert (done.returncode, "text_marks.residue" in done.stdout) == (1, True)
    assert f"{takedown / 'provenance.toml'} is not obeyed" in done.stderr


def test_a_link_does_not_lead_away_from_the_items(run: Run, takedown: Path) -> None:
    (takedown / "deep" / "a.txt").rename(takedown.parent.parent / "a.txt")
    (takedown / "link.txt").symlink_to(takedown.parent.parent / "a.txt")
    (takedown / "provenance.toml").write_text(OFF)
    options = ("--without", "text_model", "--fail-on", "review")
    done = run("check", "link.txt", *options, cwd=takedown)
    assert done.returncode == 1
    (takedown.parent / "desk" / "provenance.toml").symlink_to(takedown / "provenance.toml")
    done = run("scan", takedown, *options, cwd=takedown.parent / "desk")
    assert "is not obeyed" in done.stderr


def test_a_project_beside_the_items_is_obeyed(run: Run, takedown: Path) -> None:
    desk = takedown.parent / "desk"
    (desk / "provenance.toml").write_text('fail_on = "review"\nonly = ["text_marks"]\n')
    for source in ("../takedown", "-"):
        done = run("scan" if source != "-" else "check", source, cwd=desk, stdin=MARKED.encode())
        assert (done.returncode, done.stderr) == (1, "")


def test_a_file_that_is_named_is_obeyed(run: Run, takedown: Path) -> None:
    (takedown / "own.toml").write_text('only = ["text_marks"]\nfail_on = "review"\n')
    (takedown / "provenance.toml").write_text("broken")
    assert run("scan", ".", "--config", "own.toml", cwd=takedown).returncode == 1
    done = run("scan", ".", cwd=takedown, PROVENANCE_CONFIG="own.toml")
    assert (done.returncode, done.stderr) == (1, "")
    assert run("scan", ".", "--config", "none.toml", cwd=takedown).returncode == 2


def test_a_version_that_was_allowed_is_obeyed_without_a_word(run: Run, takedown: Path) -> None:
    file = takedown / "provenance.toml"
    file.write_text('only = ["text_marks"]\nfail_on = "review"\n')
    said = run("config", "show", "--origin", cwd=takedown)
    assert "provenance config allow" in said.stderr
    assert run("config", "allow", cwd=takedown).returncode == 0
    done = run("scan", ".", cwd=takedown)
    assert (done.returncode, done.stderr) == (1, "")
    assert run("config", "show", "--origin", cwd=takedown).stderr == ""
    file.write_text(OFF)
    done = run("scan", ".", "--only", "text_marks", cwd=takedown)
    assert "not the version that was allowed" in done.stderr


def test_a_source_that_cannot_be_looked_at_is_an_item(run: Run, takedown: Path) -> None:
    long = "a" * 5000
    done = run("check", long, "--only", "text_marks", "--format", "jsonl", cwd=takedown)
    assert (done.returncode, done.stdout.count("item.unreadable")) == (3, 1)


def test_a_working_folder_that_was_removed_configures_nothing(
    tmp_path: Path,
) -> None:
    gone = tmp_path / "gone"
    gone.mkdir()
    script = f"rmdir {gone} && exec {sys.executable} -m provenance check - --only text_marks"
    done = subprocess.run(
        ["/bin/sh", "-c", script], cwd=gone, input=b"words", capture_output=True, check=False,
        env=os.environ | {"PYTHONSAFEPATH": "1", "HOME": str(tmp_path)},
    )  # fmt: skip
    assert done.returncode == 0, done.stderr.decode()


def test_what_cannot_be_obeyed_cannot_be_allowed(run: Run, takedown: Path) -> None:
    (takedown / "provenance.toml").write_text('fail_on = "revue"\n')
    done = run("config", "allow", cwd=takedown)
    assert (done.returncode, "provenance.toml:1" in done.stderr) == (2, True)
    assert run("config", "allow", cwd=takedown.parent).returncode == 2
    assert not (takedown.parent.parent / "home" / ".config" / "provenance").exists()


def test_a_pyproject_of_others_says_nothing(run: Run, takedown: Path) -> None:
    desk = takedown.parent / "desk"
    (desk.parent / "pyproject.toml").write_text("[project]\nname = 'x'\n")
    for text in ("tool = 3\n", "tool.provenance = 3 # provenance\n", "broken"):
        (desk / "pyproject.toml").write_text(text.replace(".provenance", ""))
        done = run("scan", takedown, "--only", "text_marks", cwd=desk)
        assert (done.returncode, done.stderr) == (0, "")
    assert run("check", desk / "pyproject.toml", cwd=desk).stderr == ""


def test_keys_take_the_place_of_options(run: Run, takedown: Path) -> None:
    (takedown.parent / "desk" / "provenance.toml").write_text(
        'only = ["text_marks"]\nexclude = ["deep"]\nformat = "jsonl"\njobs = 1\nfast = true\n'
        'device = "cpu"\nshow = "low"\n[model]\ntext_model = "m"\n'
    )
    desk = takedown.parent / "desk"
    done = run("scan", takedown, cwd=desk)
    assert (done.stdout, done.returncode) == ("", 0)
    assert run("scan", takedown, "--exclude", "x", cwd=desk).stdout.startswith('{"schema"')
    named = {"PROVENANCE_CONFIG": str(desk / "provenance.toml"), "PROVENANCE_SHOW": "high"}
    shown = run("config", "show", cwd=desk, **named).stdout
    for line in ('exclude = ["deep"]', 'show = "high"', f'model = {{"text_model": "{desk}/m"}}'):
        assert line in shown
    assert run("check", "-", cwd=desk, stdin=b"words").stdout.startswith('{"schema"')
    done = run("check", "-", cwd=desk, stdin=b"words", PROVENANCE_FORMAT="terminal")
    assert done.stdout.startswith("? ")
    (desk / "provenance.toml").write_text('format = "json"\n')
    done = run("scan", takedown, cwd=desk)
    assert (done.returncode, "use one of terminal, jsonl" in done.stderr) == (2, True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ('fail_on = "high"\npolcy = "x"\n', "c.toml:2: unknown key 'polcy'; did you mean 'policy'"),
        ("\njobs = 'two'\n", "c.toml:2:"),
        ("jobs = -1\n", "c.toml:1:"),
        ("[rows", "c.toml:1: not TOML"),
        ('\nfail_on = "revue"', "c.toml:2: unknown word 'revue'; did you mean 'review'?"),
        ('show = "never"', "c.toml:1: unknown word 'never'; use one of high"),
        ('policy = "newsrom"', "c.toml:1: policy 'newsrom' is unknown; did you mean 'newsroom'?"),
        ('lang = "xx"', "c.toml:1: lang 'xx' is unknown"),
        ('\nonly = ["metdata"]', "c.toml:2: only: unknown detector 'metdata': did you mean"),
        ("[detectors.nosuch]\na = 1\n", "c.toml:1: detectors: unknown detector"),
        ("[detectors.credentials]\na = 1\n", "credentials"),
        ("a = " + "[" * 40 + "]" * 40, "c.toml:1: TOML nested more than 32 levels"),
        (f"jobs = {'9' * 5000}", "c.toml:1: not TOML that can be used"),
        ("#" * 2**20 + "\n", "larger than 1 MiB"),
    ],
)
def test_errors_name_the_place(run: Run, tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "c.toml").write_text(text)
    (tmp_path / "a.txt").write_text("words")
    done = run("check", "a.txt", "--config", "c.toml")
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
    assert "Traceback" not in done.stderr


def test_a_key_of_another_tool_is_not_mistaken_for_ours(run: Run, tmp_path: Path) -> None:
    text = '[tool.other]\nfail_on = 3\n[tool.provenance]\nfail_on = "x"\n'
    (tmp_path / "pyproject.toml").write_text(text)
    done = run("check", "a.txt", "--config", "pyproject.toml")
    assert "pyproject.toml:4: unknown word 'x'" in done.stderr
