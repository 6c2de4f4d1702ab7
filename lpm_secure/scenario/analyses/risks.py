"""Everybody's risk, as the command line and a program ask for it."""

from pathlib import Path

from lpm_secure.analysis.risk import job, report
from lpm_secure.analysis.risk.config import load
from lpm_secure.analysis.risk.job import RiskRun
from lpm_secure.scenario.progress import watch_rounds
from lpm_secure.scenario.results.analysis import Analysis


def risk(config: Path | str, *, out: Path | str = "runs", progress: bool = True) -> Analysis[RiskRun]:
    """Tell each device its person's risk, and the health authority their noised distribution, as `lpm risk` does.

    Args:
        config: the path of a configuration; `examples/risk.toml` explains each key.
        out: the folder `NAME-ID` is made in it, with those of both runs, for `audit`.
        progress: show how far it is.

    Returns:
        The table `risk_distribution`: of each bin of risks, from 0 to 1, how many devices, with noise. `passed` says
        whether the replay in the clear was the same to the bit.

    Raises:
        ParameterError: a mistake in the input; of it ConfigError and DataError are.
        ProtocolError, Unavailable: a run over processes cannot go on.

    Security:
        `result.own` and `result.truth` are what a testbed alone can know, which plays all devices.
    """
    content = load(Path(config))
    with watch_rounds(content.name, shown=progress) as on_round:
        found = job.run(content, out=Path(out), on_round=on_round)
    return Analysis.write(found, report.summary_of(content, found), found.folders[0].parent)
