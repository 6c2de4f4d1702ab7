"""The engine of a deployment: its own agents and environment, over whichever restarts, to series and report."""

import asyncio
import hashlib
import logging
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import msgspec

from lpm_secure.config.environment import environment_of
from lpm_secure.engine.device import Device, device_of
from lpm_secure.engine.journal import ReleaseJournal
from lpm_secure.engine.loop import EngineAgents, simulate_replicates
from lpm_secure.engine.masked_part import private_part
from lpm_secure.engine.series import PARTS, StageSeries, hash_of, table_of
from lpm_secure.environments.announcer import rehearse
from lpm_secure.environments.environment import Environment
from lpm_secure.models.words import word_of
from lpm_secure.report import folder as folders
from lpm_secure.report.page import Page
from lpm_secure.report.summary import REPORT, Summary
from lpm_secure.report.table import both
from lpm_secure.run import engine_config
from lpm_secure.run.observer import StepObserver, null_observer
from lpm_secure.run.private_run import FIGURES, replicate_figures
from lpm_secure.run.report import series_parts
from lpm_secure.run.run_progress import RunProgress, record_run
from lpm_secure.testbed.synthetic import Synthetic
from protocols import folder_lock
from protocols.errors import ParameterError
from protocols.identity import certificates
from protocols.kit.peers import wait_for_servers
from protocols.releases.ledger import SHORT
from protocols.report import html
from protocols.report.disclosure import describe_cost, describe_disclosure
from protocols.report.terminal import align
from protocols.task import manifest as manifests
from protocols.task.manifest import SimulationManifest, require_simulation
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan
from protocols.task.signature import load_verified
from protocols.wire.connect import connect

NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them


def simulate_engine(
    manifest: SimulationManifest,
    credentials: Path,
    agents: Sequence[EngineAgents],
    *,
    environments: Sequence[Environment | None],
    journal: ReleaseJournal | None = None,
    observer: StepObserver = null_observer,
    progress: RunProgress | None = None,
) -> tuple[StageSeries, ...]:
    """Drive the clients of a run whose servers run elsewhere, and return the series of each replicate.

    Args:
        manifest: of the run.
        credentials: folder with the engine's.
        agents: the engine's own, of each replicate.
        environments: of the model, one for each replicate, if it hears public numbers.
        journal: of releases; what is in it is not asked for again.
        observer: watches the steps.
        progress: writes them down.
    """

    async def simulated() -> tuple[StageSeries, ...]:
        transports = connect(manifest, certificates.read(credentials))
        with observer("private run", steps=manifest.steps, words=ReleasePlan.of(manifest).tally_words) as on_step:
            part = private_part(manifest, transports, credentials, journal)
            watchers: dict[str, Any] = {"on_step": on_step, **({"on_counts": progress.see} if progress else {})}
            series = await simulate_replicates(manifest, part, agents, environments, **watchers)
        for transport in transports:
            await transport.close()
        return series

    return asyncio.run(simulated())


def run_engine(
    path: Path,
    *,
    device: str = "auto",
    observer: StepObserver = null_observer,
    say: Callable[[str], None] = NOTICES.warning,
) -> Summary:
    """Take part in a deployment as its engine, or go on with it after a restart, and write the folder of results.

    Args:
        path: of the configuration.
        device: where the engine computes: auto, cpu or cuda.
        observer: watches the steps; those of before a restart are computed again first.
        say: is given a line for whoever waits for the servers.

    Raises:
        ParameterError: a file cannot be used, they contradict each other, or another process does so here.
        RunEnded: the run is over.
        Unavailable: an aggregator does not answer in time.
    """
    given, folder = engine_config.load(path), path.resolve().parent
    manifest = require_simulation(load_verified(folder / given.manifest, operator_key=given.operator_key))
    _require_engine(manifest, certificates.certificate_of(folder / given.credentials))
    synthetic, place = Synthetic.of(given.synthetic, given.columns), device_of(device)
    _check(manifest, synthetic, environment_of(given.environment))
    results, short = folder / given.results, manifests.run_id(manifest).hex()[:SHORT]
    results.mkdir(parents=True, exist_ok=True)
    with folder_lock.hold(results / f"engine-{short}.lock"):
        started, file = time.perf_counter(), results / f"releases-{short}.jsonl"
        engine = hashlib.sha256(msgspec.json.encode((synthetic.file, given.environment), order="deterministic"))
        servers, own = {each.name: each.address for each in manifest.aggregators}, folder / given.credentials
        asyncio.run(wait_for_servers(servers, own, patience_s=manifest.join_timeout_s, say=say))
        journal = ReleaseJournal(file, run=manifests.run_id(manifest), engine=engine.hexdigest())
        with record_run(results, manifest, synthetic=given.synthetic.agents) as progress:
            series = simulate_engine(
                manifest,
                own,
                engine_agents(synthetic, _with_seed(manifest, journal.head.seed), place),
                environments=[environment_of(given.environment) for _ in range(manifest.copies)],
                journal=journal,
                observer=observer,
                progress=progress,
            )
            facts = journal.steps, time.perf_counter() - started
            summary = _summary(manifest, series, synthetic, results, facts=facts)
            folders.write(results, summary)
    return summary


def _require_engine(manifest: SimulationManifest, certificate: bytes) -> None:
    if not manifest.engine:
        raise ParameterError(f"the manifest of {manifest.name} has no engine; its operator says engine = true")
    if manifest.gradient is not None:
        raise ParameterError("the manifest asks for a gradient, which `lpm engine` does not take")
    require_engine_certificate(certificate)


def require_engine_certificate(certificate: bytes) -> None:
    """Refuse a certificate of another party than the engine.

    Raises:
        ParameterError: it is one.
    """
    if (name := certificates.name_of(certificate)) != ENGINE:
        raise ParameterError(
            f"the certificate is of {name}, and an engine's is of {ENGINE}: lpm identity FOLDER {ENGINE} makes the "
            f"request, and the run's operator signs it with lpm keys AUTHORITY {ENGINE} --request {ENGINE}.request"
        )


def _check(manifest: SimulationManifest, synthetic: Synthetic, environment: Environment | None) -> None:
    """Refuse agents or an environment that do not fit the manifest, before anything is sent."""
    if synthetic.config.agents and not manifest.cells:
        raise ParameterError("synthetic agents meet private ones in cells, and the manifest has none; leave them out")
    synthetic.check(manifest)
    rehearse(manifest.dynamics, ReleasePlan.of(manifest), environment)


def engine_agents(synthetic: Synthetic, manifest: SimulationManifest, device: Device) -> list[EngineAgents]:
    """Draw the engine's own agents of each replicate."""
    return [synthetic.agents(manifest.replicate(copy), device) for copy in range(manifest.copies)]


def _with_seed(manifest: SimulationManifest, seed: int) -> SimulationManifest:
    """Return what the engine's own agents are drawn by: a testbed's seed, or the one of this engine's journal."""
    return manifest if manifest.testbed_seed is not None else msgspec.structs.replace(manifest, testbed_seed=seed)


def _summary(
    manifest: SimulationManifest,
    each: Sequence[StageSeries],
    synthetic: Synthetic,
    results: Path,
    *,
    facts: tuple[int, float],
) -> Summary:
    (before, seconds), series = facts, each[0]
    population = synthetic.population.card.title if synthetic.population else "agents who meet in cells only"
    figures = {
        "run": manifests.run_id(manifest).hex(),
        "steps": manifest.steps,
        "steps_of_the_journal": before,
        "seconds": seconds,
        "synthetic_agents": synthetic.config.agents,
        "population": population,
        **{f"tally_{part}": series.last(part) for part in PARTS},
        "sha256": hash_of(each),
        **replicate_figures(each),
    }
    run, series_hash = ("run", manifests.run_id(manifest).hex()), ("series", hash_of(each))
    rows = [
        ("population", f"{synthetic.config.agents:,}: {population}" if synthetic.config.agents else "none"),
        *((f"at the end, {part} agents", _totals(series, part)) for part in PARTS if series.has(part)),
        ("steps of the journal", f"{before:,}"),
    ]
    return Summary(
        file=FIGURES,
        figures=figures,
        lines=align([run, *rows, series_hash, ("report", str(results / REPORT))]),
        tables=both("series", table_of(each)),
        page=Page(
            f"Run {manifest.name}",
            [
                html.warning(describe_disclosure(manifest)),
                html.table(rows),
                *series_parts(manifest.model, each, people=True),
                html.heading("What it costs in privacy"),
                html.items(describe_cost(manifest)),
                html.fold("Hashes of run and series", *(html.digest(*row) for row in (run, series_hash))),
            ],
        ),
    )


def _totals(series: StageSeries, part: str) -> str:
    return ", ".join(f"{word_of(name)} {total:,}" for name, total in series.last(part).items())
