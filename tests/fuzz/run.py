"""Tries the parsers for a while: `python tests/fuzz/run.py [--seconds N] [NAME…]`.

Each harness runs in a process of its own, under atheris (guided by coverage) where that is
installed, else on mutants that hypothesis makes. A finding ends with its input and the exit code 1.
"""

import argparse
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from harnesses import HARNESSES, Harness, tried

try:
    import atheris  # type: ignore[import-not-found]
except ImportError:
    atheris = None

ROOT = Path(__file__).parents[2]
LONGEST = 1 << 20
"""Bytes of an input."""


def with_coverage(harness: Harness, seconds: int) -> None:
    """Let atheris look for inputs that reach new lines; it ends the process itself."""
    with tempfile.TemporaryDirectory() as folder:
        for number, data in enumerate(harness.corpus()):
            (Path(folder) / str(number)).write_bytes(data)
        options = [f"-max_total_time={seconds}", f"-max_len={LONGEST}", "-verbosity=0"]
        atheris.instrument_all()
        atheris.Setup([sys.argv[0], *options, folder], lambda data: tried(harness, data))
        atheris.Fuzz()


def with_mutants(harness: Harness, seconds: int) -> None:
    """Try mutants until the time is over."""
    from hypothesis import HealthCheck, Phase, given, settings
    from hypothesis import strategies as st
    from mutants import mutants

    corpus, end = harness.corpus(), time.monotonic() + seconds
    phases = (Phase.generate, Phase.shrink)
    suppressed = list(HealthCheck)

    @settings(max_examples=50, deadline=None, database=None, phases=phases,
              suppress_health_check=suppressed)  # fmt: skip
    @given(st.data())
    def look(data: st.DataObject) -> None:
        mutant = data.draw(mutants(corpus))
        if time.monotonic() < end:
            tried(harness, mutant)

    while time.monotonic() < end:
        look()


def say(words: str) -> None:
    """Write a line, before the process that follows writes its own."""
    sys.stdout.write(f"{words}\n")
    sys.stdout.flush()


def main() -> int:
    """Run each harness in turn; return 1 if one found something."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(HARNESSES))
    parser.add_argument("--seconds", type=int, default=60, help="of each (default: 60)")
    parser.add_argument("--here", action="store_true", help="in this process, one name")
    asked = parser.parse_args()
    if unknown := set(asked.names) - set(HARNESSES):
        parser.error(f"no harness {', '.join(sorted(unknown))}")
    if asked.here:
        harness = HARNESSES[asked.names[0]]
        (with_coverage if atheris else with_mutants)(harness, asked.seconds)
        return 0
    found = []
    for name in asked.names or HARNESSES:
        say(f"{name} ({'atheris' if atheris else 'hypothesis'}, {asked.seconds} s)")
        command = [sys.executable, __file__, "--here", "--seconds", str(asked.seconds), name]
        if subprocess.run(command, cwd=ROOT, check=False).returncode:
            found.append(name)
    say("found: " + ", ".join(found) if found else "nothing found")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
