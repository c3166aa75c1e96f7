"""What anna publishes, ben follows: entries, changes, withdrawals, and nothing that was altered."""

import gzip
import hashlib
import json
import shutil
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pymisp
import pytest

from provenance.feeds import health

Row = dict[str, Any]
Entry = Callable[..., Row]


def files(folder: Path) -> dict[str, bytes]:
    return {
        str(path.relative_to(folder)): path.read_bytes()
        for path in sorted(folder.rglob("*"))
        if path.is_file() and path.name != "lock"
    }


def test_entries_changes_and_withdrawals_travel(
    anna: Any, follows: Any, feed: Path, entry: Entry
) -> None:
    assert follows.states() == {"a": "active", "b": "active"}
    assert follows("feed", "update").stdout == ""
    anna("bank", "withdraw", "--bank", anna.bank, "--reason", "a real person asked", "a")
    anna.takes(entry("c", 3))
    anna.publishes(feed)
    assert "sequence 1 to 2: 1 added, 1 withdrawn" in follows("feed", "update").stdout
    assert follows.states() == {"a": "withdrawn", "b": "active", "c": "active"}
    (row,) = json.loads(follows("feed", "status", "--format", "json").stdout)
    assert (row["sequence"], row["age_days"], row["expired"]) == (2, 0, False)


def test_a_withdrawal_is_disputed_where_the_follower_decides(
    anna: Any, ben: Any, feed: Path
) -> None:
    root = feed / "metadata/1.root.json"
    print_of = hashlib.sha256(root.read_bytes()).hexdigest()
    ben("feed", "follow", feed, "--fingerprint", print_of, "--bank", ben.bank, "--prefix", "al/",
        "--name", "al", "--dispute-withdrawn")  # fmt: skip
    ben("feed", "update", "al")
    anna("bank", "withdraw", "--bank", anna.bank, "--reason", "wrong", "a")
    anna.publishes(feed)
    asks = {"_PROVENANCE_COMPLETE": "bash_complete", "COMP_CWORD": "3"}
    assert ben(COMP_WORDS="provenance feed update a", **asks).stdout == "plain,al\n"
    ben("feed", "update")
    assert ben.states() == {"al/a": "disputed", "al/b": "active"}
    ben("feed", "unfollow", "al", "--withdraw-entries")
    assert set(ben.states().values()) == {"withdrawn"}
    assert ben("feed", "list").stdout == ""


def test_what_is_stricter_than_the_feed_stays_and_what_was_raised_leaves_no_hash(
    anna: Any, follows: Any, feed: Path, entry: Entry
) -> None:
    anna.takes(entry("red", 4, tlp="RED"), entry("amber", 5, tlp="AMBER"))
    raised = entry("a", 1, tlp="AMBER", modified="2026-11-02T00:00:00Z")
    anna.takes(raised)
    done = anna.publishes(feed)
    assert "held back 3 entries stricter than TLP:GREEN" in done.stdout
    told = b"".join(
        gzip.decompress(data) if name.endswith(".gz") else data
        for name, data in files(feed).items()
    )
    for row in (raised, entry("red", 4), entry("amber", 5)):
        assert row["hashes"]["pdq"][0]["value"].encode() not in told
    assert b'"red"' not in told
    assert b'"amber"' not in told
    follows("feed", "update")
    assert follows.states() == {"a": "withdrawn", "b": "active"}


def test_publishing_the_same_again_changes_the_time_stamp_alone(anna: Any, feed: Path) -> None:
    for command in (("publish", feed, "--bank", anna.bank), ("renew", feed)):
        before = files(feed)
        anna("feed", *command)
        after = files(feed)
        changed = {name for name in before | after if before.get(name) != after.get(name)}
        assert changed == {"metadata/timestamp.json"}


def test_an_entry_that_left_without_a_word_is_disputed_and_named(
    anna: Any, follows: Any, feed: Path, entry: Entry
) -> None:
    follows.takes(entry("own", 9))
    shutil.rmtree(anna.bank)
    anna.takes(entry("b", 2))
    anna.publishes(feed)
    assert "disputed  a" in follows("feed", "update").stdout
    assert follows.states() == {"a": "disputed", "b": "active", "own": "active"}


def test_who_is_far_behind_takes_the_snapshot(
    anna: Any, follows: Any, feed: Path, entry: Entry
) -> None:
    for number in range(3):
        anna.takes(entry(f"n{number}", 20 + number))
        anna("feed", "publish", feed, "--bank", anna.bank, "--baseline-days", "1")
    for path in (feed / "targets/entries").glob("*delta-1-2*"):
        path.unlink()
    # the list of targets still names it, so this follower refuses; one without it takes all
    assert "missing" in follows("feed", "update", code=2).stderr
    shutil.rmtree(follows.bank)
    follows("feed", "update")
    assert len(follows.states()) == 5


@pytest.mark.parametrize("how", ["changed", "away"])
def test_a_file_that_was_touched_is_refused_and_changes_nothing(
    anna: Any, follows: Any, feed: Path, entry: Entry, how: str
) -> None:
    before = files(feed)
    anna.takes(entry("c", 3))
    anna.publishes(feed)
    whole, bank = files(feed), files(follows.bank)
    fresh = [name for name in whole if whole[name] != before.get(name)]
    needed = [name for name in fresh if "snapshot-2" not in name]
    assert len(needed) == 5
    for name in needed:
        data = whole[name]
        middle = len(data) // 2
        (feed / name).write_bytes(data[:middle] + bytes([data[middle] ^ 1]) + data[middle + 1 :])
        if how == "away":
            (feed / name).unlink()
        done = follows("feed", "update", code=2)
        assert "alpha: refused, " in done.stderr
        assert files(follows.bank) == bank
        (feed / name).write_bytes(data)
    follows("feed", "update")
    assert "c" in follows.states()


def test_older_versions_other_keys_and_mixtures_are_refused(
    anna: Any, follows: Any, feed: Path, entry: Entry, tmp_path: Path
) -> None:
    first = shutil.copytree(feed, tmp_path / "first")
    anna.takes(entry("c", 3))
    anna.publishes(feed)
    second = shutil.copytree(feed, tmp_path / "second")
    follows("feed", "update")

    def refused(word: str) -> None:
        assert word in follows("feed", "update", code=2).stderr
        shutil.rmtree(feed)
        shutil.copytree(second, feed)

    shutil.rmtree(feed)
    shutil.copytree(first, feed)
    refused("older")
    root = json.loads((feed / "metadata/1.root.json").read_bytes())
    root["signed"]["version"] = 2
    (feed / "metadata/2.root.json").write_text(json.dumps(root))
    refused("signatures")
    follows("feed", "follow", feed, "--fingerprint", "0" * 64, "--bank", follows.bank, "--name",
            "x", code=2)  # fmt: skip
    bad = ("--root", feed / "metadata/1.root.json", "--bank", follows.bank, "--name", "../x")
    assert "name" in follows("feed", "follow", feed, *bad, code=2).stderr


def test_followers_go_on_after_keys_are_replaced(
    anna: Any, follows: Any, feed: Path, entry: Entry
) -> None:
    for role in ("timestamp", "snapshot", "targets", "root"):
        anna("feed", "rotate", feed, "--role", role)
    anna.takes(entry("c", 3))
    anna.publishes(feed)
    follows("feed", "update")
    assert "c" in follows.states()


def test_only_this_machine_is_asked_by_plain_http(ben: Any) -> None:
    for location in ("http://example.org/feed/", "https://a:b@example.org/"):
        done = ben("feed", "follow", location, "--fingerprint", "0" * 64, "--bank", ben.bank,
                   code=2)  # fmt: skip
        assert "https://" in done.stderr


def test_a_feed_fills_no_bank_on_a_server(ben: Any, feed: Path) -> None:
    root = feed / "metadata/1.root.json"
    done = ben("feed", "follow", feed, "--root", root, "--bank", "postgresql://h/d", code=2)
    assert "in a folder" in done.stderr


def test_the_public_part_of_a_case_goes_along(anna: Any, feed: Path) -> None:
    posts = [
        {"post_id": f"p{number}", "account_id": f"who{number}", "text": "Words of my own.",
         "created_at": "2026-03-01T00:00:00Z"}
        for number in range(3)
    ]  # fmt: skip
    (anna.home / "posts.jsonl").write_text("".join(json.dumps(post) + "\n" for post in posts))
    anna("case", "build", "posts.jsonl", "--only", "text_marks", "--out", "linden")
    anna("feed", "publish", feed, "--bank", anna.bank, "--case", "linden")
    files = sorted((feed / "targets/cases").iterdir())
    assert len(files) == 2
    told = "".join(file.read_text() for file in files)
    assert "who1" not in told
    assert "Words of my own" not in told


def test_partners_who_say_the_same_are_counted_and_nothing_is_withdrawn(
    anna: Any, follows: Any, feed: Path, tmp_path: Path
) -> None:
    out = tmp_path / "answers.jsonl"
    said = ("--verdict", "real_person", "--reason", "she wrote to us")
    follows("feed", "answer", "alpha", "b", *said)
    follows("feed", "answers", "export", "alpha", "--out", out, "--as", "Ben")
    assert "no entry" in follows("feed", "answer", "alpha", "x", *said, code=2).stderr
    assert "never seen before" in anna("feed", "answers", "import", feed, out).stdout
    assert "never seen before" not in anna("feed", "answers", "import", feed, out).stdout
    out.write_bytes(out.read_bytes().replace(b"real_person", b"false_match"))
    assert "changed" in anna("feed", "answers", "import", feed, out, code=2).stderr
    assert "answered  b  real_person  by 1 partner" in anna("feed", "show", feed).stdout
    assert anna.states()["b"] == "active"


def test_a_match_says_which_feed_and_how_old_it_is(
    anna: Any, follows: Any, feed: Path, tmp_path: Path
) -> None:
    from PIL import Image

    picture = tmp_path / "a.png"
    Image.effect_mandelbrot((128, 128), (-2, -1.5, 1, 1.5), 60).save(picture)
    anna("bank", "add", "--bank", anna.bank, "--tlp", "GREEN", picture, "--id", "m")
    anna.publishes(feed)
    follows("feed", "update")
    state = follows.bank / "feeds.json"
    look = ("check", picture, "--bank", follows.bank, "--only", "known_fakes", "--format", "jsonl",
            "--fail-on", "never")  # fmt: skip

    def facts() -> Any:
        (signal,) = json.loads(follows(*look).stdout)["signals"]
        return signal["facts"], signal["reason"]["args"].get("also", [])

    fresh, _ = facts()
    assert fresh["feed"] == {"name": "alpha", "sequence": 2, "age_days": 0, "expired": False}
    assert "old_feeds" not in fresh
    old = json.loads(state.read_bytes())
    old["alpha"] |= {"checked": "2026-01-01T00:00:00Z", "expires": "2026-01-02T00:00:00Z"}
    state.write_text(json.dumps(old))
    stale, words = facts()
    assert stale["feed"]["expired"]
    assert stale["old_feeds"][0]["age_days"] == stale["feed"]["age_days"] > 30
    assert words == ["known_fakes.old_feeds"]


def test_misp_and_stix_lie_beside_and_tell_of_withdrawals(
    anna: Any, feed: Path, entry: Entry
) -> None:
    def events() -> dict[str, Any]:
        manifest = json.loads((feed / "misp/manifest.json").read_bytes())
        read = {name: (feed / f"misp/{name}.json").read_bytes() for name in manifest}
        return {name: json.loads(data)["Event"] for name, data in read.items()}

    anna.takes(entry("red", 4, tlp="RED"))
    anna("feed", "publish", feed, "--bank", anna.bank, "--misp", "--stix")
    ((name, before),) = events().items()
    read = pymisp.MISPEvent()
    read.load_file(feed / f"misp/{name}.json")
    assert "tlp:green" in {tag.name for tag in read.tags}
    assert {each.uuid for each in read.objects} == {each["uuid"] for each in before["Object"]}
    assert len(before["Object"]) == 2
    assert (feed / "misp/hashes.csv").read_text().count(name) == 2
    anna("bank", "withdraw", "--bank", anna.bank, "--reason", "wrong", "a")
    anna("feed", "publish", feed, "--bank", anna.bank, "--misp", "--stix")
    ((same, after),) = events().items()
    assert same == name
    assert int(after["timestamp"]) > int(before["timestamp"])
    gone = [each for each in after["Object"] if each["deleted"]]
    assert {each["uuid"] for each in gone} < {each["uuid"] for each in before["Object"]}
    (bundle,) = (feed / "stix").iterdir()
    assert bundle.name == "bundle-2.json"
    assert '"revoked":true' in bundle.read_text()


def test_answers_and_cases_go_along_and_stay(anna: Any, follows: Any, feed: Path) -> None:
    own = follows.home / "feed"
    said = ("--name", "ben", "--publisher", "Ben", "--contact", "ben@example.org")
    follows("feed", "init", own, *said)
    follows("feed", "answer", "alpha", "b", "--verdict", "confirmed", "--reason", "seen too")
    follows("feed", "publish", own, "--answers")
    (file,) = (own / "targets/answers").iterdir()
    follows("feed", "publish", own)
    assert file.is_file()
    assert "confirmed" in anna("feed", "answers", "import", feed, file).stdout


def test_a_lost_key_is_replaced_by_two_of_three_and_all_keys_are_locked(
    anna: Any, ben: Any, entry: Entry, tmp_path: Path
) -> None:
    secret = anna.home / "secret"
    secret.write_text("a long sentence\n")
    env = {"PROVENANCE_FEED_PASSPHRASE_FILE": str(secret)}
    feed, keys = anna.home / "feed", anna.home / "keys"
    safes = [tmp_path / f"safe{n}" for n in range(3)]
    said = ("--name", "a", "--publisher", "A", "--contact", "a", "--passphrase", "--keys", keys)
    done = anna("feed", "init", feed, *said, "--root-keys", ",".join(map(str, safes)), **env)
    assert "beside" not in done.stderr
    for path in (*keys.iterdir(), *(each for safe in safes for each in safe.iterdir())):
        assert b"ENCRYPTED" in path.read_bytes()
        assert path.stat().st_mode & 0o777 == 0o600
    anna.takes(entry("a", 1))
    anna.publishes(feed, **env)
    ben("feed", "follow", feed, "--root", feed / "metadata/1.root.json", "--bank", ben.bank)
    shutil.rmtree(safes[1])
    anna("feed", "rotate", feed, "--role", "root", "--passphrase", **env)
    assert len([*safes[1].iterdir()]) == 1
    shutil.rmtree(keys)
    assert "missing" in anna.publishes_not(feed, **env).stderr
    roles = ("--role", "timestamp", "--role", "snapshot", "--role", "targets")
    assert "missing" in anna("feed", "rotate", feed, *roles[:2], code=2, **env).stderr
    anna("feed", "rotate", feed, *roles, "--passphrase", **env)
    anna.publishes(feed, **env)
    ben("feed", "update")
    assert ben.states() == {"a": "active"}
    secret.write_text("another")
    assert "passphrase" in anna.publishes_not(feed, **env).stderr


def test_doctor_names_feeds_that_are_old_and_root_keys_beside_others(
    anna: Any, follows: Any, feed: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert feed.is_dir()
    for name in ("XDG_DATA_HOME", "HOME"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(follows.home))
    now = datetime.now(UTC)
    ((name, fresh, said),) = health.followed(now)
    assert (name, fresh, said) == ("alpha", True, "sequence 1, 0 days old")
    ((_, fresh, said),) = health.followed(now + timedelta(days=40))
    assert not fresh
    assert "40 days old, expired: `provenance feed update alpha`" in said
    monkeypatch.setenv("HOME", str(anna.home))
    assert [name for name, _ in health.keys_beside()] == ["alpha"]
