"""What the audit log costs: CPU an added decision, of verifying, and of judging again.

    python benchmarks/audit.py [--lines 100000] [--write]

Decisions are those of the cheap detectors on the fixtures, repeated. Adding is measured in this
process (`AuditLog.append`) and as the difference of two scans over posts, best of three each; the
commands as processes of their own. `--write` puts the figures into docs/audit.md.
"""

import argparse
import json
import os
import re
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import msgspec

from provenance.audit.log import AuditLog, make
from provenance.record import Record
from provenance.verdict import load

ROOT = Path(__file__).parent.parent
LOOK = ["--only", "credentials,metadata,text_credentials,text_marks", "--format", "jsonl"]
PROVENANCE = [sys.executable, "-m", "provenance"]
POSTS = 10_000
ROUNDS = 3


def cpu(*args: str | Path) -> tuple[float, bytes]:
    """Return the CPU seconds of a command and those it started, and what it printed."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    done = subprocess.run([*PROVENANCE, *map(str, args)], stdout=subprocess.PIPE, check=False)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    spent = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime
    return spent, done.stdout


def scanned(folder: Path) -> float:
    """Return the CPU seconds a decision that `--audit` adds to a scan over short posts."""
    posts = folder / "posts.jsonl"
    row = {"text": "We met at noon and talked about the harvest, the roads and the new school."}
    posts.write_text("".join(json.dumps({"post_id": n, **row}) + "\n" for n in range(POSTS)))
    log = folder / "scanned"
    cpu("audit", "init", log, "--name", "benchmark")
    plain = min(cpu("scan", posts, *LOOK)[0] for _ in range(ROUNDS))
    logged = min(cpu("scan", posts, *LOOK, "--audit", log)[0] for _ in range(ROUNDS))
    return (logged - plain) / POSTS


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--lines", type=int, default=100_000)
    parser.add_argument("--write", action="store_true")
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory() as top:
        folder = Path(top)
        os.environ["HOME"] = top
        log, first = folder / "log", folder / "first"
        cpu("audit", "init", first, "--name", "benchmark")
        _, said = cpu(
            "scan", ROOT / "fixtures/signed", ROOT / "fixtures/texts", *LOOK, "--audit", first
        )
        records = [msgspec.json.decode(line, type=Record) for line in said.splitlines()]
        make(log, "benchmark/large", None)
        with AuditLog(log, load("default")) as opened:
            opened.bodies |= {
                path.stem: path.read_bytes() for path in (first / "settings").glob("*.json")
            }
            began = time.process_time()
            opened.append(records[n % len(records)] for n in range(asked.lines))
        added = (time.process_time() - began) / asked.lines
        size = sum(path.stat().st_size for path in log.glob("*.jsonl")) / asked.lines
        rows = [
            ("a decision added to a log", f"{1000 * added:.3f} CPU ms, {size:,.0f} bytes"),
            (
                f"`scan --audit`, over {POSTS:,} short posts",
                f"{1000 * scanned(folder):.3f} CPU ms more a decision",
            ),
        ]
        for name in ("verify", "replay", "replay --policy newsroom"):
            words = name.split()
            spent, _ = cpu("audit", words[0], log, *words[1:])
            rows.append((f"`audit {name}`, {asked.lines:,} decisions", f"{spent:.1f} CPU s"))
        spent, _ = cpu("audit", "bundle", log, "17", "--out", folder / "17.json")
        rows.append((f"`audit bundle`, of {asked.lines:,} decisions", f"{spent:.1f} CPU s"))
    table = "| what | cost |\n|---|---|\n" + "\n".join(f"| {a} | {b} |" for a, b in rows)
    print(table)
    if asked.write:
        page = ROOT / "docs/audit.md"
        pattern = r"(<!-- audit -->\n).*?(<!-- /audit -->)"
        text = page.read_text("utf-8")
        page.write_text(re.sub(pattern, lambda m: f"{m[1]}{table}\n{m[2]}", text, flags=re.DOTALL))


if __name__ == "__main__":
    main()
