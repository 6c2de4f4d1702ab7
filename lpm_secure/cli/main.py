"""The command line: `lpm`. Every command parses, calls one function, and prints."""

import contextlib
import json
import logging
import signal
import sys
from typing import Annotated, NoReturn

import click
import typer

from lpm_secure.cli.analysis.amortise import amortise
from lpm_secure.cli.analysis.assimilate import assimilate
from lpm_secure.cli.analysis.calibrate import calibrate
from lpm_secure.cli.analysis.evaluate import evaluate
from lpm_secure.cli.analysis.gradients import sensitivity, verify_gradients
from lpm_secure.cli.analysis.risk import risk
from lpm_secure.cli.model.check import check_model
from lpm_secure.cli.model.new import new_model
from lpm_secure.cli.model.schema import schema
from lpm_secure.cli.people import data, population
from lpm_secure.cli.run.results import compare, runs
from lpm_secure.cli.run.run import engine, run, up
from lpm_secure.cli.run.serve import serve
from lpm_secure.cli.trust import manifest, project
from lpm_secure.cli.trust.audit import audit
from lpm_secure.cli.trust.collect import collect
from lpm_secure.cli.trust.enrolment import admit, enrol, invite
from lpm_secure.cli.trust.keys import identity, keys
from lpm_secure.cli.trust.kit import doctor, start
from lpm_secure.cli.trust.rehearse import rehearse
from lpm_secure.local_process.deadline import INTERRUPTED, interrupt, leave
from protocols import __version__
from protocols.exit_code import ENDING, MISTAKE, ending_of

app = typer.Typer(
    name="lpm",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    add_completion=False,
    rich_markup_mode="markdown",
    suggest_commands=False,  # click does too
    help="Simulate real people without collecting their data.\n\n"
    "Start with `lpm run examples/workplace.toml`: twelve departments, two aggregators and an engine, each a process "
    "on this machine, run an epidemic over measured contacts that no party sees as a whole.",
)
app.command()(run)
app.command()(up)
app.command()(engine)
app.command()(compare)
app.command()(runs)
app.command()(serve)
app.command()(audit)
app.command()(collect)
app.command()(keys)
app.command()(identity)
app.command()(verify_gradients)
app.command()(invite)
app.command()(enrol)
app.command()(admit)
app.command()(doctor)
app.command()(start)
app.command()(rehearse)
app.command()(sensitivity)
app.command()(risk)
app.command()(calibrate)
app.command()(assimilate)
app.command()(amortise)
app.command()(evaluate)
app.command()(check_model)
app.command()(schema)
app.command()(new_model)
app.add_typer(data.app, name="data")
app.add_typer(population.app, name="population")
app.add_typer(manifest.app, name="manifest")
app.add_typer(project.app, name="project")


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(__version__)
        raise typer.Exit


@app.callback()
def top(
    version: Annotated[bool, typer.Option("--version", callback=_version, is_eager=True, help="Print it.")] = False,
) -> None:
    """Take options that stand before the command."""
    show_notices()


class _Terminal(logging.Handler):
    """Prints what those who wait for a command should know: `lpm: `, and a line on standard error."""

    def emit(self, record: logging.LogRecord) -> None:
        """Print a notice."""
        typer.echo(f"lpm: {record.getMessage()}", err=True)


def show_notices() -> None:
    """Print the notices of all packages from now on."""
    notices = logging.getLogger("lpm")
    notices.setLevel(logging.INFO)
    if not any(isinstance(handler, _Terminal) for handler in notices.handlers):
        notices.addHandler(_Terminal())


def main() -> None:
    """Run a command; a mistake in its input is one line and exit code 2, a run that cannot go on exit code 3.

    SIGTERM is what Ctrl-C is: all that the command started ends with it, within five seconds.
    """
    signal.signal(signal.SIGTERM, interrupt)
    try:
        code = app(prog_name="lpm", standalone_mode=False) or 0
        if code == INTERRUPTED:  # typer has caught it
            raise KeyboardInterrupt
        sys.exit(code)
    except click.exceptions.NoArgsIsHelpError as error:
        typer.echo(error.format_message(), err=True)
        sys.exit(2)
    except click.UsageError as error:
        command = error.ctx.command_path if error.ctx else "lpm"
        _end(f"{error.format_message().rstrip('.')}; {command} --help says what is allowed", MISTAKE)
    except ENDING as error:
        _end(*ending_of(error))
    except (KeyboardInterrupt, click.Abort):
        _tell("interrupted", INTERRUPTED)
        with contextlib.suppress(OSError):  # whoever read it may have gone first
            sys.stdout.flush()
        leave()
        sys.exit(INTERRUPTED)


def _end(line: str, code: int) -> NoReturn:
    _tell(line, code)
    sys.exit(code)


def _tell(line: str, code: int) -> None:
    """Say how a command ends on standard error, and on standard output as JSON where that is what was asked for."""
    typer.echo(f"lpm: {line}", err=True)
    if "--json" in sys.argv:
        typer.echo(json.dumps({"error": line, "exit_code": code}))


if __name__ == "__main__":
    main()
