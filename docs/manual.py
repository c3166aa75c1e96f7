"""Manual pages of every command, as `man provenance-scan` shows them, by click-man."""

import re
from inspect import cleandoc

import click
from click_man.man import ManPage

from provenance.version import __version__

HELP = ("-h, --help", "Show this message and exit.")
"""What every command has; click remembers it as the first that asked has it."""
VERBATIM = "\b"
"""The line that click's help texts have before a paragraph that keeps its lines."""


def manual(name: str, command: click.Command) -> tuple[str, str]:
    """Return the file name of a command's manual page, and the page.

    Args:
        name: of the command, with those of its groups.
        command: the command.
    """
    context = click.Context(command, info_name=name)
    called = name.replace(" ", "-")
    page = ManPage(called)
    page.version, page.date = f"provenance {__version__}", ""
    page.short_help = command.get_short_help_str(80)
    page.synopsis = " ".join(command.collect_usage_pieces(context))
    page.description = _roff("\n\n".join(filter(None, (command.help, command.epilog))))
    options = [each for each in command.params if isinstance(each, click.Option)]
    told = [*(option.get_help_record(context) for option in options), HELP]
    page.options = [(_escaped(flags), _roff(said)) for flags, said in filter(None, told)]
    if isinstance(command, click.Group):
        listed = [
            (each, command.get_command(context, each)) for each in command.list_commands(context)
        ]
        page.commands = [(each, found.get_short_help_str(80)) for each, found in listed if found]
    return f"{called}.1", str(page).replace(f".B {called}\n", f".B {name}\n")


def _roff(text: str) -> str:
    """Return a help text in the language of manual pages."""
    paragraphs = re.split(r"\n\s*\n", cleandoc(text))
    return "\n.PP\n".join(map(_paragraph, paragraphs))


def _paragraph(text: str) -> str:
    said = _escaped(text.removeprefix(f"{VERBATIM}\n"))
    return f".nf\n{said}\n.fi" if text.startswith(VERBATIM) else said


def _escaped(text: str) -> str:
    """Return text of which nothing is a request, nor an escape."""
    return re.sub(r"^(?=[.'])", r"\\&", text.replace("\\", r"\e"), flags=re.MULTILINE)
