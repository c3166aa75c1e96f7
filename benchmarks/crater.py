"""Count verdicts over folders of pictures: `python benchmarks/crater.py FOLDER…`.

A line a folder and claim on stdout. With `--innocent`, the folders hold pictures without AI and
without faults, and any claim of AI, a change or a fake among them is an error (exit 1).
"""

import argparse
import json
import subprocess
import sys
from collections import Counter
from pathlib import Path

ACCUSING = {"ai_generated", "ai_edited", "tampered", "known_fake", "hidden_content"}


def counted(folder: Path) -> Counter[str]:
    """Return how often each claim was made, by the marks and credentials of a folder."""
    command = [sys.executable, "-m", "provenance", "scan", str(folder)]
    command += ["--only", "credentials,metadata", "--format", "jsonl", "--fail-on", "never"]
    done = subprocess.run(command, stdout=subprocess.PIPE, check=False)
    found: Counter[str] = Counter()
    for line in done.stdout.splitlines():
        record = json.loads(line)
        found["files"] += 1
        found.update({signal["claim"] for signal in record["signals"] if signal["claim"]})
    return found


def main() -> int:
    """Print the counts; return 1 where an innocent folder is accused or a folder is empty."""
    options = argparse.ArgumentParser(description=__doc__)
    options.add_argument("folders", nargs="+", type=Path)
    options.add_argument("--innocent", action="store_true")
    chosen = options.parse_args()
    wrong = 0
    for folder in chosen.folders:
        found = counted(folder)
        print(f"{folder}: {json.dumps(dict(sorted(found.items())))}")
        accused = sum(found[claim] for claim in ACCUSING) if chosen.innocent else 0
        wrong += accused > 0 or not found["files"]
    return int(wrong > 0)


if __name__ == "__main__":
    sys.exit(main())
