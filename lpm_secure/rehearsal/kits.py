"""A rehearsal over processes: the project's own kits, enrolled, admitted and started as its parties would do it."""

import csv
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, final

import numpy as np

from aggregator import kit as server_kit
from client_sdk import kit as client_kit
from lpm_secure.engine.series import StageSeries
from lpm_secure.local_process.launch import LocalProcess
from lpm_secure.project.answers import answer
from lpm_secure.project.kind import REQUESTS
from lpm_secure.project.kits import write_kits
from lpm_secure.project.project_file import ProjectFile
from lpm_secure.rehearsal.history import StateHistory
from lpm_secure.run.processes import require_running
from lpm_secure.testbed.deployment import PartyProcesses, write_tables
from lpm_secure.testbed.testbed import Testbed
from protocols.kit.kit import Kit
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest, require_simulation
from protocols.task.parties import ENGINE

KITS: Final = "kits"
POLL_S: Final = 0.5
SAY_S: Final = 15.0
MODULES: Final = {"client": "client_sdk", "engine": "lpm_secure.cli"}  # the others: aggregator


@final
@dataclass(slots=True)
class KitDeployment(PartyProcesses):
    """Processes that start from the kits of a project, each as its party would start it.

    Attributes:
        folder: with the project and a folder of kits.
    """

    folder: Path
    _manifest: Manifest
    _processes: dict[str, LocalProcess] = field(default_factory=dict, repr=False)

    @property
    def manifest(self) -> Manifest:
        """Return the run's manifest."""
        return self._manifest

    def party(self, name: str) -> Path:
        """Return a party's kit."""
        return self.folder / KITS / name

    def _program(self, name: str) -> Sequence[str]:
        module = MODULES.get(Kit.load(self.party(name)).file.role, "aggregator")
        return [module, "start", str(self.party(name))]

    def run(self, say: Callable[[str], None]) -> float:
        """Start all parties, wait until clients and engine have ended, and return the seconds that it took.

        Raises:
            ParameterError, ProtocolError: a party refused its files, or ended with an error.
        """
        began = said = time.monotonic()
        names = [client.name for client in self.manifest.clients] + [ENGINE] * self.manifest.engine
        try:
            self.start()
            if self.manifest.engine:
                self.start_party(ENGINE)
            while running := [name for name in names if self.process(name).poll() is None]:
                require_running(self, [*self.servers, *names])
                if time.monotonic() - said > SAY_S:
                    said = time.monotonic()
                    say(f"{len(names) - len(running)} of {len(names)} clients have ended, after {said - began:.0f} s")
                time.sleep(POLL_S)
            require_running(self, names)
            return time.monotonic() - began
        finally:
            self.stop()


def prepare(path: Path) -> Manifest:
    """Make the kits of a project, let all parties enrol, and answer them; each client's policy takes the seed."""
    folder = path.parent
    (folder / REQUESTS).mkdir()
    for place in write_kits(path, folder / KITS):
        kit = Kit.load(place)
        request = (client_kit if kit.file.role == "client" else server_kit).enrol(kit)
        shutil.copyfile(request, folder / REQUESTS / request.name)
    manifest, answered = answer(path, folder / "answers")
    for each in answered:
        shutil.copytree(each, folder / KITS / each.name, dirs_exist_ok=True)
    kits = [Kit.load(folder / KITS / each.name) for each in answered]
    signed = []
    for kit in kits:
        kit.accept()
        if kit.file.role in ("aggregator", "dealer"):
            signed.append(kit.countersign())
    for kit in kits:
        if kit.file.role == "client":
            policy = kit.folder / "policy.toml"
            policy.write_text(policy.read_text().replace("testbed = false", "testbed = true"))
            for signature in signed:
                shutil.copyfile(signature, kit.folder / signature.name)
    return manifest


def fill(deployment: KitDeployment, project: ProjectFile, testbed: Testbed) -> None:
    """Put each client's tables into its kit, with names of cells, and dates where steps are days."""
    start = project.start if project.dt == 1.0 else None
    for client in deployment.manifest.clients:
        write_tables(testbed, client.name, deployment.party(client.name), cells=tuple(project.cells), start=start)


def stage_history(deployment: KitDeployment) -> StateHistory | None:
    """Return in which stages all agents were, as their clients wrote it down; None of a model without stages."""
    manifest = require_simulation(deployment.manifest)
    specs = {spec.name: spec.names for spec in manifest.model.agents.columns if spec.names}
    staged = [name for name in dict.fromkeys(w.stage_of for w in manifest.model.agents.tally) if name in specs]
    if not staged:
        return None
    layout = Layout.of(manifest)
    fields = {name: np.full((manifest.steps + 1, layout.n), -1, dtype=np.int64) for name in staged if name}
    agents = [agent for client in manifest.clients for agent in client.agents]
    slot_of = {str(agent): slot for slot, agent in enumerate(agents)}
    for client in manifest.clients:
        with (deployment.party(client.name) / "outcomes.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                for name, values in fields.items():
                    values[int(row["step"]) :, slot_of[row["agent"]]] = specs[name].index(row[name])
    return StateHistory(fields)


def series_difference(deployment: KitDeployment, clear: StageSeries) -> str:
    """Return where what a client was told parts from the clear series, in words; empty where it does not."""
    for client in deployment.manifest.clients:
        with (deployment.party(client.name) / "series.csv").open(newline="", encoding="utf-8") as file:
            for row in csv.DictReader(file):
                for place, name in enumerate(clear.names):
                    truth = int(clear.of("private", place)[int(row["step"])])
                    if name in row and row[name] != str(truth):
                        return f"step {row['step']}: {name} is {row[name]} at {client.name}, and {truth} in the clear"
    return ""
