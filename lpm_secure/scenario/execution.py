"""One run of a configuration of any kind, as `lpm run` has it: a folder is written, and its summary returned."""

from pathlib import Path
from typing import Final

import pyarrow as pa
from pyarrow import parquet

from lpm_secure.city.config import CityConfig
from lpm_secure.city.job import CityObserver, simulate_city
from lpm_secure.city.job import null_observer as null_city_observer
from lpm_secure.config.simulation import Config
from lpm_secure.report.summary import Summary
from lpm_secure.run import jobs
from lpm_secure.run.observer import StepObserver, null_observer
from protocols.errors import ParameterError

SERIES: Final = "series.parquet"


def execute(
    config: Config | CityConfig,
    *,
    beside: Path,
    out: Path,
    clear: bool = False,
    parity: bool = True,
    resume: bool = False,
    device: str = "auto",
    started_s: float | None = None,
    observer: StepObserver = null_observer,
    city_observer: CityObserver = null_city_observer,
) -> Summary:
    """Run a configuration: private agents over processes, or in the clear; a city; a gradient.

    Args:
        config: of the run.
        beside: the folder that a population's relative path starts from.
        out: a folder is made in it for the run; nothing is written in the clear.
        clear: private agents in this process, with no protection.
        parity: replay a private run in the clear, and compare.
        resume: go on with a city's interrupted run.
        device: where it computes: auto, cpu or cuda.
        started_s: since when whoever asked for it waits, in seconds of `time.perf_counter`; from now on unless given.
        observer, city_observer: watch its steps, or its days.

    Raises:
        ParameterError: a mistake in the input, or what this kind of run has not.
        ProtocolError, Unavailable: a run over processes cannot go on.
    """
    if isinstance(config, CityConfig):
        return simulate_city(config, beside=beside, out=out, device=device, resume=resume, observer=city_observer)
    if resume:
        raise ParameterError(
            f"{config.name} has private agents: only a city, with [population], goes on from a checkpoint; parties "
            "that restart go on by themselves while the run lives; run it anew, without --resume"
        )
    if clear:
        return _clear(config, device=device, observer=observer)
    if config.gradient is not None:
        from lpm_secure.gradients.private import job as gradients  # noqa: PLC0415 - torch, which other runs do without

        return gradients.private(config, out=out, parity=parity)
    return jobs.simulate_private(config, device=device, out=out, parity=parity, started_s=started_s, observer=observer)


def series_of(summary: Summary) -> pa.Table:
    """Return the series that a run has written.

    Raises:
        ParameterError: it has written none, as where only a gradient is opened.
    """
    if SERIES not in summary.tables:
        raise ParameterError("the run opens a gradient and no series; leave [gradient] out to have these")
    return parquet.read_table(pa.BufferReader(summary.tables[SERIES]))


def _clear(config: Config, *, device: str, observer: StepObserver) -> Summary:
    if config.gradient is not None:
        from lpm_secure.gradients.private import job as gradients  # noqa: PLC0415 - as above

        result = gradients.clear(config)
        return Summary(file="", figures={"sha256": result.sha256}, lines=tuple(gradients.lines_of(result)))
    series = jobs.simulate_clear(config, device=device, observer=observer)
    return Summary(file="", figures={"sha256": series.hash}, lines=(f"series: {series.hash}",))
