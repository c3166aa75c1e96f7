"""The command `provenance`: its table of commands, and the one place where errors are printed."""

import errno
import importlib
import os
import sys
from collections.abc import Callable
from typing import Any

import click

from detectors.errors import Error
from provenance.cli import output
from provenance.cli.suggest import Suggesting
from provenance.engine import interrupt
from provenance.version import __version__

USAGE, UNCHECKED, CLOSED = 2, 3, 141
"""Exit codes: nothing was checked; not everything could be read or said; the reader has gone."""
FULL = (errno.ENOSPC, errno.EDQUOT)
"""What a full disk says."""

COMMANDS = {
    "check": ("provenance.cli.check:check", "Check files or standard input, a verdict on each"),
    "scan": ("provenance.cli.scan:scan", "Check every file of folders"),
    "report": ("provenance.cli.report:report", "Write a page, a table or a ticket about a run"),
    "explain": ("provenance.cli.explain:explain", "Say at length why a file gets its verdict"),
    "work": ("provenance.cli.work:work", "Decide on the messages of a queue, or on lines of JSON"),
    "serve": ("provenance.cli.serve:serve", "Answer requests of other programs by HTTP"),
    "baseline": ("provenance.cli.baseline:baseline", "Keep findings that people have accepted"),
    "bank": ("provenance.cli.bank:bank", "Keep banks of known fake-profile pictures"),
    "feed": ("provenance.cli.feed:feed", "Publish banks as signed feeds, follow those of others"),
    "posts": ("provenance.cli.posts:posts", "Turn exports of platforms into files of posts"),
    "coordination": (
        "provenance.cli.coordination:coordination",
        "Find accounts that post the same things together",
    ),
    "case": ("provenance.cli.case:case", "Gather what is known of some accounts"),
    "audit": ("provenance.cli.audit:audit", "Keep a log of decisions that can be proved"),
    "trust": ("provenance.cli.trust:trust", "List, import and remove trust lists"),
    "detectors": (
        "provenance.cli.detectors:detectors",
        "Show what looks, at what, in which version",
    ),
    "doctor": ("provenance.cli.doctor:doctor", "See whether this installation is whole"),
    "config": (
        "provenance.cli.config:config",
        "Show the configuration in force; allow a project's",
    ),
    "train": ("provenance.cli.models:train", "Train a detector's model from labelled data"),
    "evaluate": ("provenance.cli.models:evaluate", "Measure a model: metrics.json and card.md"),
    "calibrate": ("provenance.cli.models:calibrate", "Turn scores into likelihood ratios"),
    "completion": ("provenance.cli.completion:completion", "Print the shell's completion script"),
}
"""Name → where the command lives, and its summary: `--help` imports none of them."""

EPILOG = """
\b
Examples:
  provenance check photo.jpg post.txt
  provenance check - --kind text < post.txt
  provenance scan takedown/ --format jsonl > records.jsonl
  provenance bank add --bank fakes.bank known/
  provenance check avatar.png --bank fakes.bank

\b
Exit codes: 0 checked, nothing at or above --fail-on; 1 something is; 2 usage or
configuration error; 3 something could not be checked, or not be written; 130, 143 interrupted.
"""


class Commands(Suggesting):
    """A group that imports a command when it is called, not when it is listed."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Parse the words of the command line.

        Raises:
            click.UsageError: one before `--` could be an option or a file. In a list of files that
                a hook was given, the name of a file must not become an option.
        """
        options = args[: args.index("--")] if "--" in args else args
        for word in options:
            if word.startswith("-") and os.path.lexists(word):
                ctx.fail(
                    f"{word!r} is also the name of a file here: write ./{word}, or -- before it"
                )
        return super().parse_args(ctx, args)

    def list_commands(self, _ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        return list(COMMANDS)

    def get_command(self, _ctx: click.Context, name: str) -> click.Command | None:
        """Import a command."""
        if name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[name][0].partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def invoke(self, ctx: click.Context) -> Any:
        """Run a command; what it says of words that it does not know holds no password."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            from provenance.cli.secrets import without_secrets

            error.message = without_secrets(error.message)  # type: ignore[misc]
            raise

    def format_commands(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the summaries of the table."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, summary) for name, (_, summary) in COMMANDS.items()])

    def format_epilog(self, _ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the examples as they stand."""
        formatter.write(EPILOG.replace("\b\n", ""))


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="provenance")
def provenance() -> None:
    """Say where a picture, a text or a post comes from, and show the evidence.

    Reads content credentials (C2PA) and AI marks, matches pictures against banks of known fakes,
    runs calibrated classifiers, and prints one verdict. Nothing that a file names is ever fetched,
    and no evidence is no sign of anything: most honest files carry none.
    """


def main() -> None:
    """Run the command, and exit with a code of the contract and at most one line."""
    output.take_over()
    code = _code_of(_run)
    code = _code_of(sys.stdout.flush) or code
    interrupt.ignore()  # the code is decided
    sys.exit(code)


def _run() -> object:
    interrupt.end_at_once()
    return provenance(prog_name="provenance", standalone_mode=False)


def _code_of(step: Callable[[], object]) -> int:
    """Return the exit code of something that is done; say what went wrong with it."""
    try:
        code = step()
    except click.ClickException as error:
        error.show()
        return USAGE
    except Error as error:
        return _said(USAGE, f"error: {error}")
    except output.OutputError as error:
        full = f"standard output cannot be written: {error}"
        return CLOSED if error.closed else _said(UNCHECKED, full)
    except interrupt.Interrupted as error:
        # without any import, one of which it may have broken off
        click.echo("provenance: interrupted", err=True)
        return error.code
    except OSError as error:
        if error.errno not in FULL:
            raise
        return _said(UNCHECKED, f"a file cannot be written: {error}")
    return code if isinstance(code, int) else 0


def _said(code: int, words: str) -> int:
    """Say something on stderr, and return the code."""
    from provenance.cli.secrets import without_secrets
    from provenance.render.escape import escape

    click.echo(f"provenance: {escape(without_secrets(words))}", err=True)
    return code
