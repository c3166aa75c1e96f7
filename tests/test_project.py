"""What stands around the code: workflows, forms, the citation, and the documentation as a site."""

import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import msgspec
import pytest
import yaml

from detectors.text_marks.table import marks as text_marks
from provenance.messages import table
from provenance.version import __version__

ROOT = Path(__file__).parent.parent
GITHUB = ROOT / ".github"
WORKFLOWS = sorted((GITHUB / "workflows").glob("*.yml"))
FORMS = {path.stem: yaml.safe_load(path.read_text("utf-8"))
         for path in (GITHUB / "ISSUE_TEMPLATE").glob("*.yml")}  # fmt: skip
USES = re.compile(r"uses: (.+)")
PINNED = re.compile(r"[\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+")
ANCHOR = re.compile(r'<a id="([^"]+)">')
RECORDS = Path(__file__).parent / "render" / "records-0.1.jsonl"


def test_zizmor_finds_nothing_in_the_workflows(tmp_path: Path) -> None:
    shutil.copytree(GITHUB, tmp_path / ".github")
    shutil.copy(ROOT / "action.yml", tmp_path)
    zizmor = Path(sys.executable).with_name("zizmor")
    done = subprocess.run(
        [zizmor, "--offline", "--no-progress", "."],
        cwd=tmp_path, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout
    assert "No findings to report" in done.stdout


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.stem)
def test_a_workflow_pins_what_it_uses_and_may_do_nothing_by_itself(path: Path) -> None:
    text = path.read_text("utf-8")
    used = USES.findall(text)
    assert [name for name in used if not PINNED.fullmatch(name)] == []
    workflow = yaml.safe_load(text)
    assert used
    assert workflow["permissions"] == {}
    assert all("timeout-minutes" in job for job in workflow["jobs"].values())


def test_every_version_of_python_that_is_promised_is_tried() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))["project"]
    jobs = yaml.safe_load((GITHUB / "workflows/tests.yml").read_text("utf-8"))["jobs"]
    tried = jobs["linux"]["strategy"]["matrix"]["python"]
    assert project["requires-python"] == f">={tried[0]}"
    assert [int(version.removeprefix("3.")) for version in tried] == [11, 12, 13, 14]


def test_a_wrong_verdict_is_reported_by_its_record() -> None:
    assert set(FORMS) == {"config", "wrong-verdict", "new-mark", "bank"}
    required = {
        field["id"]
        for field in FORMS["wrong-verdict"]["body"]
        if field.get("validations", {}).get("required")
    }
    assert "record" in required
    for name, form in FORMS.items():
        kinds = [field["type"] for field in form.get("body", [])]
        assert set(kinds) <= {"markdown", "textarea", "input", "dropdown", "checkboxes"}, name


def test_the_citation_is_of_this_version() -> None:
    citation = yaml.safe_load((ROOT / "CITATION.cff").read_text("utf-8"))
    assert citation["version"] == __version__
    assert {"cff-version", "message", "title", "authors"} <= citation.keys()


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Build the documentation as a site; a link or anchor that leads nowhere ends it."""
    pytest.importorskip("material")
    folder = tmp_path_factory.mktemp("site")
    command = [sys.executable, "-m", "mkdocs", "build", "--quiet", "--strict", "--site-dir", folder]
    done = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder


def test_every_mark_has_an_anchor_in_the_site(site: Path) -> None:
    anchors = ANCHOR.findall((site / "marks.html").read_text("utf-8"))
    pictures = tomllib.loads((ROOT / "detectors/metadata/marks.toml").read_text("utf-8"))
    wanted = {mark["id"] for mark in pictures["mark"]} | {mark.id for mark in text_marks()}
    assert set(anchors) == wanted
    assert len(anchors) == len(wanted)


def test_every_reason_of_a_record_has_an_anchor_in_the_site(site: Path) -> None:
    anchors = ANCHOR.findall((site / "reasons.html").read_text("utf-8"))
    assert len(anchors) == len(set(anchors))
    assert set(anchors) <= table().keys()
    said = {
        signal["reason"]["code"]
        for line in RECORDS.read_bytes().splitlines()
        for signal in msgspec.json.decode(line)["signals"]
    }
    assert len(said) > 10
    assert said <= set(anchors)


def test_the_site_fetches_nothing_from_elsewhere(site: Path) -> None:
    for page in site.rglob("*.html"):
        loaded = re.findall(
            r'<(?:script|link|img|iframe)[^>]+(?:src|href)="([^"]+)"', page.read_text("utf-8")
        )
        assert [each for each in loaded if re.match(r"(?:https?:)?//", each)] == [], page.name
