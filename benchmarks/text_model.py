"""CPU seconds and memory of the text model: one text alone, and many in a row, on either path.

Texts are made here of common words; their length is what counts. CPU is user + sys of the whole
process tree on one core. `python benchmarks/text_model.py`
"""

import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

COMMON = """
the of and to in is that for it was on are as with his they at be this from have or by one had not
but what all were when we there can an your which their said if will each about how up out them then
she many some so these would other into has more her two like him see time could no make than first
been its who now people my made over did down only way find use may water long little very after
words called just where most know morning harbour committee winter letter
"""
MANY = 40


def text(words: int, seed: int) -> str:
    """Return so many words in sentences of twelve."""
    draw = random.Random(seed)  # noqa: S311 - any words will do
    common = COMMON.split()
    drawn = [draw.choice(common) for _ in range(words)]
    return ". ".join(" ".join(drawn[at : at + 12]) for at in range(0, words, 12)) + "."


def cost(*args: str) -> tuple[float, float]:
    """Return CPU seconds, and the peak of memory in MB, of the command and its workers."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    env = dict(os.environ, OMP_NUM_THREADS="1")
    command = [sys.executable, "-m", "provenance", *args, "--only", "text_model", "-q"]
    subprocess.run(command, env=env, capture_output=True, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    used = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return used, after.ru_maxrss / 1024


def main() -> None:
    """Print a line for each way of asking."""
    with tempfile.TemporaryDirectory() as folder:
        one, many = Path(folder) / "one.txt", Path(folder) / "many"
        one.write_text(text(300, 0), "utf-8")
        many.mkdir()
        for at in range(MANY):
            (many / f"{at}.txt").write_text(text(200, at), "utf-8")
        for name, options in (("fast", ["--fast"]), ("full", [])):
            start = time.monotonic()
            seconds, mb = cost("check", str(one), *options)
            wall = time.monotonic() - start
            print(f"{name}: one text of 300 words {seconds:.2f} CPU s, {wall:.2f} s, {mb:.0f} MB")
            seconds, _ = cost("scan", str(many), "--format", "jsonl", "--jobs", "1", *options)
            print(f"{name}: {MANY / seconds:.1f} texts of 200 words a CPU second, loading included")


if __name__ == "__main__":
    main()
