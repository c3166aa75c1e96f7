"""Buckets as sources, on an S3 server of moto's."""

import hashlib
import json
import shutil
import socket
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest

if TYPE_CHECKING:
    from subprocess import CompletedProcess

Bucket = Any
Run = Callable[..., "CompletedProcess[str]"]
FIXTURES = Path(__file__).parents[2] / "fixtures"
PICTURE, OTHER = FIXTURES / "marks/a1111.jpg", FIXTURES / "marks/firefly.jpg"
CHEAP = ("--only", "metadata,text_marks", "--jobs", "1")
WORDS = b"The market opens at eight, and the bakery by the gate sells out before nine.\n"
TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP = f"""<x:xmpmeta xmlns:x="adobe:ns:meta/">
<rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#"><rdf:Description rdf:about=""
xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/" Iptc4xmpExt:DigitalSourceType=
"{TYPE}"/></rdf:RDF></x:xmpmeta>"""
POST = {"post_id": "1", "text": "Look at this.", "media": ["in/a.jpg", "./b.jpg", "gone.jpg"]}
KEYS = (
    *("/first.txt", "a//b.txt", "a//c//d.txt", "a/../b.txt", "a/./b.txt", "a/b.txt", "b.txt"),
    *("a/%41.txt", "a/e?x*[y]#1.txt", "a/s3::http://127.0.0.1/x.txt", "a/ü.txt", "c", "c/d.txt"),
)


@contextmanager
def turned_away(store: dict[str, str]) -> Iterator[None]:
    """Have the server refuse our key, as one that has expired."""
    for allowed in ("0", "inf"):  # requests without a look at who asks
        asking = HTTPConnection(store["AWS_ENDPOINT_URL"].removeprefix("http://"))
        asking.request("POST", "/moto-api/reset-auth", allowed, {"Content-Type": "text/plain"})
        asking.getresponse().read()
        asking.close()
        if allowed == "0":
            yield


@pytest.fixture
def canary(store: dict[str, str]) -> Iterator[tuple[dict[str, str], socket.socket]]:
    """Return variables that name a server which tells whether anybody came."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0)
        yield store | {"AWS_ENDPOINT_URL": f"http://127.0.0.1:{server.getsockname()[1]}"}, server


@pytest.fixture
def tree(tmp_path: Path) -> Path:
    """Return a folder with pictures, a sidecar, a text, and a post with media."""
    tree = tmp_path / "tree"
    (tree / "in").mkdir(parents=True)
    (tree / ".git").mkdir()
    (tree / ".git/config").write_bytes(WORDS)
    shutil.copy(PICTURE, tree / "in/a.jpg")
    shutil.copy(OTHER, tree / "b.jpg")
    (tree / "b.jpg.xmp").write_text(XMP)
    (tree / "in-between.txt").write_bytes(WORDS)
    (tree / "posts.jsonl").write_text(json.dumps(POST) + "\n")
    return tree


def lines(done: "CompletedProcess[str]") -> list[dict[str, Any]]:
    assert "Traceback" not in done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def told(records: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Return records without what differs from scan to scan."""
    return [{key: value for key, value in one.items() if key != "elapsed_ms"} for one in records]


def test_a_bucket_is_scanned_as_a_folder_is(
    run: Run, bucket: Bucket, store: dict[str, str], tree: Path
) -> None:
    bucket.fill(tree, "some/tree")
    bucket.put("some/tree/in/", b"")  # stands for the folder
    bucket.put("some/treehouse.txt", WORDS)
    scan = ("scan", "--format", "jsonl", *CHEAP)
    here = run(*scan, "tree")
    there = run(*scan, f"s3://{bucket.name}/some/tree", **store)
    named = there.stdout.replace(f"s3://{bucket.name}/some/tree", "tree")
    assert told(lines(here)) == told([json.loads(line) for line in named.splitlines()])
    assert (here.returncode, len(lines(here))) == (there.returncode, 4)
    assert [s["source"] for s in lines(there)[0]["signals"]].count("metadata:sidecar") == 1
    assert "did not look into 1 folders (.git)" in there.stderr


def packed(tree: Path, form: str) -> bytes:
    """Return a folder as an archive; `cut` is a ZIP archive without its directory."""
    kind = {"cut": "zip"}.get(form, form)
    whole = Path(shutil.make_archive(str(tree.parent / form), kind, tree.parent, "tree"))
    data = whole.read_bytes()
    return data[: data.rindex(b"PK\1\2") - 300] if form == "cut" else data


@pytest.mark.parametrize("form", ["zip", "gztar", "cut"])
def test_an_archive_in_a_bucket_is_scanned_as_one_that_lies_here(
    run: Run, bucket: Bucket, store: dict[str, str], tree: Path, form: str
) -> None:
    name = "a.tar.gz" if form == "gztar" else "a.zip"
    local = tree.parent / name
    local.write_bytes(packed(tree, form))
    bucket.put(name, local.read_bytes())
    here = run("scan", "--format", "jsonl", *CHEAP, name)
    there = run("scan", "--format", "jsonl", *CHEAP, f"s3://{bucket.name}/{name}", **store)
    named = there.stdout.replace(f"s3://{bucket.name}/{name}", name)
    assert told(lines(here)) == told([json.loads(line) for line in named.splitlines()])
    assert here.returncode == there.returncode
    assert len(lines(here)) > 4
    again = ("scan", f"s3://{bucket.name}/", "--out", "run", *CHEAP)
    assert run(*again, **store).returncode == run(*again, **store).returncode == 3
    summary = json.loads((tree.parent / "run/summary.json").read_bytes())
    assert summary["looked_at"] == 1  # the post, of which a medium is not there
    assert summary["reused"] == len(lines(there)) - 1


def test_keys_are_names_that_lead_nowhere(run: Run, bucket: Bucket, store: dict[str, str]) -> None:
    for key in KEYS:
        bucket.put(key, WORDS + key.encode())
    bucket.put("a/x.txt", WORDS)
    bucket.put("a/x.txt?versionId=1", WORDS)  # s3fs would read the object before the question mark
    found = lines(run("scan", "--format", "jsonl", *CHEAP, f"s3://{bucket.name}", **store))
    *read, left = sorted(found, key=lambda one: one["item"]["sha256"] is None)
    expected = {key: WORDS + key.encode() for key in KEYS} | {"a/x.txt": WORDS}
    assert {one["item"]["uri"]: one["item"]["sha256"] for one in read} == {
        f"s3://{bucket.name}/{key.replace('%', '%25')}": hashlib.sha256(data).hexdigest()
        for key, data in expected.items()
    }
    assert left["signals"][0]["reason"]["code"] == "item.unreadable"
    uris = [one["item"]["uri"].encode() for one in found]
    assert uris == sorted(uris)


def test_a_run_looks_at_what_changed_and_outlives_a_store_that_is_away(
    run: Run, bucket: Bucket, store: dict[str, str], tree: Path, tmp_path: Path
) -> None:
    bucket.fill(tree, "tree")
    again = ("scan", f"s3://{bucket.name}/tree/", "--out", "run", *CHEAP)
    first = run(*again, **store)
    assert first.returncode == 3, first.stderr  # the post has a medium that is not there
    bucket.put("tree/in-between.txt", WORDS.swapcase())  # as long, and within the same second
    bucket.remove("tree/b.jpg.xmp")
    second = run(*again, **store)
    summary = json.loads((tmp_path / "run/summary.json").read_bytes())
    assert (summary["looked_at"], summary["reused"]) == (3, 1), second.stderr  # the post shows b
    kept = (tmp_path / "run/records.jsonl").read_bytes()
    away = run(*again, **store | {"AWS_ENDPOINT_URL": "http://127.0.0.1:9"})
    assert (away.returncode, away.stdout) == (2, "")
    assert f"s3://{bucket.name}/tree: Could not connect to the endpoint" in away.stderr
    with turned_away(store):
        refused = run(*again, **store)
    assert (refused.returncode, refused.stdout) == (2, "")
    assert f"s3://{bucket.name}/tree/: Permission denied" in refused.stderr
    assert (tmp_path / "run/records.jsonl").read_bytes() == kept
    assert json.loads((tmp_path / "run/run.json").read_bytes())["state"] == "complete"
    deepened = run("scan", "--out", "run", "--deepen", "review", *CHEAP, **store)
    assert deepened.returncode == 3, deepened.stderr


def test_what_is_not_there_has_a_record(run: Run, bucket: Bucket, store: dict[str, str]) -> None:
    names = [
        "s3://no-such-bucket/a",
        f"s3://{bucket.name}/no",
        "s3://x/",
        "s3:///a",
        "s3://\udcff/",
    ]
    bucket.put("there.txt", WORDS)
    listed = [*names, f"s3://{bucket.name}/there.txt"]
    done = run(
        *("scan", "--format", "jsonl", *CHEAP, "--files-from", "-"),
        stdin="\n".join(listed).encode("utf-8", "surrogateescape"),
        **store,
    )
    codes = [one["signals"][0]["reason"]["code"] for one in lines(done)]
    assert codes == [*["item.missing"] * len(names), "text_marks.clear"]
    assert done.returncode == 3


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("check", "s3://b/a.jpg"), "by `provenance scan` alone"),
        (("bank", "add", "--bank", "new.bank", "s3://b/a.jpg"), ""),
        (
            ("baseline", "accept", "--baseline", "known", "--reason", "old", "s3://b/a.jpg"),
            "`provenance scan` alone",
        ),
        (("scan", "simplecache::s3://b/a.jpg"), ""),
        (("scan", "--files-from", "names"), "fetches nothing from the web"),
    ],
)
def test_nothing_else_reaches_a_server(
    run: Run,
    canary: tuple[dict[str, str], socket.socket],
    tmp_path: Path,
    words: tuple[str, ...],
    said: str,
) -> None:
    (tmp_path / "names").write_text("simplecache::http://127.0.0.1/a.jpg\nhttps://127.0.0.1/b\n")
    environment, server = canary
    done = run(*words, **environment)
    assert done.returncode in ((2,) if said else (2, 3)), done.stderr
    assert said in " ".join(done.stderr.split())
    with pytest.raises(BlockingIOError):
        server.accept()


def test_a_report_and_a_prune_fetch_no_picture(
    run: Run, bucket: Bucket, store: dict[str, str], tmp_path: Path, canary: Any
) -> None:
    bucket.put("a.jpg", PICTURE.read_bytes())
    uri = f"s3://{bucket.name}/a.jpg"
    record = run("scan", "--format", "jsonl", *CHEAP, uri, **store).stdout
    (tmp_path / "records.jsonl").write_text(record)
    entry = {"sha256": json.loads(record)["item"]["sha256"], "uri": uri, "reason": "known"}
    baseline = {"format": "provenance.baseline/1", "accepted": [entry | {"codes": []}]}
    (tmp_path / "provenance-baseline.json").write_text(json.dumps(baseline))
    here = tmp_path / "s3:" / bucket.name  # what its name is in this folder
    here.mkdir(parents=True)
    (here / "a.jpg").write_bytes(PICTURE.read_bytes())
    environment, server = canary
    assert run("report", "records.jsonl", "--out", "page.html", **environment).returncode == 0
    done = run("baseline", "prune", "--baseline", "provenance-baseline.json", **environment)
    assert done.returncode == 0, done.stderr
    with pytest.raises(BlockingIOError):
        server.accept()


def test_a_missing_extra_is_named(run: Run, without: Callable[..., dict[str, str]]) -> None:
    done = run("scan", "s3://b/a.jpg", **without("fsspec"))
    assert (done.returncode, done.stdout) == (2, "")
    assert "pip install 'provenance-check[remote]'" in " ".join(done.stderr.split())
