"""The page of the command line."""

from __future__ import annotations

import inspect

import click

from isocortex.cli import main
from isocortex.reference.markdown import inline, page, prose, table


def command_pages() -> dict[str, str]:
    """The page ``commands.md``."""
    title = "# Commands\n\nExit codes: 0 done, 1 a step failed, 2 the request is wrong."
    return {"commands.md": page(title, *_commands(main, "isocortex"))}


def _commands(group: click.Group, path: str) -> list[str]:
    parts = []
    for name, command in sorted(group.commands.items()):
        if isinstance(command, click.Group):
            parts += _commands(command, f"{path} {name}")
        elif not command.hidden:
            parts.append(_section(command, f"{path} {name}"))
    return parts


def _section(command: click.Command, path: str) -> str:
    arguments = [item for item in command.params if isinstance(item, click.Argument)]
    options = [item for item in command.params if isinstance(item, click.Option)]
    usage = " ".join([path, *(item.metavar or _argument(item) for item in arguments)])
    rows = ((f"`{_spelling(option)}`", inline(option.help or "")) for option in options)
    text = prose(inspect.cleandoc(command.help or ""))
    return page(f"## {path}", f"    {usage}", text, table(("option", ""), rows))


def _argument(item: click.Argument) -> str:
    name = (item.name or "").upper()
    return name if item.required else f"[{name}]"


def _spelling(option: click.Option) -> str:
    names = ", ".join(option.opts)
    if option.is_flag:
        return names
    return f"{names} {option.metavar or (option.name or '').upper()}"
