"""Lists and tables as partners keep them: nothing is guessed in silence, nothing is lost."""

import hashlib
import json
from collections.abc import Callable
from pathlib import Path
from subprocess import CompletedProcess
from typing import Any

import pytest

Run = Callable[..., CompletedProcess[str]]
PDQS = [
    "acecf3355e3125c8e24e2f30e0d4ec4f8482b878b3c34cdbdf063278db275992",
    "8fb70f36e1c4181e82fde7d0f80138430e1e31f07b628e31ccbb687e87e1f307",
    "36b4665bca0c91f6aecb8948e3381e57e509ae7210e3cd1bd768288e56a95af9",
]
"""Of public samples; 128 bits of each are set."""
SUMS = {
    name: [hashlib.new(name, bytes([at])).hexdigest() for at in range(6)]
    for name in ("md5", "sha1", "sha256")
}
Listed = Callable[[str], list[dict[str, Any]]]
Take = Callable[..., tuple[CompletedProcess[str], list[dict[str, Any]]]]


@pytest.fixture
def take(run: Run, listed: Listed, tmp_path: Path) -> Take:
    """Return a function that imports a file into a new bank and gives what was said and taken."""

    def taken(
        data: str | bytes, *options: str
    ) -> tuple[CompletedProcess[str], list[dict[str, Any]]]:
        file = tmp_path / "feed"
        file.write_bytes(data if isinstance(data, bytes) else data.encode())
        done = run("bank", "import", "--bank", "new.bank", *options, file)
        if not (tmp_path / "new.bank").exists():
            return done, []
        return done, listed("new.bank")

    return taken


def found(rows: list[dict[str, Any]], algorithm: str) -> list[str]:
    """Return the values of an algorithm."""
    return [row["hashes"][algorithm][0]["value"] for row in rows if algorithm in row["hashes"]]


@pytest.mark.parametrize(
    "data",
    [
        "\n".join(["id;pdq;tags", *(f"p{n};{v};a" for n, v in enumerate(PDQS))]),
        "\n".join(["id\tpdq\ttags", *(f"p{n}\t{v}\ta" for n, v in enumerate(PDQS))]),
        "\n".join(["id|pdq|tags", *(f"p{n}|{v}|a" for n, v in enumerate(PDQS))]),
        "sep=;\n" + "\n".join(["id;pdq", *(f"p{n};{v}" for n, v in enumerate(PDQS))]),
        "# partner list\n" + "\n".join(["id,pdq", *(f"p{n},{v}" for n, v in enumerate(PDQS))]),
        "\r".join(["id,pdq", *(f"p{n},{v}" for n, v in enumerate(PDQS))]),
        "\r\n".join(["id,pdq,,", *(f"p{n},{v},," for n, v in enumerate(PDQS))]),
        "\n".join(["id,pdq", *(f"p{n},{v}," for n, v in enumerate(PDQS))]),
        "\n".join(["ID,PDQ Hash", *(f"p{n},{v.upper()}" for n, v in enumerate(PDQS))]),
        "\n".join(["id,pdq", *(f"p{n},{v}" for n, v in enumerate(PDQS))]).encode("utf-16"),
        "\n".join(["id;pdq", *(f"p{n};{v}" for n, v in enumerate(PDQS))]).encode("utf-16-le"),
        "\n".join(["pdq,comment", *(f"{v},seen" for v in PDQS)]),
        "\n".join(["signal_type,signal_str", *(f"pdq,{v}" for v in PDQS)]),
        "\n".join(["Hash Type,Hash Value", *(f"HASH_PDQ,{v}" for v in PDQS)]),
        "\n".join(["hash,quality,filename", *(f"{v},100,a.jpg" for v in PDQS)]),
        "\n".join(f"{v},99,pictures/a.jpg" for v in PDQS),
        "\n".join(f"{v},2880742865368386,2020-07-31T18:47:52+0000,x y" for v in PDQS),
        "\n".join(PDQS),
        "# pdq\n" + "\n".join(PDQS),
        "\n".join(json.dumps({"hash_digest": v, "algorithm": "PDQ"}) for v in PDQS),
        json.dumps([{"hash": v, "algorithm": "PDQ"} for v in PDQS], indent=1),
        json.dumps({"count": 3, "results": [{"PDQ": v} for v in PDQS]}),
    ],
)
def test_every_dialect_of_a_table_is_read(take: Take, data: str | bytes) -> None:
    done, rows = take(data)
    assert (done.returncode, found(rows, "pdq")) == (0, PDQS), done.stdout + done.stderr
    assert [each["status"] for each in rows] == ["active"] * 3


@pytest.mark.parametrize(
    "data",
    [
        "\n".join(SUMS["sha256"]),
        "\n".join(f"{value}  pictures/{at}.jpg" for at, value in enumerate(SUMS["sha256"])),
        "\n".join(f"{value} *{at}.jpg" for at, value in enumerate(SUMS["sha256"])),
        "hash,algorithm\n" + "\n".join(f"{value},SHA-256" for value in SUMS["sha256"]),
        "SHA-256 sum\n" + "\n".join(SUMS["sha256"]),
    ],
)
def test_digests_are_not_taken_as_pdq(take: Take, data: str) -> None:
    done, rows = take(data)
    assert (done.returncode, found(rows, "sha256")) == (0, SUMS["sha256"])
    assert found(rows, "pdq") == []
    if "sum" not in data and "," not in data and ".jpg" not in data:
        assert "taken as sha256" in done.stdout


def test_64_digits_that_do_not_tell_are_asked_for(take: Take, tmp_path: Path) -> None:
    done, _ = take(PDQS[0])
    assert (done.returncode, "--algorithm sha256 or --algorithm pdq" in done.stderr) == (2, True)
    assert not (tmp_path / "new.bank").exists()
    assert found(take(PDQS[0], "--algorithm", "pdq")[1], "pdq") == PDQS[:1]


@pytest.mark.parametrize("name", ["md5", "sha1"])
def test_a_list_of_shorter_digests_is_told_by_its_length(take: Take, name: str) -> None:
    assert found(take("\n".join(SUMS[name]))[1], name) == SUMS[name]


def test_status_and_class_in_other_words_are_never_active_in_silence(take: Take) -> None:
    words = ["removed", "Revoked", "pending", "", "Active"]
    rows = [f"p{at},{SUMS['sha256'][at]},{word},ai face" for at, word in enumerate(words)]
    odd = f"q,{SUMS['sha256'][5]},active,celebrity"
    done, taken = take("\n".join(["id,sha256,status,class", *rows, odd]))
    states = {row["id"]: row["status"] for row in taken}
    assert states == {"p0": "withdrawn", "p1": "withdrawn", "p3": "active", "p4": "active"}
    assert "(unknown_status; 'pending')" in done.stdout
    assert "(unknown_class; 'celebrity')" in done.stdout
    assert "status 'removed' taken as withdrawn" in done.stdout
    assert {row["class"] for row in taken} == {"ai_face"}


def test_columns_and_dates_that_are_not_read_are_named(take: Take) -> None:
    done, rows = take(
        f"id,pdq,PhotoDNA,first_seen,TLP\np,{PDQS[0]},AAAA,03/12/2024,Amber+Strict\n"
        f"q,{PDQS[1]},,2024-03-12,WHITE\n"
    )
    assert [row.get("first_seen") for row in rows] == [None, "2024-03-12"]
    assert [row["tlp"] for row in rows] == ["AMBER+STRICT", "CLEAR"]
    assert "unknown_column; PhotoDNA" in done.stdout
    assert "odd_date; first_seen '03/12/2024'" in done.stdout


def test_what_has_expired_is_not_active(take: Take) -> None:
    stix = {
        "type": "indicator", "id": "indicator--1", "spec_version": "2.1",
        "pattern": f"[file:hashes.PDQ = '{PDQS[0]}']", "pattern_type": "stix",
        "valid_from": "2020-03-01T00:00:00Z", "valid_until": "2021-03-01T00:00:00Z",
    }  # fmt: skip
    later = {**stix, "id": "indicator--2", "valid_until": "2999-01-01T00:00:00Z"}
    later["pattern"] = f"[file:hashes.PDQ = '{PDQS[1]}']"
    done, rows = take(json.dumps({"type": "bundle", "id": "bundle--1", "objects": [stix, later]}))
    assert [row["id"] for row in rows] == ["indicator--2"]
    assert "expired; 2021-03-01" in done.stdout
    done, rows = take(f"id,pdq,valid until\nold,{PDQS[2]},2021-03-01\n")
    assert [row["id"] for row in rows] == ["indicator--2"]


@pytest.mark.parametrize("name", ["md5", "sha1", "sha256"])
def test_digests_of_nothing_are_refused(run: Run, take: Take, name: str) -> None:
    nothing = hashlib.new(name, b"").hexdigest()
    done, rows = take(f"id,{name}\nx,{nothing}\ny,{SUMS[name][0]}\n")
    assert (done.returncode, [row["id"] for row in rows]) == (3, ["y"])
    assert "the digest of an empty file" in done.stdout
    by_hand = run("bank", "add", "--bank", "b", "--id", "z", "--hash", f"{name}={nothing}")
    assert (by_hand.returncode, "empty file" in by_hand.stderr) == (2, True)


def test_a_list_of_an_investigators_tool_is_read(take: Take) -> None:
    rows = [f"{SUMS['md5'][at]};{SUMS['sha1'][at]};A;00;{at};Image;No;" for at in range(3)]
    rows += [
        f"{SUMS['md5'][3]}0;{SUMS['sha1'][3]};;;3;Image;No;",
        f"{SUMS['md5'][4]};;;;4;Video;No;",
    ]
    done, taken = take("\n".join(["MD5;SHA1;ZZ40;PhotoDNA;Image ID;Media Type;Baseline", *rows]))
    assert (done.returncode, found(taken, "md5")) == (3, SUMS["md5"][:3])
    assert [row["id"] for row in taken] == ["0", "1", "2", "3"]
    assert "wrong_length" in done.stdout
    assert "not_a_picture; video" in done.stdout


def test_pages_and_single_updates_in_one_file_are_read(take: Take) -> None:
    def update(at: int) -> dict[str, Any]:
        opinions = {"data": [{"status": "MALICIOUS", "owner": {"id": "1"}}]}
        return {"id": str(100 + at), "indicator": PDQS[at], "type": "HASH_PDQ",
                "last_updated": 1700000000, "should_delete": False,
                "descriptors": opinions}  # fmt: skip

    pages = [json.dumps({"data": [update(at)]}, indent=at or None) for at in range(2)]
    assert found(take("\n".join(pages))[1], "pdq") == PDQS[:2]
    assert found(take(json.dumps(update(2)))[1], "pdq") == PDQS
    again, _ = take("\n".join(json.dumps(update(at)) for at in range(3)))
    assert "new: 3 rows of threatexchange: 3 same" in again.stdout


def test_files_that_misp_says_to_be_pictures_are_taken(take: Take) -> None:
    def file(media: str, value: str) -> dict[str, Any]:
        return {"name": "file", "uuid": value[:8], "Attribute": [
            {"object_relation": "sha256", "type": "sha256", "value": value},
            {"object_relation": "mimetype", "type": "mime-type", "value": media}]}  # fmt: skip

    one, two, three, four, _, _ = SUMS["sha256"]
    done, rows = take(json.dumps({"Event": {"info": "x", "Object": [
        file("image/jpeg", one), file("application/x-dosexec", two)], "Attribute": [
        {"type": "filename|sha256", "value": f"a.JPG|{three}", "uuid": "u"},
        {"type": "filename|sha256", "value": f"a.exe|{four}"},
        {"type": "md5", "value": SUMS["md5"][0]}]}}))  # fmt: skip
    assert found(rows, "sha256") == [one, three]
    assert "parked 2: a digest of a file that is not said to be a picture" in done.stdout
    assert "parked 1: a video, a text" in done.stdout


@pytest.mark.parametrize("data", ["Tactic,Indicator\na,b\n", "word\nword\n", '{"a": 1}'])
def test_a_refusal_says_what_is_missing(take: Take, data: str) -> None:
    done, _ = take(data)
    assert (done.returncode, "--as" in done.stderr) == (2, True)
    assert data.startswith("{") or "names its columns" in done.stderr


def test_an_unknown_status_of_json_is_not_active(take: Take) -> None:
    record = {"hashValue": PDQS[0], "hashStatus": "Suspended", "signalType": "ImagePDQ"}
    done, rows = take(json.dumps({"hashRecords": [record]}))
    assert (rows, "(unknown_status; 'Suspended')" in done.stdout) == ([], True)


@pytest.mark.parametrize("odd", ["5", "[5]", '[{"value": 5}]', '{"a": 1}'])
def test_odd_hashes_without_a_name_are_bad_rows_alone(take: Take, odd: str) -> None:
    good = json.dumps({"id": "a", "hashes": {"pdq": PDQS[0]}})
    done, rows = take(f'{{"id": "x", "hashes": {{"?": {odd}}}}}\n{good}')
    assert (found(rows, "pdq"), "Traceback" in done.stderr) == (PDQS[:1], False)


def test_ragged_rows_and_prefixes(take: Take) -> None:
    done, rows = take(
        f"id,sha256\na,sha256:{SUMS['sha256'][0]}\nb\nc,0x{SUMS['sha256'][1]}\nd,e,f\n"
    )
    assert found(rows, "sha256") == SUMS["sha256"][:2]
    assert (done.returncode, "refused 2: a row that is not" in done.stdout) == (3, True)


@pytest.mark.parametrize(
    "data",
    [
        f"id,pdq,deleted\na,{PDQS[0]},true\n",
        f"id,pdq,deleted\na,{PDQS[0]},2026-01-02\n",
        f"id;pdq;is active\na;{PDQS[0]};no\n",
        f"a.jpg,{PDQS[0]},removed\nb.jpg,{PDQS[1]},removed\n",
        json.dumps([{"id": "a", "pdq": PDQS[0], "revoked": 1}]),
        json.dumps(
            {
                "data": [
                    {
                        "id": "7",
                        "indicator": PDQS[0],
                        "type": "HASH_PDQ",
                        "should_delete": False,
                        "descriptors": {"data": [{"status": "RETRACTED"}]},
                    }
                ]
            }
        ),
    ],
)
def test_what_a_flag_or_an_odd_word_takes_back_is_not_active(take: Take, data: str) -> None:
    _, rows = take(data)
    assert {row["status"] for row in rows} == {"withdrawn"}


@pytest.mark.parametrize("word", ["no", "", "0", "null"])
def test_a_flag_that_is_not_set_takes_nothing_back(take: Take, word: str) -> None:
    _, rows = take(f"id,pdq,deleted,active\na,{PDQS[0]},{word},1\n")
    assert [row.get("status", "active") for row in rows] == ["active"]


@pytest.mark.parametrize("state", ["statut", "Estado", "Zustand"])
def test_a_status_in_another_language_is_one(take: Take, state: str) -> None:
    done, rows = take(f"id,pdq,{state}\na,{PDQS[0]},retiré\nb,{PDQS[1]},aktiv\n")
    assert [row["id"] for row in rows] == ["b"]
    assert "unknown_status; 'retir\\xe9'" in done.stdout


def test_numbers_beside_a_hash_are_no_hash(take: Take) -> None:
    done, rows = take(f"2880742865368386;{PDQS[0]};disputed\n2880742865368387;{PDQS[1]};active\n")
    assert done.returncode == 0
    assert found(rows, "pdq") == PDQS[:2]
    assert [row["status"] for row in rows] == ["disputed", "active"]


def test_a_marking_is_never_made_freer(take: Take) -> None:
    marks = ("AMBER STRICT", "tlp amber+strict", "TLP:ORANGE", "tlp:green")
    data = "".join(f"p{n},{SUMS['md5'][n]},{mark}\n" for n, mark in enumerate(marks))
    done, rows = take("id,md5,tlp\n" + data)
    assert [row["tlp"] for row in rows] == ["AMBER+STRICT", "AMBER+STRICT", "RED", "GREEN"]
    assert "unknown_tlp; 'TLP:ORANGE'" in done.stdout


@pytest.mark.parametrize(
    "columns", ["MD5 Checksum,SHA1 Sum", "File MD5,Hash SHA-1", "Hash (MD5),SHA1 (hex)"]
)
def test_columns_of_hashes_go_by_what_their_names_hold(take: Take, columns: str) -> None:
    _, rows = take(f"{columns}\n{SUMS['md5'][0]},{SUMS['sha1'][0]}\n")
    assert (found(rows, "md5"), found(rows, "sha1")) == (SUMS["md5"][:1], SUMS["sha1"][:1])


def test_pages_in_a_list_are_read(take: Take) -> None:
    opinion = {"data": [{"status": "MALICIOUS"}]}
    page = [
        {"data": [{"id": str(n), "indicator": v, "type": "HASH_PDQ", "descriptors": opinion}]}
        for n, v in enumerate(PDQS)
    ]
    assert found(take(json.dumps(page))[1], "pdq") == PDQS


def test_a_video_in_a_list_of_json_is_none_of_ours(take: Take) -> None:
    files = [
        {"hash_digest": SUMS["md5"][n], "algorithm": "MD5", "file_type": kind}
        for n, kind in enumerate(("jpg", "mp4"))
    ]
    done, rows = take(json.dumps(files))
    assert found(rows, "md5") == SUMS["md5"][:1]
    assert "not_a_picture; mp4" in done.stdout


def test_a_row_that_names_no_id_goes_by_its_hash(take: Take) -> None:
    _, rows = take(f"id,md5\nN/A,{SUMS['md5'][0]}\nnone,{SUMS['md5'][1]}\n")
    assert [row["id"] for row in rows] == SUMS["md5"][:2]


def test_letters_of_another_encoding_are_named(take: Take) -> None:
    done, _ = take(f"id,pdq\né,{PDQS[0]}\n".encode("latin-1"))
    assert "neither UTF-8 nor UTF-16" in done.stdout
    assert done.returncode == 3


@pytest.mark.parametrize("turned", [False, True])
@pytest.mark.parametrize(
    "word", ["status\nwithdrawn\nactive", "status\ndisputed\n", "harmless\nyes\nno"]
)
def test_a_feed_decides_of_a_picture_in_whatever_order(take: Take, word: str, turned: bool) -> None:
    name, decided, other = word.split("\n")
    lines = [f"a,{PDQS[0]},{decided}", f"b,{PDQS[0]},{other}", f"c,{PDQS[1]},{other}"]
    done, rows = take("\n".join([f"id,pdq,{name}", *(lines[::-1] if turned else lines)]))
    assert sorted(row["id"] for row in rows) == ["a", "c"]
    assert "in the same feed" in done.stderr
    assert done.returncode == 3


def test_rows_without_a_header_speak_for_themselves(take: Take) -> None:
    first, second, third = SUMS["md5"][:3]
    data = f"{first};;x\n{second};removed;x\n{third};TLP:RED;stolen photo\n"
    _, rows = take(data)
    assert [row.get("status", "active") for row in rows] == ["active", "withdrawn", "active"]
    assert (rows[2]["tlp"], rows[2]["class"]) == ("RED", "stolen_photo")


def test_a_page_that_breaks_off_is_named(take: Take) -> None:
    page = {"data": [{"id": "1", "indicator": PDQS[0], "type": "HASH_PDQ"}]}
    done, rows = take(json.dumps(page) + '\n{"data": [{"id": "1')
    assert (done.returncode, rows) == (2, [])
    assert "what follows JSON document 1 is no JSON" in done.stderr


def test_columns_are_not_counted_as_rows(take: Take) -> None:
    done, _ = take(f"id,pdq,ssdeep,size\na,{PDQS[0]},x,1\n")
    assert "1 rows of csv: 1 added\n  parked 2: a column" in done.stdout
