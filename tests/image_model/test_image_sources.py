"""The pictures that were tried can be gathered again: cut out of clones as they were."""

import gzip
import hashlib
import io
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
from PIL import Image

ROOT = Path(__file__).parents[2]


def test_listed_pictures_are_cut_alike_each_time_and_changed_ones_named(tmp_path: Path) -> None:
    clone = tmp_path / "clones" / "town+press"
    clone.mkdir(parents=True)
    noise = np.random.default_rng(1).integers(0, 256, (60, 80, 3), np.uint8)
    for name, side in (("large.png", 2000), ("small.png", 300), ("changed.png", 400)):
        Image.fromarray(noise).resize((side * 4 // 3, side)).save(clone / name)
    git = ["git", "-c", "user.name=a", "-c", "user.email=a@example.org", "-C", str(clone)]
    for command in (["init", "-q"], ["add", "."], ["commit", "-q", "-m", "pictures"]):
        subprocess.run([*git, *command], check=True)
    said = subprocess.run([*git, "rev-parse", "HEAD"], check=True, capture_output=True, text=True)
    lines = ["repo\tcommit\tlabel\tgenerator\tkind\tsplit\tpath\tname"]
    for name in ("large.png", "small.png", "changed.png"):
        known = hashlib.sha256((clone / name).read_bytes() + b"\0").hexdigest()[:12]
        mark = "0" * 12 if name == "changed.png" else known
        lines.append(f"town/press\t{said.stdout.strip()}\treal\t\tpress\tmore\t{name}\t{mark}")
    (clone / ".git").rename(clone / "repo")
    table = tmp_path / "pictures.tsv.gz"
    table.write_bytes(gzip.compress("\n".join([*lines, ""]).encode()))

    cuts = []
    for out in (tmp_path / "one", tmp_path / "two"):
        command = [sys.executable, "benchmarks/image_sources.py", "--clones", str(clone.parent)]
        ran = subprocess.run(
            [*command, "--out", str(out), "--table", str(table)],
            cwd=ROOT,
            check=False,
            capture_output=True,
            text=True,
        )
        assert ran.returncode == 0, ran.stderr
        assert "changed.png" in ran.stderr
        rows = [json.loads(line) for line in (out / "MANIFEST.jsonl").read_text().splitlines()]
        assert [(row["label"], row["source"], row["path"]) for row in rows] == [
            ("real", "press", "large.png"),
            ("real", "press", "small.png"),
        ]
        cuts.append([(out / row["file"]).read_bytes() for row in rows])

    assert cuts[0] == cuts[1]
    for content in cuts[0]:
        with Image.open(io.BytesIO(content)) as image:
            assert min(image.size) >= 192
            assert max(image.size) <= 384


def test_the_list_names_every_picture_once_and_none_of_what_dev_judges() -> None:
    with gzip.open(ROOT / "benchmarks/image_pictures.tsv.gz", "rt", encoding="utf-8") as table:
        head, *rows = (line.rstrip("\n").split("\t") for line in table)

    assert head == ["repo", "commit", "label", "generator", "kind", "split", "path", "name"]
    assert len({row[-1] for row in rows}) == len(rows)
    assert {row[2] for row in rows} == {"ai", "real"}
    judged = {"vladmandic/sdnext", "serengil/deepface", "cszn/FFDNet", "Tencent/HunyuanDiT"}
    assert not judged & {row[0] for row in rows}
