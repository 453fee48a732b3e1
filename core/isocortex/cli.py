"""The command line. Heavy imports wait until a command needs them."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any, NoReturn

import click

from isocortex.errors import IsocortexError, PipelineError

DONE, FAILED, WRONG = 0, 1, 2
"""Exit codes: all done; a step failed; the request is wrong."""

_SETTINGS = {"help_option_names": ["-h", "--help"], "max_content_width": 100}


class _Group(click.Group):
    """Shows errors about the user's input as sentences, and a traceback only with --debug."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command; what is wrong with the request becomes a sentence and an exit code."""
        given = kwargs.get("args", args[0] if args else None)
        arguments = list(sys.argv[1:] if given is None else given)
        try:
            return super().main(args=arguments, prog_name="isocortex", standalone_mode=True)
        except IsocortexError as error:
            if "--debug" in arguments:
                raise
            refuse(error)
        except BrokenPipeError:
            sys.stderr.close()
            sys.exit(FAILED)
        except Exception as error:
            if "--debug" in arguments:
                raise
            click.echo(f"Error: {type(error).__name__}: {error}", err=True)
            click.echo(
                "This is not foreseen. The same command with --debug shows where it happens.", err=True
            )
            sys.exit(FAILED)


def refuse(error: IsocortexError) -> NoReturn:
    """Say what is wrong with the request and end."""
    if isinstance(error, PipelineError):
        number = len(error.problems)
        click.echo(f"The pipeline cannot run: {number} problem{'s' * (number > 1)}.", err=True)
        for problem in error.problems:
            click.echo("  " + str(problem).replace("\n", "\n    "), err=True)
    else:
        click.echo(f"Error: {error}", err=True)
    sys.exit(WRONG)


@click.group(cls=_Group, context_settings=_SETTINGS)
@click.version_option(package_name="isocortex")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def main(debug: bool) -> None:
    """Compare human brain activity with convolutional networks, and read images back from the brain."""


def _pipeline_options(command: Any) -> Any:
    """Options that every command which reads a pipeline has."""
    for option in (
        click.option("--disable", multiple=True, metavar="PLUGIN", help="Switch a plugin off."),
        click.option("--preset", metavar="NAME", help="A preset of the pipeline."),
        click.option("--set", "sets", multiple=True, metavar="K=V", help="Set a parameter."),
        click.argument("pipeline"),
    ):
        command = option(command)
    return command


def _overrides(sets: tuple[str, ...]) -> dict[str, Any]:
    from isocortex.pipeline.yaml_text import parse_scalar

    values = {}
    for item in sets:
        key, equals, value = item.partition("=")
        if not equals or not key:
            raise IsocortexError(f"--set {item}: write it as NAME=VALUE")
        values[key.strip()] = parse_scalar(value)
    return values


@main.command()
@_pipeline_options
@click.option("--out", type=click.Path(path_type=Path), help="Folder of the results [default: runs/NAME].")
@click.option("--dry-run", is_flag=True, help="Say what would run and what is reused; run nothing.")
@click.option("--workers", type=click.IntRange(1), help="Number of worker processes.")
@click.option(
    "--scheduler",
    metavar="WHERE",
    help="Run on workers of Dask: tcp://HOST:PORT, local:N (processes here), slurm, pbs or sge.",
)
@click.option(
    "--execution",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="A YAML file in place of the pipeline's own execution: section.",
)
@click.option("--no-size-check", is_flag=True, help="Run even what seems not to fit into memory or disk.")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--debug", is_flag=True, help="Show tracebacks.")
def run(
    pipeline: str,
    sets: tuple[str, ...],
    preset: str | None,
    disable: tuple[str, ...],
    out: Path | None,
    dry_run: bool,
    workers: int | None,
    scheduler: str | None,
    execution: Path | None,
    no_size_check: bool,
    quiet: bool,
    debug: bool,
) -> None:
    """Run PIPELINE: a YAML file, or the name of one that a plugin provides (isocortex list pipeline).

    Results that are already in the output folder are reused where nothing that they depend on has changed.
    """
    from isocortex import api
    from isocortex.pipeline.executors import RunStopped

    plan = api.check(pipeline, _overrides(sets), preset, disable=disable)
    if dry_run:
        from isocortex.pipeline.execution import chosen
        from isocortex.pipeline.preview import preview

        how = chosen(plan.document.execution, plan.document.steps, execution, workers, scheduler)
        text, sizes = preview(plan, out or Path("runs") / plan.name, how)
        click.echo(text)
        if not no_size_check:
            sizes.require_room(out or Path("runs") / plan.name)
        return
    try:
        event = api.execute(plan, out, workers, not quiet, scheduler, execution, not no_size_check)
    except RunStopped as error:
        click.echo(f"Stopped: {error}.", err=True)
        sys.exit(FAILED)
    except KeyboardInterrupt:
        click.echo("Stopped. The same command goes on from here.", err=True)
        sys.exit(FAILED)
    if event.failed:
        for key, message in event.failed.items():
            click.echo(f"{key}: {message}", err=True)
        if debug:
            click.echo(json.loads((event.folder / "run.json").read_text())["steps"], err=True)
        click.echo("The same command tries the failed steps again; run.json has the details.", err=True)
        sys.exit(FAILED)
    click.echo(f"Results: {event.folder}")
    click.echo(f"Report:  {event.folder / 'report.html'}")


@main.command()
@_pipeline_options
def check(pipeline: str, sets: tuple[str, ...], preset: str | None, disable: tuple[str, ...]) -> None:
    """Check PIPELINE without running it: every problem at once, with its line."""
    from isocortex import api

    plan = api.check(pipeline, _overrides(sets), preset, disable=disable)
    click.echo(f"{plan.name}: {len(plan.document.steps)} steps, {len(plan.instances)} instances, no problems")


@main.command("list")
@click.argument("kind", required=False)
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def list_(kind: str | None, as_json: bool) -> None:
    """List the components that are installed, all or of one KIND."""
    from isocortex.plugins.manager import PluginManager
    from isocortex.plugins.registry import KINDS, require_kind

    if kind is not None:
        require_kind(kind)
    registry = PluginManager().registry
    rows = [
        {"kind": entry.kind, "name": entry.name, "summary": entry.summary, "plugin": entry.plugin.name}
        for have in ([kind] if kind else KINDS)
        for entry in registry.all(have)
    ]
    if as_json:
        click.echo(json.dumps(rows, indent=1))
        return
    width = max((len(row["name"]) for row in rows), default=0)
    for have in dict.fromkeys(row["kind"] for row in rows):
        click.echo(f"{have}:")
        for row in rows:
            if row["kind"] == have:
                click.echo(f"  {row['name']:{width}}  {row['summary']}  [{row['plugin']}]")
    if not rows:
        click.echo(f"There is no {kind} installed.")


@main.command()
@click.argument("kind")
@click.argument("name")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def show(kind: str, name: str, as_json: bool) -> None:
    """Show a component: what it does, takes and gives."""
    from isocortex.describe import describe
    from isocortex.plugins.manager import PluginManager

    about = describe(PluginManager(), kind, name)
    click.echo(json.dumps(about.as_json(), indent=1) if as_json else about.as_text())


@main.command()
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def plugins(as_json: bool) -> None:
    """List the installed plugins, failed and switched-off ones included."""
    from isocortex.plugins.manager import PluginManager

    infos = PluginManager().infos
    if as_json:
        click.echo(json.dumps([vars(info) for info in infos], indent=1))
        return
    for info in infos:
        provides = ", ".join(f"{len(names)} {kind}" for kind, names in info.provides.items())
        click.echo(f"{info.name}: {info.status} ({info.source}) {provides}".rstrip())
        if info.error:
            click.echo(f"    {info.error}")


@main.command()
@click.argument("assets", nargs=-1, metavar="[ASSET]...")
@click.option("--to", type=click.Path(path_type=Path), help="Data folder [default: ISOCORTEX_DATA].")
@click.option("--quiet", is_flag=True, help="Show no progress.")
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def fetch(assets: tuple[str, ...], to: Path | None, quiet: bool, as_json: bool) -> None:
    """Download public files, ASSET by name; without a name, list what there is.

    Every file is checked. A download that was stopped goes on where it was.
    """
    from isocortex.assets.catalogue import Catalogue
    from isocortex.assets.command import fetch_all, list_all
    from isocortex.plugins.manager import PluginManager

    def warn(text: str) -> None:
        """Print to the error stream, so that what is asked for can be piped on."""
        click.echo(text, err=True)

    catalogue = Catalogue.of(PluginManager())
    if not assets:
        click.echo(list_all(catalogue, to, as_json, warn))
        return
    try:
        text, whole = fetch_all(catalogue, assets, to, quiet, as_json, warn)
    except KeyboardInterrupt:
        click.echo("Stopped. The same command goes on from here.", err=True)
        sys.exit(FAILED)
    click.echo(text)
    sys.exit(DONE if whole else FAILED)


@main.command()
def schema() -> None:
    """Print the JSON Schema of pipelines, for editors that complete and check YAML."""
    from isocortex.pipeline.json_schema import pipeline_schema
    from isocortex.plugins.manager import PluginManager

    click.echo(json.dumps(pipeline_schema(PluginManager()), indent=1))


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
@click.option("--json", "as_json", is_flag=True, help="Print JSON.")
def verify(folder: Path, as_json: bool) -> None:
    """Read every result in FOLDER again and compare it with its recorded digests.

    Says as well which results the same command would compute again now, and why: settings, code, library
    versions, input files. Ends with 1 where a file has changed or a result would be computed again.
    """
    from isocortex.pipeline.verify import verify_all

    found = verify_all(folder)
    if as_json:
        click.echo(json.dumps(found.as_json(), indent=1, ensure_ascii=False))
        sys.exit(DONE if found.good else FAILED)
    for fault in found.faults:
        click.echo(fault, err=True)
    for item in found.told():
        click.echo(item, err=True)
    if found.untold:
        click.echo(f"What would be computed again cannot be told: {found.untold}", err=True)
    counts = f"{len(found.faults)} with faults, {len(found.told())} out of date"
    click.echo("; ".join(filter(None, [f"{found.results} results, {counts}", found.note()])))
    sys.exit(DONE if found.good else FAILED)


@main.command()
@click.argument("folder", type=click.Path(path_type=Path))
def report(folder: Path) -> None:
    """Write the report of a finished run in FOLDER again."""
    from isocortex.report.again import report_again

    click.echo(f"Report: {report_again(folder)}")


@main.group(context_settings=_SETTINGS)
def new() -> None:
    """Make something new from a template."""


@new.command("plugin")
@click.argument("name")
@click.option("--into", type=click.Path(path_type=Path), default=Path(), help="Folder to make it in.")
def new_plugin(name: str, into: Path) -> None:
    """Make a plugin package NAME that passes its own tests at once."""
    from isocortex.plugins.template import make_plugin

    folder = make_plugin(name, into)
    click.echo(f"Made {folder}. Next: pip install -e {folder} and pytest {folder}")


if __name__ == "__main__":
    main()
