"""`provenance case`: what is known of accounts, and what of it leaves."""

import csv
import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any
from xml.etree import ElementTree as ET

import msgspec
import pymisp
import pytest
from hypothesis import given
from hypothesis import strategies as st
from playwright.sync_api import sync_playwright
from stix2validator import ValidationOptions, validate_string

from detectors.decode.sniff import Kind
from detectors.signal import Claim, Outcome, Reason, Signal, Tier
from provenance.cases.tally import Tally
from provenance.record import Described, Origin, PolicyName, Record, Risk, Tool, Verdict

Command = Callable[..., str]
ONE, TWO = {f"one{n}" for n in range(4)}, {f"two{n}" for n in range(5)}


@pytest.fixture(scope="session")
def case(scene: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads((scene / "case/case.json").read_text())
    return found


@pytest.fixture(scope="session")
def accounts(case: dict[str, Any]) -> dict[str, Any]:
    return {account["account_id"]: account for account in case["accounts"]}


def test_accounts_that_act_together_ask_for_a_look_and_no_more(
    case: dict[str, Any], accounts: dict[str, Any]
) -> None:
    assert {frozenset(each["accounts"]) for each in case["clusters"]} == {
        frozenset(ONE),
        frozenset(TWO),
    }
    for name in ONE | TWO:
        assert accounts[name]["risk"] == "review"
        (signal,) = [s for s in accounts[name]["signals"] if s["tier"] == "coordination"]
        assert (signal["claim"], signal["part"]) == ("coordinated", "network")
    assert case["counts"]["accounts_in_clusters"] == 9
    assert "does not prove" in case["does_not_prove"]


def test_strangers_stay_below_review_but_for_a_match_or_a_credential(
    accounts: dict[str, Any],
) -> None:
    risks = {name: accounts[name]["risk"] for name in accounts if name not in ONE | TWO}
    assert {name for name, risk in risks.items() if risk == "high"} == {"stranger0", "stranger2"}
    assert {risk for risk in risks.values() if risk != "high"} == {"inconclusive"}
    (match,) = accounts["stranger0"]["bank_matches"]
    assert (match["entry"], match["tlp"], match["part"]) == ("kept-a", "AMBER", "avatar")
    assert "sentence" in accounts["stranger2"]
    assert "signed history" in accounts["stranger2"]["sentence"]


def test_a_cut_avatar_is_the_same_picture(accounts: dict[str, Any]) -> None:
    same = {name: account["same_picture_as"] for name, account in accounts.items()}
    assert {name: others for name, others in same.items() if others} == {
        "two0": ["two1"],
        "two1": ["two0"],
    }


def test_what_was_not_looked_at_is_said(case: dict[str, Any], accounts: dict[str, Any]) -> None:
    gaps = {(gap["what"], gap.get("count")) for gap in case["not_assessed"]}
    assert ("avatars", 1) in gaps  # outside the folder of the file
    assert ("same_image", None) in gaps
    assert accounts["stranger3"]["avatar"] is None


def test_every_post_is_counted_once(case: dict[str, Any], scene: Path) -> None:
    posts = [json.loads(line) for line in (scene / "posts.jsonl").read_text().splitlines()]
    assert sum(account["posts"]["checked"] for account in case["accounts"]) == len(posts)
    assert sum(hour["posts"] for hour in case["timeline"]) == len(posts)
    members = sum(sum(hour["by_cluster"].values()) for hour in case["timeline"])
    assert members == sum(post["account_id"] in ONE | TWO for post in posts)


def test_a_case_is_the_same_from_its_run_and_its_document(
    scene: Path, command: Command, rebuild: Callable[..., None]
) -> None:
    document = command("coordination", "posts.jsonl", "--texts", "--format", "json")
    (scene / "clusters.json").write_text(document)
    rebuild("again", "--run", "case/run", "--coordination", "clusters.json")
    first, again = (scene / name / "case.json" for name in ("case", "again"))
    assert first.read_bytes() == again.read_bytes()
    assert (scene / "case/case.html").read_bytes() == (scene / "again/case.html").read_bytes()


def test_show_tells_the_case_and_an_account(command: Command) -> None:
    whole, one = command("case", "show", "case"), command("case", "show", "case", "h_two0")
    assert "23 accounts (high 2, review 9, inconclusive 12)" in whole
    assert one.startswith("REVIEW  two0 @h_two0\n")
    assert "The same picture as: two1" in one


FORMATS = ("html", "json", "stix", "misp", "graphml", "csv", "markdown")


@pytest.fixture(scope="session")
def exports(scene: Path, command: Command) -> dict[str, str]:
    for form in FORMATS:
        command("case", "export", "case", "--as", form, "--out", f"out.{form}")
    return {form: (scene / f"out.{form}").read_text() for form in FORMATS}


@pytest.mark.parametrize("form", FORMATS)
def test_ids_names_and_texts_do_not_leave(form: str, exports: dict[str, str], scene: Path) -> None:
    text = exports[form]
    assert not re.search(r"stranger\d|\b(?:one|two)\d|h_one|alert\(1\)|C calc", text)
    posts = [json.loads(line) for line in (scene / "posts.jsonl").read_text().splitlines()]
    assert not any(" ".join(post["text"].split()[:3]) in text for post in posts)


def test_stix_is_valid_and_attributes_nothing(exports: dict[str, str]) -> None:
    assert validate_string(exports["stix"], ValidationOptions(version="2.1")).is_valid
    objects = json.loads(exports["stix"])["objects"]
    kinds = {each["type"] for each in objects}
    assert not kinds & {"threat-actor", "intrusion-set", "campaign"}
    assert sum(each["type"] == "user-account" for each in objects) == 9
    assert [each["value"] for each in objects if each["type"] == "url"] == [
        "https://shop.example/buy?id=7"
    ]


def test_misp_is_read_by_its_own_library(exports: dict[str, str]) -> None:
    event = pymisp.MISPEvent()
    event.from_json(exports["misp"])
    assert len(event.objects) == 9
    assert [tag.name for tag in event.tags] == ["tlp:amber"]


def test_graphml_has_members_and_the_pairs_between_them(exports: dict[str, str]) -> None:
    graph = ET.fromstring(exports["graphml"])  # noqa: S314 - ours
    space = "{http://graphml.graphdrawing.org/xmlns}"
    assert len(list(graph.iter(f"{space}node"))) == 9
    assert len(list(graph.iter(f"{space}edge"))) == 4 * 3 // 2 + 5 * 4 // 2


def test_indicators_are_defanged_and_no_formula(exports: dict[str, str]) -> None:
    rows = list(csv.DictReader(io.StringIO(exports["csv"])))
    assert {row["Indicator"] for row in rows if row["Type"] == "same_url"} == {
        "shop[.]example/buy?id=7"
    }
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert len({row["Cluster"] for row in rows}) == 2


def test_the_frame_has_gaps_that_notes_fill(
    exports: dict[str, str], scene: Path, command: Command
) -> None:
    assert "[to be filled in: who is behind these accounts" in exports["markdown"]
    assert "shop[.]example" in exports["markdown"].replace("\\", "")
    (scene / "notes.toml").write_text('who = "Nobody we could name."\n"Our view" = "Text."\n')
    command("case", "export", "case", "--as", "markdown", "--notes", "notes.toml", "--out", "n.md")
    text = (scene / "n.md").read_text()
    assert "Nobody we could name." in text
    assert "## Our view\n\nText." in text
    assert "[to be filled in: who" not in text
    assert "[to be filled in: why they post" in text


def test_names_leave_to_somebody_who_is_named(scene: Path, command: Command) -> None:
    command("case", "export", "case", "--as", "json", "--tlp", "RED", "--to", "desk", "--out", "r")
    assert "h_two0" in (scene / "r").read_text()
    with pytest.raises(AssertionError, match="say who they are with --to"):
        command("case", "export", "case", "--as", "json", "--tlp", "RED", "--out", "s")
    assert not (scene / "s").exists()


def test_an_entry_for_a_smaller_circle_is_told_without_its_id(
    scene: Path, command: Command
) -> None:
    matches = {}
    for tlp in ("GREEN", "AMBER"):
        command("case", "export", "case", "--as", "json", "--tlp", tlp, "--out", tlp)
        told = json.loads((scene / tlp).read_text())["accounts"]
        (matches[tlp],) = [m for account in told for m in account["bank_matches"]]
    assert [matches[tlp]["entry"] for tlp in ("GREEN", "AMBER")] == [None, "kept-a"]


def test_one_key_gives_one_set_of_ids(scene: Path, command: Command) -> None:
    for name in ("k1", "k2"):
        (scene / name).write_bytes(name.encode() * 16)
    for out, name in (("a", "k1"), ("b", "k1"), ("c", "k2")):
        command("case", "export", "case", "--as", "graphml", "--key", name, "--out", out)
    a, b, c = ((scene / name).read_text() for name in "abc")
    assert a == b != c


def test_the_page_is_used_by_hand_and_by_keys_and_asks_for_nothing(scene: Path) -> None:
    noise: list[str] = []
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path="/usr/bin/chromium", args=["--no-sandbox"])
        page = browser.new_page(viewport={"width": 1280, "height": 900})
        page.on("request", lambda r: None if r.url.startswith("file:") else noise.append(r.url))
        page.on("console", lambda m: noise.append(m.text) if m.type == "error" else None)
        page.on("dialog", lambda d: (noise.append(d.message), d.dismiss()))
        page.goto((scene / "case/case.html").as_uri())
        button = page.get_by_role("button", name="@h_two0")
        button.focus()
        page.keyboard.press("Enter")
        assert button.get_attribute("aria-expanded") == "true"
        assert page.get_by_text("Selected: @h_two0").is_visible()
        page.locator("#network").focus()
        page.keyboard.press("Enter")
        assert page.locator("tr.account.chosen").count() == 1
        page.locator("#search").fill("stranger0")
        assert page.locator("tr.account:visible").count() == 1
        assert page.evaluate("document.documentElement.scrollWidth") <= 1280
        page.set_viewport_size({"width": 360, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= 360
        browser.close()
    assert noise == []


def record(log10_lr: float | None) -> Record:
    outcome = Outcome.FINDING if (log10_lr or 0) >= 0.3 else Outcome.CLEAR
    signal = Signal(
        detector="text_model",
        tier=Tier.STATISTICAL,
        outcome=Outcome.NOT_ASSESSED if log10_lr is None else outcome,
        claim=Claim.AI_GENERATED if log10_lr and log10_lr >= 0.3 else None,
        log10_lr=log10_lr,
        source="text",
        reason=Reason("text_model.score"),
    )
    item = Described(uri="p", kind=Kind.POST, media_type=None, bytes=None, sha256=None, facts={},
                     fingerprints={})  # fmt: skip
    verdict = Verdict(risk=Risk.INCONCLUSIVE, origin=Origin.UNKNOWN, reasons=[], not_assessed=[],
                      complete=True, policy=PolicyName(name="p", sha256="0" * 64))  # fmt: skip
    tool = Tool(name="t", version="1", date="2026-01-01", detectors={})
    return Record(item=item, signals=[signal], verdict=verdict, tool=tool, elapsed_ms=0)


@given(st.lists(st.one_of(st.none(), st.floats(-2, 3)), min_size=1, max_size=40), st.randoms())
def test_posts_together_never_say_more_than_the_strongest(ratios: list[Any], rng: Any) -> None:
    """The mean of ratios: no more than the largest, and the order of posts does not matter."""
    tally, other = Tally(), Tally()
    for ratio in ratios:
        tally.add(record(ratio))
    for ratio in rng.sample(ratios, len(ratios)):
        other.add(record(ratio))
    said = [s.log10_lr for s in tally.signals() if s.log10_lr is not None]
    assert said == [s.log10_lr for s in other.signals() if s.log10_lr is not None]
    assert all(value <= max(r for r in ratios if r is not None) + 0.01 for value in said)


def test_who_posts_much_is_not_accused_for_one_odd_post() -> None:
    tally = Tally()
    for ratio in [2.0, *[-1.0] * 99]:
        tally.add(record(ratio))
    assert [s.outcome for s in tally.signals()] == [Outcome.CLEAR]
    assert msgspec.to_builtins(tally.posts()) == {
        "checked": 100, "risk": {"inconclusive": 100}, "worst": [],
    }  # fmt: skip
