"""A local deployment of a secure sum: what each institution holds, in its own folder and nowhere else."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, final

from client_sdk.admission import AdmissionConfig
from client_sdk.institution_config import InstitutionConfig, write_state
from client_sdk.likelihood.institution import SeriesInstitution
from client_sdk.likelihood.series_file import Periods, write_series
from lpm_secure.local_process.launch import LocalProcess
from lpm_secure.testbed.deployment import MANIFEST, LocalDeployment
from lpm_secure.testbed.keys import TestbedKeys, pin_keys
from protocols.task.secure_sum.spec import SecureSum

SERIES: Final = "series.csv"
STATE: Final = "state.f64"
FIRST_DAY: Final = datetime.date(2000, 1, 1)  # of a testbed's files, whose dates say which period is which


@final
@dataclass(slots=True)
class SumDeployment(LocalDeployment):
    """The processes of a secure sum.

    Attributes:
        task: its manifest; keys are pinned in it.
        institutions: by name; one that is not here is a device, whose vector whoever plays it knows.
    """

    folder: Path
    task: SecureSum
    institutions: Mapping[str, SeriesInstitution] = field(default_factory=dict, repr=False)
    keys: TestbedKeys | None = field(default=None, repr=False)
    _processes: dict[str, LocalProcess] = field(default_factory=dict, repr=False)

    def __post_init__(self) -> None:
        """Make the parties' keys, unless they are given, and pin them in the manifest, which gives it its final id."""
        if self.keys is None:
            self.task, self.keys = pin_keys(self.task)

    @property
    def manifest(self) -> SecureSum:
        """Return the run's manifest."""
        return self.task

    @property
    def client_program(self) -> str:
        """Return the module that a client runs."""
        return "client_sdk.institution"

    def _write_client(self, name: str) -> None:
        institution, common = self.institutions.get(name), self._common(name)
        if institution is None:
            self._write_config(name, AdmissionConfig(**common))
            return
        calendar = Periods(FIRST_DAY, 1, institution.series.periods)
        write_series(self.party(name) / SERIES, institution.series, calendar)
        write_state(self.party(name) / STATE, institution)
        self._write_config(
            name,
            InstitutionConfig(
                **common,
                series=SERIES,
                start=calendar.start,
                period_days=calendar.days,
                periods=calendar.count,
                share=tuple(institution.share.tolist()),
                observation=institution.observation,
                local_steps=institution.local_steps,
                state=STATE,
            ),
        )

    def _common(self, name: str) -> dict[str, Any]:
        """Return what the configuration of every client says."""
        key = self.operator_key
        paths = {"manifest": f"../../{MANIFEST}", "policy": "policy.toml", "credentials": "."}
        return {"name": name, "operator_key": key, **paths}
