"""What was decided is shown as it was, judged again, and answered by people; nothing is lost."""

import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
from audit_log import Log, Run

ROOT = Path(__file__).parents[2]
SIGNED = ROOT / "fixtures" / "signed"
LOOK = ("--only", "credentials,metadata,text_marks", "--format", "jsonl")


@pytest.fixture
def decided(log: Log, run: Run) -> Log:
    """Return a log of decisions on pictures, a file that is none, and posts."""
    box = log.folder / "box"
    box.mkdir()
    for name in ("ai.jpg", "edited.jpg", "laundered.jpg", "capture-with-ai-mark.jpg"):
        (box / name).write_bytes((SIGNED / name).read_bytes())
    (box / "\x1b[31mred.jpg").write_bytes((SIGNED / "ai.jpg").read_bytes())
    (box / "empty.png").touch()
    log.posts("box/posts.jsonl", 3)
    done = run("scan", "box", "--audit", log.path, *LOOK)
    assert done.returncode == 1, done.stderr
    return log


def number(log: Log, uri: str) -> int:
    return next(e["n"] for e in log.entries() if e.get("item", {}).get("uri") == uri)


def test_a_decision_is_shown_as_it_was(decided: Log, run: Run) -> None:
    n = number(decided, "box/ai.jpg")
    sha256 = decided.entries()[n]["item"]["sha256"]
    shown = run("check", "box/ai.jpg", "--only", "credentials,metadata").stdout
    for said in (str(n), "box/ai.jpg"):
        done = decided.audit("show", said)
        head, _, screen = done.stdout.partition("\n")
        assert re.fullmatch(rf"Line {n}, \S+Z, by \S+\.", head)
        assert screen == shown
    both = decided.audit("show", sha256).stdout
    assert both.count("!! HIGH") == 2
    assert "\x1b" not in both
    assert decided.audit("show", "box/none.jpg").returncode == 1
    assert decided.audit("show", "999").returncode == 1


def test_stored_signals_give_the_stored_verdicts(decided: Log) -> None:
    assert decided.audit("replay").returncode == 0
    assert decided.audit("replay", "0").returncode == 0
    (file,) = decided.files()
    raw = file.read_bytes()
    for old, new in ((b'"risk":"high"', b'"risk":"low"'), (b'"conflict.', b'"conflicx.')):
        assert old in raw
        file.write_bytes(raw.replace(old, new, 1))
        done = decided.audit("replay")
        assert (done.returncode, "1 of 9 decisions do not hold" in done.stdout) == (1, True)
    file.write_bytes(raw.replace(b'"state":"valid"', b'"state":7', 1))
    assert decided.audit("replay").returncode == 1
    file.write_bytes(raw)
    policy = next((decided.path / "settings").glob("*.toml"))
    policy.write_bytes(policy.read_bytes() + b"\n")
    done = decided.audit("replay")
    assert (done.returncode, "was altered" in done.stderr) == (1, True)


def test_another_policy_is_tried_on_what_was_seen(decided: Log, run: Run) -> None:
    then = {e["item"]["uri"]: e["verdict"] for e in decided.entries()}
    lines = run("scan", "box", "--policy", "newsroom", *LOOK).stdout.splitlines()
    now = {r["item"]["uri"]: r["verdict"] for r in map(json.loads, lines)}
    differ = {u for u in then if any(then[u][k] != now[u][k] for k in ("risk", "origin"))}
    done = decided.audit("replay", "--policy", "newsroom")
    assert done.returncode == 0
    assert f"{len(differ)} of 9 decisions would change" in done.stdout
    assert {u for u in then if u in done.stdout} == {u for u in differ if u.isprintable()}
    assert decided.audit("replay", "--policy", "nothing").returncode == 2


def test_items_are_looked_at_again(decided: Log) -> None:
    done = decided.audit("replay", "--items", "box")
    assert done.stdout.endswith(
        "9 of 9 decisions have their item in box; 0 signals of them differ.\n"
    )
    assert done.returncode == 0
    (file,) = decided.files()
    file.write_bytes(file.read_bytes().replace(b"Example App", b"Exemple App", 1))
    done = decided.audit("replay", "--items", "box")
    assert done.returncode == 1
    assert "9 of 9 decisions have their item in box; 1 signals" in done.stdout


def test_appeals_overwrite_nothing_and_are_counted(decided: Log) -> None:
    n = number(decided, "box/ai.jpg")
    before = decided.lines()
    for outcome in ("reversed", "upheld", "reversed", "noted"):
        done = decided.audit("appeal", str(n), "--outcome", outcome, "--reason", "seen\x1b[31m")
        assert done.returncode == 0, done.stderr
    assert decided.lines()[:-4] == before
    assert [e["appeal"]["outcome"] for e in decided.entries()[-4:]][-2:] == ["reversed", "noted"]
    assert {e["appeal"]["line"] for e in decided.entries()[-4:]} == {n}
    assert decided.audit("verify").returncode == 0
    shown = decided.audit("show", str(n)).stdout
    assert re.search(rf"line {n} reversed: seen\\x1b\[31m", shown)
    lines = decided.audit("stats").stdout.splitlines()
    at = next(i for i, line in enumerate(lines) if "credential.ai_declared_unlisted" in line)
    assert lines[at].endswith(": 3, 1, 1")
    assert "100% of appeals reversed (95 % interval 21% to 100%)" in lines[at + 1]
    for args in (("999", "noted"), (str(len(before)), "noted"), (str(n), "maybe")):
        done = decided.audit("appeal", args[0], "--outcome", args[1], "--reason", "x")
        assert done.returncode == 2
    assert len(decided.lines()) == len(before) + 4


def test_statements_of_reasons_leave_the_decision_to_a_person(decided: Log) -> None:
    rows = json.loads(decided.audit("export", "--as", "dsa").stdout)
    assert [row["puid"].rpartition("-")[2] for row in rows] == [
        str(e["n"]) for e in decided.entries() if e["verdict"]["risk"] == "high"
    ]
    for row in rows:
        assert re.fullmatch("[0-9a-f]{64}-[0-9]+", row["puid"])
        assert [row[k] for k in ("decision_visibility", "decision_ground", "category")] == [
            None
        ] * 3
        assert row["content_type"] == ["CONTENT_TYPE_IMAGE", "CONTENT_TYPE_SYNTHETIC_MEDIA"]
        assert (row["automated_detection"], row["source_type"]) == ("Yes", "SOURCE_VOLUNTARY")
        assert row["automated_decision"] == "AUTOMATED_DECISION_NOT_AUTOMATED"
        assert "The date of the content is not known" in row["decision_facts"]
        assert "ExampleGen made it with AI" in row["decision_facts"]
    decision = decided.folder / "decision.json"
    decision.write_text('{"category": "STATEMENT_CATEGORY_SCAMS_AND_FRAUD"}')
    options = ("--as", "dsa", "--fail-on", "review", "--decision", decision)
    rows = json.loads(decided.audit("export", *options).stdout)
    assert {row["category"] for row in rows} == {"STATEMENT_CATEGORY_SCAMS_AND_FRAUD"}
    (post,) = [row for row in rows if "CONTENT_TYPE_TEXT" in row["content_type"]]
    assert post["content_date"] == "2026-11-01"
    assert "date of the content" not in post["decision_facts"]
    decision.write_text("[]")
    assert decided.audit("export", *options).returncode == 2


def test_provenance_data_and_the_table(decided: Log) -> None:
    decided.audit("appeal", "0", "--outcome", "upheld", "--reason", "x")
    rows = json.loads(decided.audit("export", "--as", "ca-22757").stdout)
    named = {row["uri"]: row for row in rows}
    fields = ("available", "system_or_device", "signatures", "altered")
    assert {field: named["box/ai.jpg"][field] for field in fields} == {
        "available": True, "system_or_device": "ExampleGen", "signatures": True, "altered": False
    }  # fmt: skip
    assert named["box/edited.jpg"]["altered"] is True
    assert {field: named["box/empty.png"][field] for field in fields} == {
        "available": False, "system_or_device": None, "signatures": False, "altered": None
    }  # fmt: skip
    head, first, *_ = decided.audit("export", "--as", "csv").stdout.splitlines()
    assert (
        head == "n,time,actor,uri,sha256,kind,media_type,risk,origin,complete,policy,codes,appeals"
    )
    assert first.endswith(",upheld")
    assert json.loads(decided.audit("export", "--as", "dsa", "--since", "2100-01-01").stdout) == []
    assert decided.audit("export", "--as", "dsa", "--since", "soon").returncode == 2


def test_somebody_else_can_verify_with_the_page_alone(decided: Log) -> None:
    page = (ROOT / "docs" / "audit.md").read_text("utf-8")
    (code,) = re.findall(r"```python\n(.*?)```", page, re.DOTALL)
    assert len(code.splitlines()) <= 60
    script = decided.folder / "verify_log.py"
    script.write_text(code, "utf-8")
    kept = decided.folder / "kept"
    kept.write_bytes((decided.path / "checkpoint").read_bytes())
    decided.audit("appeal", "0", "--outcome", "noted", "--reason", "x")

    def verified(*more: Path) -> "subprocess.CompletedProcess[str]":
        command = [
            sys.executable,
            "-I",
            script,
            decided.path,
            decided.key.with_name("key.pub"),
            *more,
        ]
        return subprocess.run(command, capture_output=True, text=True, check=False)

    done = verified(kept)
    assert (done.returncode, done.stdout) == (0, "10 lines hold\n"), done.stderr
    (file,) = decided.files()
    raw = file.read_bytes()
    file.write_bytes(raw.replace(b'"risk":"high"', b'"risk":"low"', 1))
    assert "does not hold: line" in verified().stderr
    file.write_bytes(raw)
    body = next((decided.path / "settings").iterdir())
    whole = body.read_bytes()
    body.write_bytes(b"x")
    assert body.name in verified().stderr
    body.write_bytes(whole)
    file.write_bytes(b"".join(raw.splitlines(keepends=True)[:-1]))
    assert "does not hold: 10 lines were signed" in verified().stderr
    newer = (decided.path / "checkpoint").read_bytes()
    (decided.path / "checkpoint").write_bytes(kept.read_bytes())
    kept.write_bytes(newer)
    assert verified().returncode == 0
    assert verified(kept).returncode == 1
