"""What `lpm run` does with a configuration that has `[gradient]`."""

from pathlib import Path

import typer

from lpm_secure.config.simulation import Config
from lpm_secure.gradients.private import job
from protocols.errors import ParameterError


def gradients(config: Config, *, clear: bool, parity: bool, out: Path) -> None:
    """Run it, write `gradient.csv`, and print derivatives; exit code 1 if those of the clear run differ."""
    if clear:
        result = job.clear(config)
        _print(result)
        return
    folder, result = job.private(config, out=out, parity=parity)
    _print(result)
    typer.echo(f"written: {folder / job.TABLE}")
    if result.parity is False:
        raise typer.Exit(1)


def require_values(config: Config, *, path: Path) -> None:
    """Refuse a configuration with derivatives where values alone are computed.

    Raises:
        ParameterError: it has `[gradient]`.
    """
    if config.gradient is not None:
        raise ParameterError(f"{path} asks for a gradient, which `lpm engine` does not take; use lpm run {path}")


def _print(result: job.GradientResult) -> None:
    for line in job.lines(result):
        typer.echo(line)
    typer.echo(f"gradient: {result.sha256}")
