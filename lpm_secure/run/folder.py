"""What a run leaves behind: `runs/ID/` with series, figures, log and report."""

import importlib.metadata
import platform
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

import msgspec

from lpm_secure.config.simulation import Config
from lpm_secure.run.processes import Timed
from lpm_secure.run.received import Received
from lpm_secure.run.received import write as write_received
from lpm_secure.testbed.testbed import Testbed
from protocols import __version__
from protocols.task import manifest as manifests

PACKAGES: Final = ("torch", "numpy", "grpcio", "cryptography", "protobuf", "msgspec")


@final
@dataclass(frozen=True, slots=True, eq=False)
class Result:
    """A finished run, and its clear replay where there was one."""

    config: Config
    testbed: Testbed
    private: Timed
    clear: Timed | None
    received: tuple[Received, ...] = ()

    @property
    def parity(self) -> bool | None:
        """Whether private and clear series are the same to the bit; None if nothing was replayed."""
        return None if self.clear is None else self.clear.series.hash == self.private.series.hash

    @property
    def label(self) -> str:
        """Where the contacts come from, said wherever results are shown."""
        return (
            f"GENERATED LOOK-ALIKE, NOT REAL DATA: {self.testbed.source}"
            if self.testbed.look_alike
            else self.testbed.source
        )

    @property
    def population(self) -> str:
        """Who the synthetic agents are, said wherever results are shown."""
        city = self.testbed.city
        return city.population.card.title if city and city.population else "synthetic agents who meet in cells only"


def figures(result: Result) -> dict[str, Any]:
    """Return everything that a reader of a run may want to compare, as plain values."""
    private, clear = result.private, result.clear
    rounds = result.config.steps + 1
    bytes_of = [client["sent_bytes"] + client["received_bytes"] for client in private.clients.values()]
    return {
        "run": manifests.run_id(result.testbed.manifest).hex(),
        "contacts": result.label,
        "look_alike": result.testbed.look_alike,
        "population": result.population,
        "seed": result.config.seed,
        "attack_rate_private": private.series.attack_rate("private"),
        "attack_rate_synthetic": private.series.attack_rate("synthetic"),
        "seconds_start": private.start_s,
        "seconds_per_step": private.step_s,
        "seconds_per_step_clear": clear.step_s if clear else None,
        "overhead": private.step_s / clear.step_s if clear else None,
        "bytes_per_client_per_step": sum(bytes_of) / len(bytes_of) / rounds if bytes_of else None,
        "received_bytes_per_step": [msgspec.to_builtins(row) for row in result.received],
        "clients": private.clients,
        "lost": [{"party": each.name, "returncode": each.returncode} for each in private.lost],
        "parity": result.parity,
        "sha256_private": private.series.hash,
        "sha256_clear": clear.series.hash if clear else None,
        "versions": versions(),
        "machine": platform.platform(),
        "config": msgspec.to_builtins(result.config),
    }


def versions() -> dict[str, str]:
    """Return what computed a run."""
    found = {name: importlib.metadata.version(name) for name in PACKAGES}
    return {"lpm-secure": __version__, "python": sys.version.split()[0], **found}


def write(folder: Path, result: Result) -> None:
    """Write series, what every party received, and `run.json`."""
    result.private.series.write(folder)
    write_received(folder, result.received)
    content = msgspec.json.encode(figures(result))
    (folder / "run.json").write_bytes(msgspec.json.format(content, indent=2))
