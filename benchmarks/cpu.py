"""CPU seconds and memory of the command, alone and beside a peer.

CPU is user + sys of the whole process tree, best of six; memory the peak resident set of its
largest process. The machine is whatever this runs on; compare rows of one run only.

The peer is `remove-ai-watermarks` (`identify`, without pixel checks), in an environment of its own
that `--peer PYTHON` names; it runs over the same files in one process, imports included, as ours.
"""

import argparse
import io
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

from PIL import Image, ImageDraw

HERE = Path(__file__).parent
FIXTURES = HERE.parent / "fixtures"
ROUNDS = 6
ENDINGS = {".jpg", ".jpeg", ".png", ".webp"}
EVERY = 4
"""Of the pictures of a folder that are scanned."""
BEGIN, END = "<!-- costs -->", "<!-- end of costs -->"
"""What stands around the table of a page."""
LAUNCH = """
import os, sys
null = os.open(os.devnull, os.O_WRONLY)
quiet = [(os.POSIX_SPAWN_DUP2, null, 1)]
child = os.posix_spawn(sys.argv[1], sys.argv[1:], os.environ, file_actions=quiet)
use = os.wait4(child, 0)[2]
print(use.ru_utime + use.ru_stime, use.ru_maxrss)
"""
PEER = """
import sys, pathlib
from remove_ai_watermarks.identify import identify
for path in sorted(pathlib.Path(sys.argv[1]).iterdir()):
    try:
        identify(path, check_visible=False, check_invisible=False)
    except Exception as error:  # whatever the peer raises: said, and the next file is timed
        print(f"{path.name}: {error!r}", file=sys.stderr)
"""


def cost(command: list[str]) -> tuple[float, float]:
    """Return (CPU seconds, MB) of one run, started from a small process: forks inherit its peak."""
    env = dict(os.environ, HOME=tempfile.gettempdir(), OMP_NUM_THREADS="1")
    launcher = [sys.executable, "-S", "-E", "-c", LAUNCH, *command]
    done = subprocess.run(launcher, env=env, capture_output=True, text=True, check=True)
    print(done.stderr, end="", file=sys.stderr)
    seconds, kilobytes = done.stdout.split()
    return float(seconds), int(kilobytes) / 1024


def best(command: list[str]) -> tuple[float, float]:
    """Return the least CPU seconds of six runs, and the most memory."""
    runs = [cost(command) for _ in range(ROUNDS)]
    return min(seconds for seconds, _ in runs), max(mb for _, mb in runs)


def photo(path: Path) -> None:
    """Write a picture of one megapixel with detail at every scale."""
    noise = Image.effect_noise((1024, 1024), 60).convert("RGB")
    draw = ImageDraw.Draw(noise)
    for step in range(0, 1024, 64):
        draw.ellipse((step, step // 2, step + 200, step // 2 + 300), fill=(step // 4, 120, 200))
    noise.save(path, "JPEG", quality=90)


def large_credentialed(path: Path) -> None:
    """Write a PNG of about 2 MB with a signed manifest."""
    sys.path.insert(0, str(FIXTURES))
    import signed  # type: ignore[import-not-found]
    from authority import Authority  # type: ignore[import-not-found]

    plain = io.BytesIO()
    Image.effect_noise((820, 820), 90).convert("RGB").save(plain, "PNG")
    leaf = Authority("Benchmark").signer()
    path.write_bytes(signed.Manifest(signed.AI).sign(leaf, plain.getvalue(), "image/png"))


def words(path: Path) -> None:
    """Write a text of 300 words."""
    sentence = (
        "The committee met again in the old library and could not agree on the second point. "
    )
    path.write_text(sentence * 19)


def row(name: str, limit: str, seconds: float, mb: float) -> str:
    """Return one row of the table."""
    return f"| {name} | {seconds:.2f} s | {mb:.0f} MB | {limit} |"


def scanned(ours: list[str], source: Path) -> Iterator[str]:
    """Yield the rows of a scan, CPU of an item, beside decoding the same pictures with Pillow."""
    paths = sorted(path for path in source.rglob("*") if path.suffix in ENDINGS)[::EVERY]
    began = time.process_time()
    for path in paths:
        with Image.open(path) as picture:
            picture.convert("RGB").load()
    alone = (time.process_time() - began) / len(paths)
    yield f"| decoding one of {len(paths)} pictures with Pillow | {alone:.3f} s | | |"
    with tempfile.TemporaryDirectory() as folder:
        for path in paths:
            shutil.copy(path, folder)
        scan = [*ours, "scan", folder, "--jobs", "1", "--format", "jsonl", "--fail-on", "never"]
        for name, more, bar in (
            ("every detector but `watermarks`", ["--without", "watermarks"], "0.090 s"),
            ("every detector", [], ""),
        ):
            seconds, mb = cost([*scan, *more])
            each = seconds / len(paths)
            yield f"| scan of these pictures, {name}, each | {each:.3f} s | {mb:.0f} MB | {bar} |"


def table(options: argparse.Namespace) -> Iterator[str]:
    """Yield the lines of the table."""
    ours = [sys.executable, "-m", "provenance"]
    yield "| what | CPU | memory | at most |\n|---|---|---|---|"
    with tempfile.TemporaryDirectory() as folder:
        big, one, text = (Path(folder) / name for name in ("big.png", "one.jpg", "text.txt"))
        large_credentialed(big)
        photo(one)
        words(text)
        yield row("`provenance --help`", "0.12 s", *best([*ours, "--help"]))
        marks = ["--only", "credentials,metadata"]
        size = big.stat().st_size / 1e6
        yield row(f"check, credentialed PNG of {size:.1f} MB, credentials and metadata", "0.45 s",
            *best([*ours, "check", str(big), *marks]))  # fmt: skip
        name, check = "check, picture of 1 MP, every detector", [*ours, "check", str(one)]
        yield row(name, "0.50 s, 300 MB", *best(check))
        yield row(f"{name} but `watermarks`", "", *best([*check, "--without", "watermarks"]))
        check = [*ours, "check", str(text)]
        yield row("check, text of 300 words", "", *best(check))
        yield row("check, text of 300 words, n-grams", "1.0 s", *best([*check, "--fast"]))
    if options.pictures:
        yield from scanned(ours, options.pictures)
    if options.credentials:
        scan = [*ours, "scan", str(options.credentials), *marks, "--jobs", "1", "--format", "jsonl"]
        mine = best(scan)
        count = sum(path.is_file() for path in options.credentials.iterdir())
        name = f"scan of {count} files, credentials and metadata, one worker"
        yield row(name, "0.6 of the peer", *mine)
        if options.peer:
            theirs = best([options.peer, "-c", PEER, str(options.credentials)])
            ratio = f"{mine[0] / theirs[0]:.2f}"
            yield row(f"the same files, remove-ai-watermarks identify ({ratio})", "", *theirs)


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--credentials", type=Path, help="folder of credentialed files")
    parser.add_argument("--pictures", type=Path, help="folder of pictures; every fourth is scanned")
    parser.add_argument("--peer", help="Python of an environment with remove-ai-watermarks")
    parser.add_argument("--into", type=Path, help="page whose table is written anew")
    options = parser.parse_args()
    said = f"Best of {ROUNDS} (a scan: one), Python {sys.version.split()[0]}, one machine.\n"
    lines = [said]
    print(said)
    for line in table(options):
        print(line, flush=True)
        lines.append(line)
    if options.into:
        head, _, rest = options.into.read_text("utf-8").partition(BEGIN)
        tail = rest.partition(END)[2]
        page = "\n".join([f"{head}{BEGIN}", "", *lines, "", f"{END}{tail}"])
        options.into.write_text(page, "utf-8")


if __name__ == "__main__":
    main()
