"""A bank on a server takes in, hands on and merges as a folder does."""

import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

from detectors.bank.exchange.conflicts import differing
from detectors.bank.folder.store import Bank
from detectors.bank.location import location_of, opened

Run = Callable[..., CompletedProcess[str]]


def test_a_server_exchanges_as_a_folder_does(
    run: Run, cluster: Any, bank: Path, tmp_path: Path
) -> None:
    address, second = cluster.bank(), cluster.bank()
    said = run("bank", "merge", "--bank", address, bank, "--format", "json")
    assert said.returncode == 0, said.stderr
    outcomes = {name: len(ids) for name, ids in json.loads(said.stdout)["outcomes"].items()}
    assert outcomes == {"added": 8, "tombstone": 2}
    there, here = opened(location_of(address)), Bank(bank)
    assert all(not differing(here.entries[name], each) for name, each in there.entries.items())
    exact = there.entries["exact"]
    assert there.features(exact) == here.features(here.entries["exact"])
    assert run("bank", "diff", "--bank", address, bank).stdout == ""
    feed = ("--as", "jsonl", "--to", "Bob", "--feed", "f")
    one, other = (run("bank", "export", "--bank", each, *feed).stdout for each in (address, bank))
    assert one == other
    feed_file = tmp_path / "feed.jsonl"
    feed_file.write_text(one, "utf-8")
    done = run("bank", "import", "--bank", second, feed_file, "--format", "json")
    assert json.loads(done.stdout)["outcomes"] == {"added": 6, "tombstone": 2}
    again = run("bank", "import", "--bank", second, feed_file)
    assert "8 same" in again.stdout
    assert "correct" not in done.stdout + again.stdout + again.stderr
    same = run("bank", "merge", "--bank", address, address)
    assert (same.returncode, "the same bank" in same.stderr) == (2, True)
