"""What the commands do."""

import dataclasses
import logging
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final, final

import msgspec

from lpm_secure.audit.collect import collect
from lpm_secure.audit.index import INDEX
from lpm_secure.config.environment import environment_of
from lpm_secure.config.simulation import Config
from lpm_secure.engine.device import device_of
from lpm_secure.engine.series import StageSeries, hash_of, table_of
from lpm_secure.local_process.launch import begin
from lpm_secure.local_process.modules import ACTIVE_SERVER, CLIENT, SERVER
from lpm_secure.report import folder as folders
from lpm_secure.report.public_file import write_public
from lpm_secure.report.summary import Summary
from lpm_secure.report.table import both
from lpm_secure.run.engine_party import engine_agents, simulate_engine
from lpm_secure.run.ingress import ingress
from lpm_secure.run.observer import StepObserver, null_observer
from lpm_secure.run.private_run import PrivateRun
from lpm_secure.run.processes import replay, run_clear, run_private
from lpm_secure.run.report import summary_of
from lpm_secure.run.run_progress import STARTING, record_run
from lpm_secure.testbed.contacts import contacts_of
from lpm_secure.testbed.deployment import MANIFEST, Deployment, free_addresses
from lpm_secure.testbed.keys import pin_keys
from lpm_secure.testbed.synthetic import EngineFile, Synthetic
from lpm_secure.testbed.testbed import Testbed, build
from protocols.atomic_file import write_atomically
from protocols.errors import ParameterError, Unavailable
from protocols.identity.signing import PublicKey
from protocols.releases.ledger import SHORT
from protocols.report.disclosure import describe_disclosure, reveals_sums
from protocols.task import manifest as manifests
from protocols.task.manifest import require_simulation
from protocols.task.parties import ENGINE
from protocols.task.release_plan import ReleasePlan, releases_of
from protocols.task.signature import load_verified

NOTICES: Final = logging.getLogger("lpm")  # for whoever waits; `lpm` prints them
LOG: Final = logging.getLogger("lpm.run")  # of one run, in its folder alone
LOG.propagate = False
ENDED: Final = "ended"  # an empty file: the engine has written all that it will
REPLAYING: Final = "the replay in the clear"
REPORTING: Final = "the report"
TESTBED: Final = "All parties run on this machine, so nothing is hidden from whoever uses it."
ENGINE_S: Final = 30.0
POLL_S: Final = 0.1


@final
class DriveFile(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What `lpm engine` needs beside the manifest: its agents, whose signature it trusts, and its environment."""

    agents: EngineFile
    operator_key: PublicKey
    environment: dict[str, Any] = {}


def simulate_private(
    config: Config,
    *,
    device: str = "auto",
    out: Path,
    parity: bool = True,
    started_s: float | None = None,
    observer: StepObserver = null_observer,
) -> Summary:
    """Run a configuration over processes of this machine, and write its folder.

    Args:
        config: of the run.
        device: where the engine computes: auto, cpu or cuda.
        out: a folder is made in it for the run.
        parity: replay the run in the clear, and compare.
        started_s: since when whoever asked for it waits, in seconds of `time.perf_counter`; from now on unless given.
        observer: watches its steps.

    Returns:
        What was written into its folder, and what `lpm run` prints.

    Raises:
        ConfigError, ModelError, ParameterError: the configuration, its data, or its model has a mistake.
        ProtocolError, Unavailable: the run cannot go on.
    """
    waiting_since = time.perf_counter() if started_s is None else started_s
    place = device_of(device)
    with local_deployment(config, out=out) as deployment:
        noised = releases_of(deployment.testbed.manifest).has_noise  # then nothing in the clear is the same
        words = ReleasePlan.of(deployment.testbed.manifest).tally_words
        own: dict[str, Any] = {"synthetic": deployment.testbed.synthetic, "facts": _facts(deployment.testbed)}
        with record_run(deployment.folder, deployment.testbed.manifest, **own) as progress:
            progress.journal.enter(STARTING)
            with observer("private run", steps=config.steps, words=words) as on_step:
                before_s = time.perf_counter() - waiting_since
                execution = run_private(deployment, place, on_step, progress=progress)
            progress.journal.enter(REPLAYING if parity and not noised else REPORTING)
            clear = replay(deployment.testbed, place, execution) if parity and not noised else None
            received = ingress(deployment, execution.clients)
            run = PrivateRun(config, deployment.testbed, execution, clear, received, before_s)
            for lost in execution.lost:
                LOG.warning("%s ended with code %s: %s", lost.name, lost.returncode, lost.reason)
            summary = summary_of(run, deployment.folder)
            folders.write(deployment.folder, summary)
            if run.parity is not None:
                progress.journal.results["parity"] = "identical" if run.parity else "DIFFERENT"
            LOG.info("series %s, parity %s", hash_of(execution.replicates), run.parity)
    return summary


def simulate_clear(config: Config, *, device: str = "auto", observer: StepObserver = null_observer) -> StageSeries:
    """Run a configuration in this process, with no protection.

    Args:
        config: of the run.
        device: where it computes: auto, cpu or cuda.
        observer: watches its steps.

    Returns:
        Its series, int64[T + 1, 2, q], with their names.

    Raises:
        ConfigError, ModelError, ParameterError: the configuration, its data, or its model has a mistake.
    """
    place, testbed = device_of(device), local_testbed(config)
    words = ReleasePlan.of(testbed.manifest).tally_words
    with observer("clear run", steps=config.steps, words=words) as on_step:
        return run_clear(testbed, place, on_step).series


@contextmanager
def local_deployment(config: Config, *, out: Path, warns: bool = True) -> Iterator[Deployment]:
    """Write a deployment's folder, log into it; afterwards end its processes, and write what an audit needs.

    However the run ends: one that stopped, because its budget was spent say, is audited like any other. It `warns` of
    what clients learn in sum mode; whoever makes many runs says that once.
    """
    begin(ACTIVE_SERVER if config.private.security == "active" else SERVER)  # while the run's files are made
    begin(CLIENT)
    manifest, keys = pin_keys((built := local_testbed(config)).manifest)
    testbed = dataclasses.replace(built, manifest=manifest)
    if warns and reveals_sums(testbed.manifest):
        NOTICES.warning("warning: %s", describe_disclosure(testbed.manifest))
    folder = out / f"{config.name}-{manifests.run_id(testbed.manifest).hex()[:SHORT]}"
    deployment = Deployment(folder.resolve(), testbed, keys)
    deployment.write()
    write_drive_file(deployment)
    handler = logging.FileHandler(deployment.folder / "run.log")
    handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
    LOG.setLevel(logging.INFO)
    LOG.addHandler(handler)
    LOG.info("run %s of %s begins", folder.name, config.name)
    try:
        yield deployment
    finally:
        deployment.stop()
        LOG.removeHandler(handler)
        handler.close()
        collect(deployment)


def write_drive_file(deployment: Deployment) -> None:
    """Write what the engine of a deployment starts from."""
    testbed = deployment.testbed
    drive_file = DriveFile(testbed.engine_file, deployment.operator_key, dict(testbed.environment))
    write_atomically(deployment.party(ENGINE) / "engine.json", msgspec.json.encode(drive_file))


def drive(folder: Path, *, device: str = "auto", observer: StepObserver = null_observer) -> str:
    """Run the engine of a deployment that `lpm up` started, and return the hash of its series."""
    place = device_of(device)
    party = folder / "parties" / ENGINE
    try:
        file = msgspec.json.decode((party / "engine.json").read_bytes(), type=DriveFile)
    except (OSError, msgspec.MsgspecError) as error:
        raise ParameterError(f"{folder} is no folder of `lpm up` ({error}); give the one that it printed") from error
    manifest = require_simulation(load_verified(folder / MANIFEST, operator_key=file.operator_key))
    agents = engine_agents(Synthetic.again(file.agents), manifest, place)
    environments = [environment_of(file.environment) for _ in agents]

    try:
        with record_run(folder, manifest, synthetic=file.agents.synthetic.agents, facts=(TESTBED,)) as progress:
            watchers: dict[str, Any] = {"observer": observer, "progress": progress}
            series = simulate_engine(manifest, party, agents, environments=environments, **watchers)
            for name, content in both("series", table_of(series)).items():
                write_public(folder / name, content)
    finally:
        if not (folder / INDEX).exists():  # `lpm up` was interrupted, and has signed what there was
            (party / ENDED).touch()
    return hash_of(series)


def require_a_client_done(deployment: Deployment) -> None:
    """Check, after all clients have ended, that one of them did so without an error.

    Raises:
        Unavailable: none did.
    """
    failed = {failure.name: failure.reason for failure in deployment.failures()}
    clients = [client.name for client in deployment.testbed.manifest.clients]
    if all(name in failed for name in clients):
        raise Unavailable(
            f"all {len(clients)} clients gave up, so the run has not ended ({failed[clients[0]]}); start `lpm up` "
            "again, and `lpm engine` as soon as it waits"
        )


def wait_for_engine(deployment: Deployment) -> bool:
    """Wait until the engine that drove a deployment from elsewhere has written its files; False if it has not."""
    ended, end = deployment.party(ENGINE) / ENDED, time.monotonic() + ENGINE_S
    while not ended.exists() and time.monotonic() < end:
        time.sleep(POLL_S)
    return ended.exists()


def _facts(testbed: Testbed) -> tuple[str, ...]:
    """Return what a reader of a testbed's run should know, in sentences."""
    return (f"GENERATED LOOK-ALIKE, NOT REAL DATA: {testbed.source}", TESTBED) if testbed.look_alike else (TESTBED,)


def local_testbed(config: Config) -> Testbed:
    """Return the parties of a configuration, with addresses of this machine."""
    return build(config, contacts_of(config), free_addresses(config.protocol.addresses))
