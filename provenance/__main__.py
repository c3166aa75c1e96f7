"""The command `provenance`, also as `python -m provenance`."""

from provenance.engine.interrupt import leave_at_once


def main() -> None:
    """Run the command; signals are heard from the first moment, before anything is loaded."""
    leave_at_once()
    from provenance.cli import main as run

    run()


if __name__ == "__main__":
    main()
