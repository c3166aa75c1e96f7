"""The command `provenance`, also as `python -m provenance`."""

import sys

from provenance.engine.interrupt import Interrupted, end_at_once


def main() -> None:
    """Run the command; signals are heard from the first moment, before anything is loaded."""
    try:
        end_at_once()
        from provenance.cli import main as run
    except Interrupted as end:
        sys.exit(end.code)
    run()


if __name__ == "__main__":
    main()
