"""A private run that has ended, with its replay in the clear, and every figure of both."""

import platform
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final, final

import msgspec

from lpm_secure.config.simulation import Config
from lpm_secure.engine.series import PARTS, StageSeries, difference, hash_of
from lpm_secure.models.words import departure_words
from lpm_secure.report.versions import versions
from lpm_secure.run.ingress import Ingress
from lpm_secure.run.processes import Execution
from lpm_secure.testbed.testbed import Testbed
from protocols.task import manifest as manifests

FIGURES: Final = "run.json"


@final
@dataclass(frozen=True, slots=True, eq=False)
class PrivateRun:
    """A finished run, and its clear replay where there was one.

    Attributes:
        before_s: seconds from when it was asked for until its processes were started.
    """

    config: Config
    testbed: Testbed
    private: Execution
    clear: Execution | None
    received: tuple[Ingress, ...] = ()
    before_s: float = 0.0

    @property
    def parity(self) -> bool | None:
        """Whether private and clear series are the same to the bit, of each replicate; None if none was replayed."""
        return None if self.clear is None else not difference(self.private.replicates, self.clear.replicates)

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
        if not self.testbed.synthetic:
            return "no synthetic agents"
        city = self.testbed.city
        return city.population.card.title if city and city.population else "synthetic agents who meet in cells only"

    def figures(self) -> dict[str, Any]:
        """Return everything that a reader of a run may want to compare, as plain values."""
        private, clear = self.private, self.clear
        rounds = self.config.steps + 1
        bytes_of = [client["sent_bytes"] + client["received_bytes"] for client in private.clients.values()]
        return {
            "run": manifests.run_id(self.testbed.manifest).hex(),
            "contacts": self.label,
            "look_alike": self.testbed.look_alike,
            "population": self.population,
            "seed": self.config.seed,
            **self._shares(),
            **{f"tally_{part}": private.series.last(part) for part in PARTS},
            "seconds_start": private.start_s,
            "seconds_first_step": self.before_s + private.start_s,
            "seconds_per_step": private.step_s,
            "seconds_per_step_clear": clear.step_s if clear else None,
            "overhead": private.step_s / clear.step_s if clear else None,
            "bytes_per_client_per_step": sum(bytes_of) / len(bytes_of) / rounds if bytes_of else None,
            "received_bytes_per_step": [msgspec.to_builtins(row) for row in self.received],
            "clients": private.clients,
            "lost": [{"party": each.name, "returncode": each.returncode} for each in private.lost],
            "parity": self.parity,
            "sha256_private": hash_of(private.replicates),
            "sha256_clear": hash_of(clear.replicates) if clear else None,
            **replicate_figures(private.replicates),
            "versions": versions(),
            "machine": platform.platform(),
            "config": msgspec.to_builtins(self.config),
        }

    def _shares(self) -> dict[str, float]:
        """Return who is no longer in the first stage at the end, where its name is one of which people ask for that."""
        series = self.private.series
        share = departure_words(series.first).share
        return {f"{share}_{part}": series.departure_share(part) for part in PARTS} if share else {}


def replicate_figures(each: Sequence[StageSeries]) -> dict[str, Any]:
    """Return what each replicate came to, where there are several; the other figures of a run are of the first one."""
    if len(each) == 1:
        return {}
    own = [
        {"sha256": series.hash, **{f"tally_{part}": series.last(part) for part in PARTS if series.has(part)}}
        for series in each
    ]
    return {"replicates": own}
