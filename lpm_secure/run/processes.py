"""The execution of a configuration over real processes, and its replay in the clear."""

import asyncio
import contextlib
import dataclasses
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, Final, TypeVar, final

import msgspec

from lpm_secure.engine.device import Device
from lpm_secure.engine.loop import ClearPart, PrivatePart, StepRelease, simulate_replicates
from lpm_secure.engine.masked_part import private_part
from lpm_secure.engine.series import StageSeries
from lpm_secure.environments.environment import Environment
from lpm_secure.environments.schedule import InterventionSchedule
from lpm_secure.event_loop import complete
from lpm_secure.run.observer import OnStep
from lpm_secure.run.run_progress import RunProgress
from lpm_secure.testbed.deployment import Deployment, Failure, LocalDeployment, PartyProcesses
from lpm_secure.testbed.testbed import Testbed
from protocols.errors import ParameterError, ProtocolError
from protocols.task.parties import ENGINE
from protocols.wire.transport import Transport

T = TypeVar("T")
OnFailure = Callable[[str, int], None]
POLL_S: Final = 0.2
NO_SERIES: Final[Mapping[str, Sequence[int]]] = MappingProxyType({})
BAD_INPUT: Final = 2  # a process' exit code for a mistake in its files


def ignore(party: str, code: int) -> None:
    """Take no note of a process that has ended."""


@final
@dataclass(frozen=True, slots=True, eq=False)
class Execution:
    """The series of each replicate, of which there is one by default, and how long each step took.

    Attributes:
        start_s: until the end of the first round: processes start, connect and join in it.
        step_s: mean of all later rounds.
        traffic: bytes of vectors between clients and aggregators, over all rounds.
        lost: processes that ended before the run did.
        clients: what each client wrote in its summary.
    """

    replicates: tuple[StageSeries, ...]
    start_s: float
    step_s: float
    traffic: int = 0
    lost: tuple[Failure, ...] = ()
    clients: dict[str, dict[str, Any]] = field(default_factory=dict)

    @property
    def series(self) -> StageSeries:
        """Return the series of the run, or of its first replicate."""
        return self.replicates[0]


async def _execute(
    testbed: Testbed,
    private: PrivatePart,
    device: Device,
    *,
    environments: Sequence[Environment | None],
    started: float,
    on_step: OnStep,
    progress: RunProgress | None = None,
) -> Execution:
    ends: list[float] = []
    traffic = 0

    def record(step: int, release: StepRelease) -> None:
        nonlocal traffic
        ends.append(time.perf_counter())
        traffic += release.traffic
        on_step(step, release)

    synthetic = [own.synthetic_agents(device) for own in testbed.replicates]
    watchers: dict[str, Any] = {"on_step": record, **({"on_counts": progress.see} if progress else {})}
    series = await simulate_replicates(testbed.manifest, private, synthetic, environments, **watchers)
    return Execution(series, ends[0] - started, (ends[-1] - ends[0]) / (len(ends) - 1), traffic)


def run_clear(
    testbed: Testbed,
    device: Device,
    on_step: OnStep = lambda step, release: None,
    *,
    public: Mapping[str, Sequence[int]] = NO_SERIES,
) -> Execution:
    """Run everything in this process, with no protection: the oracle; of several replicates the first.

    Args:
        testbed: of the run.
        device: where it computes.
        on_step: is told each step's release.
        public: numbers of a run that is replayed.
    """
    started, testbed = time.perf_counter(), testbed.replicates[0]
    private = ClearPart(testbed.manifest, testbed.clear_agents(device))
    environment = InterventionSchedule.of(public) if public else testbed.new_environment()
    given = _execute(testbed, private, device, environments=[environment], started=started, on_step=on_step)
    return complete(given)


def replay(testbed: Testbed, device: Device, private: Execution) -> Execution:
    """Run each replicate of a private run in the clear, by itself, with the public numbers that the run had.

    Seconds are of all of them together, as those of the private run are.
    """
    each = zip(testbed.replicates, private.replicates, strict=True)
    runs = [run_clear(own, device, public=series.public) for own, series in each]
    seconds = {name: sum(getattr(run, name) for run in runs) for name in ("start_s", "step_s")}
    return dataclasses.replace(runs[0], replicates=tuple(run.series for run in runs), **seconds)


def run_private(
    deployment: Deployment,
    device: Device,
    on_step: OnStep = lambda step, release: None,
    *,
    progress: RunProgress | None = None,
) -> Execution:
    """Start a deployment's processes, drive them through the run, and end them; `progress` writes it down.

    Raises:
        ParameterError: a party refused its files.
        ProtocolError: an aggregator ended, or a party did what the protocol does not allow.
    """
    started = time.perf_counter()
    try:
        deployment.start()
        execution = complete(drive(deployment, device, started, on_step, progress=progress))
        deployment.wait_for_clients(timeout_s=30.0)
        lost = tuple(deployment.failures())
        return dataclasses.replace(execution, lost=lost, clients=summaries(deployment))
    finally:
        deployment.stop()


def over_processes(
    deployment: Deployment, engine: Callable[[PrivatePart], Awaitable[T]], on_failure: OnFailure = ignore
) -> T:
    """Start a deployment's processes, do what an engine does with its clients, and end them.

    Raises:
        ParameterError: a party refused its files.
        ProtocolError: an aggregator ended, or a party did what the protocol does not allow.
    """
    try:
        deployment.start()
        result = complete(_supervise(deployment, engine, on_failure))
        deployment.wait_for_clients(timeout_s=30.0)
        return result
    finally:
        deployment.stop()


async def drive(
    deployment: Deployment,
    device: Device,
    started: float,
    on_step: OnStep,
    *,
    progress: RunProgress | None = None,
) -> Execution:
    """Run the engine of a deployment whose processes run, and watch these."""
    testbed = deployment.testbed
    environments = [testbed.new_environment() for _ in testbed.replicates]
    given: dict[str, Any] = {"environments": environments, "started": started, "on_step": on_step, "progress": progress}
    on_failure = progress.lose if progress else ignore
    return await _supervise(deployment, lambda part: _execute(testbed, part, device, **given), on_failure)


async def _supervise(
    deployment: Deployment, act: Callable[[PrivatePart], Awaitable[T]], on_failure: OnFailure = ignore
) -> T:
    """Do what an engine does, while all processes are watched."""
    manifest, folder = deployment.manifest, deployment.party(ENGINE)
    return await supervise(deployment, lambda ways: act(private_part(manifest, ways, folder)), on_failure)


async def supervise(
    deployment: LocalDeployment,
    act: Callable[[Sequence[Transport]], Awaitable[T]],
    on_failure: OnFailure = ignore,
) -> T:
    """Do what whoever drives a run does with its transports to the aggregators, while all processes are watched."""
    transports = deployment.transports()
    engine = asyncio.ensure_future(act(transports))
    watching = asyncio.create_task(watch(deployment, on_failure))
    try:
        await asyncio.wait({engine, watching}, return_when=asyncio.FIRST_COMPLETED)
        if watching.done():
            watching.result()  # raises
        return await engine
    finally:
        for task in (engine, watching):
            task.cancel()
            with contextlib.suppress(BaseException):
                await task
        for transport in transports:
            await transport.close()


async def watch(deployment: PartyProcesses, on_failure: OnFailure = ignore) -> None:
    """Raise when a process ends without which the run cannot go on; a client that dies is left out instead.

    Args:
        deployment: whose processes they are.
        on_failure: told the name and the exit code of each process that has ended with an error, again and again.
    """
    while True:
        for failure in deployment.failures():
            on_failure(failure.name, failure.returncode)
        require_running(deployment, deployment.servers)
        await asyncio.sleep(POLL_S)


def require_running(deployment: PartyProcesses, needed: Collection[str]) -> None:
    """Refuse to go on where a process refused its files, or one of those that are needed ended with an error.

    Raises:
        ParameterError, ProtocolError: it is so; with the last line of its log.
    """
    for failure in deployment.failures():
        if failure.returncode == BAD_INPUT:
            raise ParameterError(f"{failure.name}: {failure.reason}")
        if failure.name in needed:
            raise ProtocolError(f"{failure.name} ended with code {failure.returncode}: {failure.reason}")


def summaries(deployment: PartyProcesses) -> dict[str, dict[str, Any]]:
    """Return what each client wrote about its bytes and seconds; those that died wrote nothing."""
    files = {client.name: deployment.party(client.name) / "summary.json" for client in deployment.manifest.clients}
    return {name: msgspec.json.decode(file.read_bytes()) for name, file in files.items() if file.exists()}
