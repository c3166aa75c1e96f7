"""A bank on a server: several writers and readers, and all that can be wrong with a server."""
# ruff: noqa: S608 - SQL of our own making

import hashlib
import multiprocessing
import re
import sys
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import msgspec
import psycopg
import pytest

from detectors.bank.enrol import enrolled
from detectors.bank.entry import Entry, Hash, Status
from detectors.bank.matching.watched import Watched
from detectors.bank.server import connection
from detectors.bank.server.address import Address, address
from detectors.bank.server.store import ServerBank, create, damage, writing
from detectors.errors import ConfigError, DamagedError, Error, UnavailableError
from detectors.item import Item
from detectors.known_fakes.detector import KnownFakes
from detectors.spec import BankState
from provenance.banking import add as adding

Run = Callable[..., CompletedProcess[str]]
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
NOW = "2026-01-02T03:04:05Z"
PDQ = "5d469d495bd620855eba5807c0e1bbf8755e445758c1a6296aaa1ffec16a5cc6"


def entry(name: str, **said: object) -> Entry:
    given_: dict[str, object] = {"hashes": {"pdq": (Hash(PDQ),)}, "created": NOW, "modified": NOW}
    return Entry(id=name, **(given_ | said))  # type: ignore[arg-type]


def of_file(name: str, letter: str) -> Entry:
    return entry(name, hashes={"sha256": (Hash(letter * 63 + "1"),)})


def item(path: Path) -> Item:
    return Item(path.name, path.read_bytes)


def add(where: Address, *entries: Entry) -> None:
    with writing(where) as writer:
        for each in entries:
            writer.put(each)
        writer.commit()


@pytest.fixture
def url(cluster: Any) -> str:
    """Return the address of an empty bank."""
    made: str = cluster.bank()
    create(address(made), NOW)
    return made


def test_settings_hold_its_name_and_its_last_change_and_nothing_of_its_address(url: str) -> None:
    detector = KnownFakes({"banks": [url], "refresh": 0})
    known = f"{address(url).bank} {NOW}"
    assert detector.settings().banks == (BankState(known, 0),)
    detector.inspect(item(FAKES / "known" / "anna.jpg"))
    add(address(url), of_file("a", "1"))
    detector.inspect(item(FAKES / "known" / "anna.jpg"))
    assert detector.settings().banks == (BankState(known, 1),)


def test_a_withdrawal_reaches_those_who_have_the_bank_open(run: Run, url: str) -> None:
    where = address(url)
    picture = FAKES / "known" / "anna.jpg"
    with writing(where) as writer:
        writer.put(*enrolled(item(picture), Entry(id="anna", hashes={}, created=NOW, modified=NOW)))
        writer.commit()
    detector = KnownFakes({"banks": [url], "refresh": 0})

    def told() -> list[tuple[str, str | None]]:
        return [
            (signal.outcome.value, signal.claim)
            for query in (picture, FAKES / "queries" / "anna_jpeg.jpg")
            for signal in detector.inspect(item(query))
        ]

    assert told() == [("finding", "known_fake")] * 2
    assert detector.version.endswith(f"{where.name}@1")
    assert run("bank", "withdraw", "--bank", url, "--reason", "r", "anna").returncode == 0
    assert told() == [("clear", None)] * 2
    assert detector.version.endswith(f"{where.name}@2")


def test_a_change_counts_at_once_and_additions_when_they_are_worth_it(url: str) -> None:
    where, now = address(url), [0.0]

    def clock() -> float:
        now[0] += 0.5  # so that putting the bank in order takes half a second
        return now[0]

    watched = Watched(ServerBank(where), 2.0, clock)
    first = watched.searcher()
    add(where, entry("a"))
    assert watched.searcher() is first, "asked too early"
    now[0] = 6.0
    assert watched.searcher() is first, "too soon after the last time"
    now[0] = 20.0
    second = watched.searcher()
    assert (second is first, watched.state) == (False, f"{where.name}@1")
    add(where, entry("b"), entry("a", status=Status.DISPUTED), entry("b", note="words"))
    now[0] = 24.0
    assert watched.searcher() is second
    assert second.index.entries["a"].status is Status.DISPUTED
    assert (watched.state, len(second.index)) == (f"{where.name}@4-1", 1)
    add(where, entry("a", status=Status.WITHDRAWN))
    now[0] = 28.0
    assert (watched.searcher() is second, len(second.index)) == (True, 0)
    add(where, entry("a", hashes={"sha256": (Hash("a" * 63 + "1"),)}))
    now[0] = 38.0
    assert watched.searcher() is not second, "back, with another hash"
    assert (watched.state, len(watched.searcher().index)) == (f"{where.name}@6", 2)


def _add_many(url: str, letter: str) -> None:
    with writing(address(url)) as writer:
        for number in range(40):
            writer.put(entry(f"{letter}{number}"), letter.encode() * 9)
            if f"both{number}" not in writer.bank.entries:
                writer.put(of_file(f"both{number}", "a"))
            writer.commit()


def test_writers_at_the_same_time_lose_nothing(url: str) -> None:
    spawn = multiprocessing.get_context("fork")
    writers = [spawn.Process(target=_add_many, args=(url, letter)) for letter in "xy"]
    for process in writers:
        process.start()
    for process in writers:
        process.join()
    assert [process.exitcode for process in writers] == [0, 0]
    bank = ServerBank(address(url))
    assert len(bank.entries) == bank.changes == 120
    assert {bank.features(bank.entries[f"{letter}39"]) for letter in "xy"} == {b"x" * 9, b"y" * 9}
    assert damage(address(url)) == []


def test_of_two_that_race_for_an_id_the_second_is_refused(url: str) -> None:
    where = address(url)
    with writing(where) as one, writing(where) as two:
        one.put(of_file("a", "a"))
        one.commit()
        two.put(of_file("b", "b"))
        two.put(of_file("a", "c"))
        with pytest.raises(UnavailableError, match="another process has changed the entry 'a'"):
            two.commit()
        two.put(of_file("c", "c"))
        assert [each.id for each in two.commit()] == ["c"]
        one.put(of_file("c", "c"))
        assert one.commit() == [], "the same bytes are there already"
    assert [*ServerBank(where).entries] == ["a", "c"]


@pytest.mark.parametrize("theirs", ["chloe", "zoe"])
def test_pictures_that_others_add_meanwhile_are_met(
    url: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, theirs: str
) -> None:
    names = ("anna", "boris", "chloe")
    for name in names:
        (tmp_path / f"{name}.jpg").write_bytes((FAKES / "known" / f"{name}.jpg").read_bytes())
    same = hashlib.sha256((tmp_path / "chloe.jpg").read_bytes()).hexdigest()
    said = same if theirs == "chloe" else "a" * 63 + "1"

    def tell(added: Entry, _copy: str | None) -> None:
        if added.id == "anna":
            add(address(url), entry("chloe", hashes={"sha256": (Hash(said),)}))

    monkeypatch.setattr(adding, "BATCH", 1)
    template = Entry(id="", hashes={}, created=NOW, modified=NOW)
    if theirs == "chloe":
        done = adding.add_pictures(address(url), [tmp_path], template, tell=tell)
        assert (done.added, done.present) == (["anna", "boris"], ["chloe"])
    else:
        with pytest.raises(ConfigError, match="'chloe' was made from other bytes"):
            adding.add_pictures(address(url), [tmp_path], template, tell=tell)
    assert sorted(ServerBank(address(url)).entries) == [*names]


def test_a_process_of_ours_makes_its_own_connection(url: str) -> None:
    add(address(url), entry("a"))
    bank = ServerBank(address(url))
    child = multiprocessing.get_context("fork").Process(target=bank.refresh)
    child.start()
    child.join()
    assert child.exitcode == 0
    assert bank.refresh() == []


def test_a_lost_connection_is_made_anew_and_a_lost_server_is_said(cluster: Any) -> None:
    database = cluster.database()
    url = cluster.bank(database)
    create(address(url), NOW)
    add(address(url), of_file("a", "a"))
    detector = KnownFakes({"banks": [url], "refresh": 0})
    picture = item(FAKES / "known" / "anna.jpg")
    assert detector.inspect(picture)[0].outcome == "not_assessed"
    kick = f"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{database}'"
    cluster.sql(kick)
    assert detector.inspect(picture)[0].outcome == "not_assessed"
    cluster.sql(f"ALTER DATABASE {database} ALLOW_CONNECTIONS false", kick)
    (signal,) = detector.inspect(picture)
    assert (signal.outcome, signal.reason.code) == ("failed", "known_fakes.bank_lost")
    assert signal.reason.args == {"banks": address(url).name}


def test_a_busy_bank_is_not_waited_for_without_end(cluster: Any, url: str) -> None:
    where = address(url)
    with (
        psycopg.connect(cluster.url()) as other,
        writing(where) as writer,
        pytest.MonkeyPatch.context() as patch,
    ):
        patch.setattr("detectors.bank.server.store.LOCK_TIMEOUT", "50ms")
        other.execute("SELECT FROM provenance.bank FOR UPDATE")
        writer.put(entry("a"))
        with pytest.raises(UnavailableError, match="another process is writing"):
            writer.commit()
    assert not ServerBank(where).entries


def test_what_was_said_stays_and_damage_is_noticed(cluster: Any, url: str) -> None:
    where = address(url)
    with writing(where) as writer:
        writer.put(entry("one"), b"features")
        writer.put(entry("two"))
        writer.commit()
    bank = ServerBank(where)
    mine = f"WHERE bank = {bank.number}"
    for statement in (
        f"UPDATE provenance.change SET id = 'x' {mine}",
        f"DELETE FROM provenance.feature {mine}",
        "TRUNCATE provenance.change CASCADE",
    ):
        with pytest.raises(psycopg.errors.RaiseException, match="only ever added to"):
            cluster.sql(statement)
    unguarded = "SET session_replication_role = replica"
    cluster.sql(unguarded, f"UPDATE provenance.feature SET block = 'featureS' {mine}")
    assert damage(where) == ["one: its local features are damaged; add the picture again"]
    assert bank.features(bank.entries["one"]) is None
    swap = f"UPDATE provenance.change SET entry = replace(entry, 'two', 'twO') {mine} AND seq = 2"
    cluster.sql(unguarded, swap)
    assert "change 2 is damaged" in damage(where)[0]
    with pytest.raises(DamagedError, match="change 2 is damaged"):
        ServerBank(where)
    cluster.sql(
        unguarded,
        "UPDATE provenance.change SET entry = '{}', digest = left(encode(sha256('{}'), 'hex'), 16)"
        f" {mine} AND seq = 2",
    )
    assert "change 2: Object missing required field" in damage(where)[0]


def test_tables_are_brought_up_to_date_in_order(
    cluster: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    where = address(cluster.bank(cluster.database()))
    first, *others = sorted(connection.MIGRATIONS.glob("*.sql"))
    (tmp_path / first.name).write_bytes(first.read_bytes())
    monkeypatch.setattr(connection, "MIGRATIONS", tmp_path)
    create(where, NOW)
    add(where, entry("old"))
    for path in others:
        (tmp_path / path.name).write_bytes(path.read_bytes())
    with pytest.raises(ConfigError, match="older than this program"):
        ServerBank(where)
    create(where, NOW)
    assert [*ServerBank(where).entries] == ["old"]
    (tmp_path / first.name).write_bytes(first.read_bytes() + b"-- changed")
    with pytest.raises(ConfigError, match="made by something else"):
        ServerBank(where)


def test_rights_are_as_small_as_the_page_says(cluster: Any) -> None:
    url = cluster.bank(database := cluster.database())
    create(address(url), NOW)
    who = cluster.sql
    for role in ("reader", "writer"):
        who(
            f"CREATE ROLE {role} LOGIN PASSWORD 'horse'",
            f"GRANT USAGE ON SCHEMA provenance TO {role}",
            f"GRANT SELECT ON ALL TABLES IN SCHEMA provenance TO {role}",
            database=database,
        )
    who(
        "GRANT INSERT ON provenance.change, provenance.entry, provenance.feature TO writer",
        "GRANT UPDATE ON provenance.bank TO writer",
        database=database,
    )
    reader, writer = (
        address(re.sub("owner:[^@]*", f"{role}:horse", url)) for role in ("reader", "writer")
    )
    create(writer, NOW)
    with writing(writer) as opened:
        opened.put(entry("a"), b"features")
        opened.commit()
    bank = ServerBank(reader)
    assert bank.features(bank.entries["a"]) == b"features"
    with pytest.raises(ConfigError, match="permission denied"):
        add(reader, entry("b"))


def _later(cluster: Any) -> str:
    url: str = cluster.bank(database := cluster.database())
    create(address(url), NOW)
    cluster.sql("INSERT INTO provenance.migration VALUES (99, 'x')", database=database)
    return url


def _other_tables(cluster: Any) -> str:
    url: str = cluster.bank(database := cluster.database())
    create(address(url), NOW)
    cluster.sql(
        "ALTER TABLE provenance.bank ALTER number DROP IDENTITY",
        "ALTER TABLE provenance.change DROP CONSTRAINT change_bank_fkey",
        "ALTER TABLE provenance.bank ALTER number TYPE text",
        database=database,
    )
    return url


WRONG: dict[str, tuple[Callable[[Any], str], str]] = {
    "password": (lambda c: c.url(word="horse-2"), "password authentication failed"),
    "database": (lambda c: c.bank("nowhere"), 'database "nowhere" does not exist'),
    "no tables": (lambda c: c.bank(c.database()), "there is no bank in this database"),
    "option": (lambda c: c.bank() + "&colour=red", "invalid URI query parameter"),
    "later": (_later, "its tables are of version 99"),
    "other tables": (_other_tables, "its tables hold what they may not"),
    "port": (lambda _: "postgresql://owner:horse@127.0.0.1:1/db", "port 1 failed"),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_cannot_be_used_is_said_without_the_password(cluster: Any, what: str) -> None:
    make, why = WRONG[what]
    with pytest.raises(Error, match=why) as told:
        KnownFakes({"banks": [make(cluster)]})
    assert "horse" not in str(told.value)
    assert told.value.__cause__ is None or what == "other tables"


def test_a_database_of_another_encoding_is_refused(cluster: Any) -> None:
    cluster.sql("CREATE DATABASE latin ENCODING 'LATIN1' TEMPLATE template0")
    with pytest.raises(ConfigError, match="encoding UTF8"):
        create(address(cluster.bank("latin")), NOW)


def test_a_bank_that_nobody_made_is_exit_2(run: Run, cluster: Any, url: str) -> None:
    missing = re.sub("bank=.*", "bank=nobody", url)
    picture = FAKES / "known" / "anna.jpg"
    for command in (
        ("check", picture, "--only", "known_fakes", "--format", "jsonl"),
        ("bank", "list"),
    ):
        done = run(*command, "--bank", missing)
        assert (done.returncode, done.stdout) == (2, "")
        assert "there is no such bank" in done.stderr
        assert not re.search("horse|owner|Traceback", done.stderr)
    wrong = run("bank", "add", "--bank", cluster.url(word="horse/2"), picture)
    assert (wrong.returncode, wrong.stdout) == (2, "")
    assert "horse" not in wrong.stderr


def test_the_configuration_is_shown_without_passwords(run: Run) -> None:
    banks = '["postgresql://u:horse/1@h/d", "postgresql://u@h/d?sslpassword=horse&bank=x", "a b"]'
    shown = run("config", "show", PROVENANCE_BANK=banks).stdout
    assert '["postgresql://…@h/d", "postgresql://…@h/d?sslpassword=…&bank=x", "a b"]' in shown
    assert "horse" not in shown


def test_without_the_driver_it_is_named(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "psycopg", None)
    with pytest.raises(ConfigError, match=r"provenance-check\[postgres\]"):
        ServerBank(address(url))


def test_a_bank_after_changes_says_what_one_opened_anew_says(url: str) -> None:
    where = address(url)
    names = ("anna", "boris", "chloe")
    with writing(where) as writer:
        for name in (*names, "anna-2"):
            template = Entry(id=name, hashes={}, created=NOW, modified=NOW)
            picture = FAKES / "known" / f"{name.removesuffix('-2')}.jpg"
            writer.put(*enrolled(item(picture), template))
        writer.commit()
    old = KnownFakes({"banks": [url], "refresh": 0})
    queries = [FAKES / "known" / f"{name}.jpg" for name in names]
    queries += sorted((FAKES / "queries").glob("*.jpg"))[:1]
    for status, name in (
        (Status.DISPUTED, "boris"),
        (Status.WITHDRAWN, "anna-2"),
        (Status.WITHDRAWN, "anna"),
        (Status.ACTIVE, "boris"),
    ):
        said = ServerBank(where).entries[name]
        old.inspect(item(queries[0]))
        add(where, msgspec.structs.replace(said, status=status))
        new = KnownFakes({"banks": [url]})
        for query in queries:
            assert old.inspect(item(query)) == new.inspect(item(query))
        assert old.version == new.version


def test_the_number_of_the_change_that_made_an_entry_stays(url: str) -> None:
    where, later = address(url), "2026-02-02T03:04:05Z"
    add(where, entry("a"), entry("b"))
    add(where, entry("a", status=Status.DISPUTED, modified=later), entry("c", modified=later))
    history = ServerBank(where).history()
    assert history.made.tolist() == [1, 2, 4]
    assert history.changed == later
