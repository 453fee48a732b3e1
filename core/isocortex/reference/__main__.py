"""``python -m isocortex.reference``: write the reference of what is installed."""

from __future__ import annotations

from pathlib import Path

import click

from isocortex.errors import IsocortexError


@click.command()
@click.option(
    "--out", type=click.Path(path_type=Path), default=Path("reference"), help="Folder of the pages."
)
@click.option("--only", metavar="DISTRIBUTION", help="Leave out what other distributions install.")
@click.option(
    "--plugin",
    "files",
    multiple=True,
    type=click.Path(path_type=Path),
    help="A single-file plugin to take in.",
)
@click.option("--gaps", "lacking", is_flag=True, help="Write nothing; list settings of unknown meaning.")
def main(out: Path, only: str | None, files: tuple[Path, ...], lacking: bool) -> None:
    """Write one Markdown page for each kind of thing that is installed, plugins of yours included."""
    from isocortex.plugins.manager import PluginManager
    from isocortex.reference.meanings import gaps
    from isocortex.reference.pages import pages, write
    from isocortex.reference.site import Site

    try:
        manager = PluginManager(files=files)
        if lacking:
            click.echo("\n".join(gaps(Site(manager, only))) or "Every setting has a meaning.")
            return
        written = write(out, pages(manager, only))
    except IsocortexError as error:
        raise click.ClickException(str(error)) from None
    click.echo(f"{len(written)} pages in {out}")


if __name__ == "__main__":
    main(prog_name="python -m isocortex.reference")
