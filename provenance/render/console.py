"""The console of every screen: what it may print is escaped before, so it interprets nothing."""

from typing import TYPE_CHECKING, TextIO

from provenance.render import RenderOptions

if TYPE_CHECKING:
    from rich.console import Console


def console(out: TextIO, look: RenderOptions) -> "Console":
    """Return a console of the look's width that prints words as they are."""
    from rich.console import Console

    return Console(
        file=out,
        width=look.width,
        color_system="256" if look.colour else None,
        force_terminal=look.colour,
        no_color=not look.colour,
        highlight=False,
        markup=False,
        emoji=False,
        legacy_windows=False,
    )
