"""Groups of commands that say which one was probably meant."""

from difflib import get_close_matches

import click

INSTEAD = {"version": "--version", "help": "--help"}
"""Words that other tools take as commands → what they are called here."""


class Suggesting(click.Group):
    """A group that, for a command it does not know, names the nearest one."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command that the first word names.

        Raises:
            click.UsageError: there is none.
        """
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            near = [INSTEAD[name]] if name in INSTEAD else self._near(ctx, name)
            hint = f" Did you mean {near[0]!r}?" if near else ""
            ctx.fail(f"No such command {name!r}.{hint}")
        return super().resolve_command(ctx, args)

    def _near(self, ctx: click.Context, name: str) -> list[str]:
        return get_close_matches(name, self.list_commands(ctx), 1)
