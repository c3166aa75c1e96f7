"""What a bank promises, in a folder and on a server alike."""

import json
from collections.abc import Callable
from itertools import count
from pathlib import Path
from subprocess import CompletedProcess

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from detectors.bank.entry import Entry, Hash, Status
from detectors.bank.location import (
    BankLocation,
    create,
    damage,
    exists,
    location_of,
    opened,
    size,
    title,
    writing,
)
from detectors.bank.server.address import Address
from detectors.errors import ConfigError, Error
from provenance.cli.secrets import without_secrets

Run = Callable[..., CompletedProcess[str]]
FAKES = Path(__file__).parents[2] / "fixtures" / "fakes"
NOW = "2026-01-02T03:04:05Z"
PDQ = "5d469d495bd620855eba5807c0e1bbf8755e445758c1a6296aaa1ffec16a5cc6"
NAMES = st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1, max_size=20)


def entry(name: str, **said: object) -> Entry:
    given_: dict[str, object] = {"hashes": {"pdq": (Hash(PDQ),)}, "created": NOW, "modified": NOW}
    return Entry(id=name, **(given_ | said))  # type: ignore[arg-type]


@pytest.fixture(params=["folder", "server"])
def fresh(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[], str]:
    """Return a function that names a bank which does not exist yet."""
    if request.param == "server":
        cluster = request.getfixturevalue("cluster")
        made: Callable[[], str] = cluster.bank
        return made
    numbers = count(1)
    folder = tmp_path_factory.mktemp("banks")
    return lambda: str(folder / f"b{next(numbers)}.bank")


@pytest.fixture
def bank(fresh: Callable[[], str]) -> BankLocation:
    """Return an empty bank."""
    made = location_of(fresh())
    create(made, NOW)
    return made


@given(
    changes=st.lists(
        st.tuples(NAMES, st.sampled_from(Status), st.binary(min_size=1, max_size=50)), max_size=8
    )
)
@settings(
    max_examples=15,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_what_was_put_is_read_back(
    fresh: Callable[[], str], changes: list[tuple[str, Status, bytes]]
) -> None:
    where = location_of(fresh())
    create(where, NOW)
    with writing(where) as writer:
        for name, status, blob in changes:
            writer.put(entry(name, status=status, note=name), blob)
            assert [each.id for each in writer.commit()] == [name]
    store = opened(where)
    last = {name: (status, name, blob) for name, status, blob in changes}
    said = {
        name: (each.status, each.note, store.features(each)) for name, each in store.entries.items()
    }
    assert said == last
    assert list(store.entries) == list(last)
    assert [bytes(store.head(each, 3)) for each in store.entries.values()] == [
        blob[:3] for _, _, blob in last.values()
    ]
    assert store.changes == len(changes)
    assert damage(where) == []


def test_a_bank_is_made_once(fresh: Callable[[], str]) -> None:
    where = location_of(fresh())
    assert not exists(where)
    with pytest.raises(ConfigError, match="provenance bank add"):
        opened(where)
    create(where, NOW)
    with writing(where) as writer:
        writer.put(entry("a"))
        writer.commit()
    create(where, NOW)
    assert exists(where)
    store = opened(where)
    assert (store.name, [*store.entries], store.path) == (title(where), ["a"], where)
    assert size(where) > 100


def test_changes_are_written_together_or_not_at_all(bank: BankLocation) -> None:
    with writing(bank) as writer:
        writer.put(entry("good"), b"features")
        with pytest.raises(ConfigError, match="all bits are equal"):
            writer.put(entry("bad", hashes={"pdq": (Hash("0" * 64),)}))
    assert not opened(bank).entries
    with writing(bank) as writer:
        assert writer.commit() == []
        for number in range(3):
            writer.put(entry("a", note=str(number)))
        assert len(writer.pending) == 3
        assert len(writer.commit()) == 3
        assert writer.bank.entries["a"].note == "2"
    store = opened(bank)
    assert (store.changes, store.entries["a"].note) == (3, "2")
    assert store.features(store.entries["a"]) is None
    assert bytes(store.head(store.entries["a"], 8)) == b""


def test_the_life_of_an_entry(run: Run, fresh: Callable[[], str], tmp_path: Path) -> None:
    where = ("--bank", fresh())
    picture = FAKES / "known" / "anna.jpg"
    add = ("bank", "add", *where, picture, "--id", "case/1")
    assert run(*add, "--source", "desk", "--note", "ünï").stdout == "added  case/1\n"
    assert "1 already there" in run(*add).stderr

    other = tmp_path / "anna.jpg"
    other.write_bytes((FAKES / "negatives" / "greta.jpg").read_bytes())
    refused = run("bank", "add", *where, other, FAKES / "known" / "boris.jpg", "--id", "case/1")
    assert (refused.returncode, refused.stdout) == (2, "")

    check = ("check", FAKES / "queries" / "anna_jpeg.jpg", "--only", "known_fakes", *where)

    def told() -> tuple[str, str | None, str]:
        done = run(*check, "--format", "jsonl")
        (signal,) = json.loads(done.stdout)["signals"]
        assert all(word not in done.stdout + done.stderr for word in ("owner", "horse", "host="))
        return signal["outcome"], signal["claim"], signal["facts"].get("bank", "")

    name = title(location_of(where[1]))
    assert told() == ("finding", "known_fake", name)
    assert run("bank", "dispute", *where, "case/1", "--reason", "r").returncode == 0
    assert run("bank", "confirm", *where, "case/1", "--reason", "r").returncode == 0
    assert run("bank", "withdraw", *where, "case/1", "--reason", "r").returncode == 0
    assert told() == ("clear", None, "")
    shown = json.loads(run("bank", "show", *where, "case/1", "--format", "json").stdout)
    assert (shown["status"], shown["note"]) == ("withdrawn", "ünï")
    assert run("bank", "list", *where, "--all").stdout == "case/1  other  withdrawn  desk\n"
    stats = json.loads(run("bank", "stats", *where, "--format", "json").stdout)
    assert (stats["bank"], stats["changes"], stats["entries"]) == (name, 4, 1)
    assert run("bank", "verify", *where).stdout == f"{name}: 1 entries, all whole\n"


def test_a_place_is_a_folder_or_an_address() -> None:
    assert location_of("postgres.bank") == Path("postgres.bank")
    assert location_of("c:/x") == Path("c:/x")
    where = location_of("postgres://a@h1:1,h2/db?sslmode=require&bank=x")
    assert isinstance(where, Address)
    assert where.url == "postgresql://a@h1:1,h2/db?connect_timeout=10&sslmode=require"
    assert (str(where), title(where)) == ("postgresql://h1:1,h2/db?bank=x", "x")
    assert str(location_of("postgresql:///")) == "postgresql:///?bank=fakes"


@pytest.mark.parametrize(
    ("address", "why"),
    [
        ("mysql://owner:horse@h/db", "a folder or postgresql://"),
        ("postgresql://owner:hor/horse@h/db", "cannot be read"),
        ("postgresql://owner:1?horse@h/db", "cannot be read"),
        ("postgresql://owner:1#horse@h/db", "cannot be read"),
        ("postgresql://owner:1@horse:x/db", "cannot be read"),
        ("postgresql://owner:horse@[h/db", "cannot be read"),
        ("postgresql://owner:horse@h/db\n", "cannot be read"),
        ("postgresql://owner:horse@h/db?bank=a/b", "bank='a/b'"),
        ("postgresql://owner:horse@h/db?bank=", "bank=''"),
    ],
)
def test_an_address_that_cannot_be_read_is_not_repeated(address: str, why: str) -> None:
    with pytest.raises(ConfigError, match=why) as told:
        location_of(address)
    assert "horse" not in str(told.value)


@pytest.mark.parametrize(
    "typed",
    [
        "postgresql:/user:{}@h/db",
        "postgresql:user:{}@h/db",
        " postgresql://user:{}@127.0.0.1:9/db",
        "\tPostgreSQL://user:{}@127.0.0.1:9/db",
        "postgres//user:{}@h/db",
        "user:{}@h/db",
        "//user:{}@h/db",
        "host=127.0.0.1 port=9 password={} dbname=d",
        "dbname=d password = '{}'",
        "PASSWORD={}",
        "postgresql://user:p@{}@127.0.0.1:9/db",
        "postgresql://user@127.0.0.1:9/db?pasword={}@x",
        "postgresql://user:{}%@127.0.0.1:9/db",
        "postgresql://user:{}%zz@127.0.0.1:9/db",
        "postgresql://user:%68{}@127.0.0.1:9/db?connect_timeout=x",
        "postgresql://user@127.0.0.1:9/db?password={}&sslmode=odd",
    ],
)
def test_a_mistyped_address_shows_no_password(monkeypatch: pytest.MonkeyPatch, typed: str) -> None:
    monkeypatch.setenv("PGPASSWORD", "hunter2")
    with pytest.raises(Error) as told:
        opened(location_of(typed.format("hunter2")))
    assert "hunter2" not in without_secrets(str(told.value))
    assert "hunter2" not in without_secrets(f"unexpected argument: {typed.format('hunter2')}")


@pytest.mark.parametrize("typed", ["postgresql:/user:hunter2@h/db", "host=h password=hunter2"])
def test_no_command_shows_the_password_of_a_mistyped_address(
    run: Run, tmp_path: Path, typed: str
) -> None:
    (tmp_path / "a.txt").write_text("a")
    for call in (
        ("check", tmp_path / "a.txt", "--bank", typed),
        ("bank", "merge", "--bank", tmp_path / "b.bank", typed),
        ("bank", "stats", typed),
        ("config", "show", "--origin"),
        ("doctor",),
    ):
        done = run(*call, PROVENANCE_BANK=typed)
        assert done.returncode == {"config": 0, "doctor": 3}.get(str(call[0]), 2), done
        assert "hunter2" not in done.stdout + done.stderr
        assert "Traceback" not in done.stderr


@given(password=st.text(st.characters(exclude_categories=["Cs", "Cc"]), min_size=1))
def test_no_password_is_shown(password: str) -> None:
    from urllib.parse import quote

    secret = quote(password, safe="")
    for text in (f"//u:{secret}@h.example/db?", f"//h.example/db?password={secret}&"):
        where = location_of(f"postgresql:{text}bank=x")
        assert isinstance(where, Address)
        assert str(where) == repr(where) == "postgresql://h.example/db?bank=x"
        for said in (password, secret):
            assert where.silenced(f"oh: {said}") == (
                "the server cannot be used; its message is withheld, for it holds the password"
            )
