"""Lists of the package and of the user."""

import base64
import hashlib
import json
import signal
import subprocess
import sys
import tomllib
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from hypothesis import given
from hypothesis import strategies as st

from detectors.c2pa.trust import EXTENDED_KEY_USAGES, in_use, known, user_folder
from detectors.c2pa.trust.edit import _quoted, add, remove, switch
from detectors.c2pa.trust.lists import HOME, Part, TrustList
from detectors.c2pa.trust.products import forbidden, products
from detectors.errors import ConfigError, DamagedError, UnavailableError
from provenance.cli.trust import trust

PEMS = Path(__file__).parents[3] / "fixtures" / "signed" / "trust"
NOW = datetime(2026, 11, 24, tzinfo=UTC)
HEAD = "-----BEGIN CERTIFICATE-----"


def certificate(*, ca: bool = True, days: int = 100, signs: bool | None = True) -> bytes:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "Test")])
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=400))
        .not_valid_after(NOW + timedelta(days=days))
    )
    if signs is not None:
        built = built.add_extension(x509.BasicConstraints(ca, None), critical=True).add_extension(
            x509.KeyUsage(True, False, False, False, False, signs, signs, False, False),  # noqa: FBT003
            critical=True,
        )
    return built.sign(key, hashes.SHA256()).public_bytes(Encoding.PEM)


def imported(folder: Path, pem: bytes | Path, **options: Any) -> int:
    file = folder / "given.txt"
    file.parent.mkdir(exist_ok=True)
    file.write_bytes(pem.read_bytes() if isinstance(pem, Path) else pem)
    usual: dict[str, Any] = {"name": "mine", "issued": "2026-11-01", "use": "signers", "now": NOW}
    return add(folder / "trust", file, **(usual | options))


def test_packaged_lists_are_whole_dated_and_real_certificates() -> None:
    raw = tomllib.loads((HOME / "index.toml").read_text("utf-8"))
    named = set()
    for part in (part for row in raw["list"] for part in row["part"]):
        data = (HOME / part["file"]).read_bytes()
        named.add(part["file"])
        assert hashlib.sha256(data).hexdigest() == part["sha256"]
        assert part["file"].endswith(f"{part['use']}-{part['issued']}.pem")
        found = x509.load_pem_x509_certificates(data)
        assert str(len(found)) in part["source"]
        for row in found if part["use"] != "end-entities" else []:
            assert row.extensions.get_extension_for_class(x509.BasicConstraints).value.ca
    assert named == {path.name for path in HOME.glob("*.pem")}


def test_the_frozen_list_is_off_until_it_is_named(tmp_path: Path) -> None:
    assert [row.name for row in in_use([], tmp_path).signers] == ["c2pa"]
    named = in_use(["interim"], tmp_path).signers
    assert [row.name for row in named] == ["c2pa", "interim"]
    switch(tmp_path, "interim", enabled=True)
    assert [row.name for row in in_use([], tmp_path).signers] == ["c2pa", "interim"]
    switch(tmp_path, "c2pa", enabled=False)
    assert [row.name for row in in_use([], tmp_path).signers] == ["interim"]
    with pytest.raises(ConfigError, match="nobody"):
        in_use(["nobody"], tmp_path)


def test_a_list_is_imported_used_replaced_and_removed(tmp_path: Path) -> None:
    folder = tmp_path / "trust"
    root = PEMS / "root.pem"
    assert imported(tmp_path, root.read_bytes() + b"some words\n" + root.read_bytes()) == 1
    assert in_use([], folder).signers[-1].issued == date(2026, 11, 1)
    imported(tmp_path, PEMS / "barred.pem", issued="2026-11-02")
    assert len(list(folder.glob("*.pem"))) == 1
    imported(tmp_path, PEMS / "root.pem", use="timestamps")
    used = in_use([], folder)
    assert used.signers[-1].anchors.split() == (PEMS / "barred.pem").read_text().split()
    assert HEAD in used.time_stamps
    switch(folder, "mine", enabled=False)
    assert not next(row for row in known(folder) if row.name == "mine").enabled
    remove(folder, "mine")
    assert [row.name for row in known(folder)] == ["c2pa", "interim"]
    assert list(folder.glob("*.pem")) == []


def test_distrusted_certificates_count_while_their_list_is_enabled(tmp_path: Path) -> None:
    imported(tmp_path, PEMS / "refused.pem", name="bad", use="distrusted")
    assert HEAD in in_use([], tmp_path / "trust").distrusted
    switch(tmp_path / "trust", "bad", enabled=False)
    assert in_use([], tmp_path / "trust").distrusted == ""


def test_a_newer_edition_replaces_a_packaged_part_and_leaves_the_others(tmp_path: Path) -> None:
    folder = tmp_path / "trust"
    imported(tmp_path, PEMS / "root.pem", name="c2pa")
    found = next(row for row in known(folder) if row.name == "c2pa")
    assert {part.use: part.own for part in found.part} == {"signers": True, "timestamps": False}
    assert in_use([], folder).signers[0].anchors.count(HEAD) == 1
    assert in_use([], folder).time_stamps.count(HEAD) == 22
    remove(folder, "c2pa")
    assert in_use([], folder).signers[0].anchors.count(HEAD) == 30
    with pytest.raises(ConfigError, match="disable"):
        remove(folder, "c2pa")


@pytest.mark.parametrize(
    ("pem", "options", "word"),
    [
        (b"junk", {}, "no certificates"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n", {}, "certificate 1"),
        (b"-----BEGIN CERTIFICATE-----\nAAAA\n", {}, "cut off"),
        (certificate(ca=False, signs=False), {}, "is no CA"),
        (certificate(signs=None), {"use": "timestamps"}, "is no CA"),
        (certificate(signs=False), {}, "may not sign"),
        (certificate(), {"use": "end-entities"}, "is a CA"),
        (certificate(days=-1), {}, "expired"),
        (certificate(), {"name": "../up"}, "named with"),
        (certificate(), {"issued": "2027-01-01"}, "not come yet"),
        (certificate(), {"issued": "soon"}, "YYYY-MM-DD"),
        (b"\0" * ((8 << 20) + 1), {}, "larger"),
    ],
)
def test_what_cannot_be_used_is_refused_and_nothing_is_written(
    pem: bytes, options: dict[str, Any], word: str, tmp_path: Path
) -> None:
    with pytest.raises(ConfigError, match=word):
        imported(tmp_path, pem, **options)
    assert not (tmp_path / "trust").exists()


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"\x0c\x04Test", b"\xf3\x04Test"),  # a type of string that there is not
        (b"\x0c\x04Test", b"\x0c\x04\xff\xfe\xff\xfe"),  # no UTF-8
        (b"\x0c\x04Test", b"\x13\x04\x00***"),  # no printable string
        (b"\x06\x03\x55\x04\x03", b"\x06\x03\x80\x80\x80"),  # no object identifier
        (b"\x06\x03\x55\x1d\x0f", b"\x06\x03\x55\x1d\x13"),  # one extension twice
        (b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07", b"\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x7f"),
        (b"\xa0\x03\x02\x01\x02", b"\xa0\x03\x02\x01\x77"),  # a version that there is not
        (b"\x17\x0d25", b"\x17\x0d2x"),  # no date
    ],
)
def test_a_certificate_that_no_library_can_take_apart_is_refused(
    tmp_path: Path, old: bytes, new: bytes
) -> None:
    der = x509.load_pem_x509_certificate(certificate()).public_bytes(Encoding.DER)
    assert old in der
    body = base64.encodebytes(der.replace(old, new)).decode()
    pem = f"{HEAD}\n{body}-----END CERTIFICATE-----\n".encode()
    with pytest.raises(ConfigError, match="certificate 1"):
        imported(tmp_path, pem)
    assert not (tmp_path / "trust").exists()


def test_a_list_of_more_certificates_than_any_has_is_refused(tmp_path: Path) -> None:
    pem = f"{HEAD}\n-----END CERTIFICATE-----\n".encode() * 100_000
    with pytest.raises(ConfigError, match="100000 certificates"):
        imported(tmp_path, pem)


@pytest.mark.usefixtures("home")
def test_lists_that_are_imported_together_are_all_kept(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "provenance", "trust"]
    options = ["--issued", "2025-01-01", "--use", "signers", "--name"]
    (tmp_path / "ca.pem").write_bytes(certificate())
    running = [
        subprocess.Popen(
            [*command, "import", tmp_path / "ca.pem", *options, f"l{number}"],
            stderr=subprocess.PIPE,
        )
        for number in range(4)
    ]
    said = [each.communicate()[1] for each in running]
    assert [each.returncode for each in running] == [0] * 4, said
    assert {f"l{number}" for number in range(4)} <= {row.name for row in known(user_folder())}
    assert in_use([], user_folder()).signers


@pytest.mark.usefixtures("home")
def test_an_import_that_is_killed_leaves_lists_that_can_be_used(tmp_path: Path) -> None:
    command = [sys.executable, "-m", "provenance", "trust", "import", tmp_path / "ca.pem"]
    options = ["--issued", "2025-01-01", "--use", "signers", "--name"]
    (tmp_path / "ca.pem").write_bytes(certificate() * 50)
    folder = user_folder()
    for number, moment in enumerate(("", "lock", ".new-*", "*.pem", "index.toml")):
        with subprocess.Popen(
            [*command, *options, f"l{number}"], stderr=subprocess.PIPE
        ) as running:
            while running.poll() is None and not list(folder.glob(moment or "nothing")):
                if not moment:
                    break
            running.send_signal(signal.SIGKILL)
        assert in_use([], folder)
    subprocess.run([*command, *options, "last"], check=True, capture_output=True)
    assert "last" in {row.name for row in known(folder)}


@pytest.mark.parametrize(
    "text",
    [
        "x = " + "[" * 1500 + "]" * 1500,
        "a." * 5000 + "b = 1",
        "x = " + "9" * 5000,
        "#" * (2 << 20),
        "\0",
        "[[list]]\nname = 3",
        '[[list]]\nname = "a"\nenabled = true\npart = [{use = "signers", issued = 9999-99-99}]',
        "[enabled]\na = 1979-05-27T07:32:00Z",
    ],
    ids=["deep", "dotted", "digits", "long", "nul", "type", "date", "time"],
)
def test_an_index_that_cannot_be_read_is_named(tmp_path: Path, text: str) -> None:
    (tmp_path / "index.toml").write_text(text, "utf-8")
    with pytest.raises(DamagedError, match=r"index\.toml"):
        known(tmp_path)


def test_files_that_no_list_of_ours_names_are_left_alone(tmp_path: Path) -> None:
    imported(tmp_path, certificate())
    stranger = tmp_path / "trust" / "mine-too.pem"
    stranger.write_bytes(certificate())
    before = set((tmp_path / "trust").iterdir())
    imported(tmp_path, certificate())
    remove(tmp_path / "trust", "mine")
    assert stranger.exists()
    assert len(before - set((tmp_path / "trust").iterdir())) == 1


def test_a_private_key_is_refused(tmp_path: Path) -> None:
    key = ec.generate_private_key(ec.SECP256R1())
    secret = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    with pytest.raises(ConfigError, match="private key"):
        imported(tmp_path, certificate() + secret)


def test_expired_signers_may_be_distrusted_or_stand_beside_living_ones(tmp_path: Path) -> None:
    assert imported(tmp_path, certificate(days=-1), use="distrusted") == 1
    assert imported(tmp_path, certificate(days=-1) + certificate()) == 2


def test_missing_files_and_unknown_names_are_told(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="No such file"):
        add(tmp_path, tmp_path / "no.pem", name="a", issued="2026-01-01", use="signers", now=NOW)
    with pytest.raises(ConfigError, match="no such list"):
        remove(tmp_path, "nobody")
    with pytest.raises(ConfigError, match="nobody"):
        switch(tmp_path, "nobody", enabled=True)
    blocked = tmp_path / "given.txt" / "below"
    imported(tmp_path, certificate())
    with pytest.raises(UnavailableError, match="given"):
        add(blocked, PEMS / "root.pem", name="a", issued="2026-01-01", use="signers", now=NOW)


def test_files_changed_behind_our_back_are_refused(tmp_path: Path) -> None:
    folder = tmp_path / "trust"
    imported(tmp_path, certificate())
    (pem,) = folder.glob("*.pem")
    pem.write_bytes(pem.read_bytes() + b"\n")
    with pytest.raises(DamagedError, match="changed"):
        in_use([], folder)
    pem.unlink()
    with pytest.raises(DamagedError, match="import it again"):
        in_use([], folder)
    (folder / "index.toml").write_text("[[list]]\nname = 3\n", "utf-8")
    with pytest.raises(DamagedError, match=r"index\.toml"):
        known(folder)


@given(st.text())
def test_any_file_name_can_be_written_down(name: str) -> None:
    assert (
        tomllib.loads(f"key = {_quoted(name)}")["key"] == name.encode("utf-8", "replace").decode()
    )


def test_age_counts_from_the_oldest_part() -> None:
    parts = [
        Part(use=use, issued=date(2026, 1, day), file="", source="", sha256="")
        for use, day in (("signers", 3), ("timestamps", 1))
    ]
    assert TrustList(name="a", enabled=True, part=parts).age(date(2026, 1, 11)) == 10


def test_products_are_joined_by_their_whole_name() -> None:
    snapseed = {"CN": "Snapseed", "O": "Google LLC", "OU": "Snapseed iOS", "C": "US"}
    assert forbidden(snapseed, "digitalCapture") == "capturedMedia"
    assert forbidden(snapseed, "trainedAlgorithmicMedia") is None
    assert forbidden(snapseed | {"OU": "Another"}, "digitalCapture") is None
    spotlight = {"CN": "Diker", "O": "Okeanos B.V", "C": "NL"}
    assert forbidden(spotlight | {"OU": "Any"}, "digitalCreation") == "nonGenAIDigitalCreation"
    assert forbidden({}, "digitalCapture") is None
    assert len(products().forbidden) == 12


def test_usages_are_object_identifiers() -> None:
    for line in EXTENDED_KEY_USAGES.split():
        assert x509.ObjectIdentifier(line).dotted_string == line


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path))
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


@pytest.mark.usefixtures("home")
def test_the_command_imports_lists_and_shows_them() -> None:
    def told(*args: str) -> str:
        done = CliRunner().invoke(trust, args, catch_exceptions=False)
        assert done.exit_code == 0
        return done.stdout

    root = str(PEMS / "root.pem")
    told("import", root, "--name", "mine", "--issued", "2025-01-01", "--use", "signers")
    told("enable", "interim")
    told("disable", "mine")
    rows = {row["name"]: row for row in json.loads(told("list", "--format", "json"))}
    assert (rows["mine"]["enabled"], rows["interim"]["enabled"]) == (False, True)
    assert rows["mine"]["parts"][0]["certificates"] == 1
    assert rows["mine"]["stale"]
    screen = told("list")
    assert "mine" in screen
    assert "older than 90 days" in screen
    told("remove", "mine")
    assert "mine" not in told("list")


def test_the_command_refuses_with_a_reason(home: Path) -> None:
    junk = home / "junk.pem"
    junk.write_text("junk", "utf-8")
    args = ["import", str(junk), "--name", "x", "--issued", "2025-01-01", "--use", "signers"]
    with pytest.raises(ConfigError, match="no certificates"):
        CliRunner().invoke(trust, args, catch_exceptions=False)
    assert not user_folder().exists()
