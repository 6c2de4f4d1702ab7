"""A project of a calibration, as kits and manifests are made of it."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, final

from client_sdk.institution_config import InstitutionConfig
from client_sdk.private.data_dictionary import DataDictionary
from lpm_secure.calibration.centre.config import CentreConfig
from lpm_secure.calibration.centre.table import CalibrationTable
from lpm_secure.project import services
from lpm_secure.project.calibration.manifest import places_of, shares_of, sums_of_project
from lpm_secure.project.calibration.page import centre_page, institution_page
from lpm_secure.project.calibration.project_file import CALIBRATION, CalibrationProject
from lpm_secure.project.documentation.explanation import comment, tables
from lpm_secure.project.kind import RunKind, begin_kit, values_of, write_page
from lpm_secure.project.policy_template import policy_text
from protocols.atomic_file import write_atomically
from protocols.file_mode import PRIVATE_MODE
from protocols.identity.trust import Trust
from protocols.kit.kit import CONFIG, CREDENTIALS, ENGINE_CONFIG, MANIFEST
from protocols.task.manifest import Manifest, require_sum
from protocols.task.parties import ENGINE
from protocols.task.secure_sum.spec import SecureSum

SERIES: Final = "series.csv"
DICTIONARY: Final[dict[str, Any]] = {
    "columns": {"date": "week", "value": "count"},
    "dates": ["%d.%m.%Y"],
    "unread": ["remark"],
}


@final
@dataclass(frozen=True, slots=True)
class CalibrationKind(RunKind):
    """A project of a calibration.

    Attributes:
        file: its content.
    """

    file: CalibrationProject

    @property
    def project(self) -> CalibrationProject:
        """See `RunKind`."""
        return self.file

    def manifest(self, trust: Trust | None = None) -> SecureSum:
        """See `RunKind`."""
        return sums_of_project(self.file, self.folder, trust)

    def require_kits(self) -> None:
        """See `RunKind`; every calibration has kits."""

    def client_page(self, manifest: Manifest, name: str) -> str:
        """See `RunKind`."""
        return institution_page(self.file, require_sum(manifest), name)

    def write_client(self, folder: Path, name: str, manifest: Manifest, operator_key: bytes) -> None:
        """See `RunKind`."""
        project, table, places = self.file, self.file.calibration, places_of(self.file, self.folder)
        (client,) = (each for each in project.clients if each.name == name)
        begin_kit(folder, project, operator_key, role="client", name=name, operator=name)
        given = InstitutionConfig(
            name=name,
            manifest=MANIFEST,
            operator_key=operator_key,
            policy="policy.toml",
            credentials=CREDENTIALS,
            series=SERIES,
            quantity=table.quantity,
            start=table.start,
            period_days=table.period_days,
            periods=table.fit_periods,
            forecast_periods=table.forecast_periods,
            combine=table.combine,
            places=places,
            share=shares_of(client, places),
            observation=table.observation,
            local_steps=table.fit.local_steps,
        )
        left = ("observation", "dictionary", "relay", "forecast", "course", "summary", "state", "institution")
        keys = tuple(key for key in given.__struct_fields__ if key not in left)
        optional = {"institution": name, "state": "state.f64", "relay": manifest.aggregators[0].name}
        text = comment(InstitutionConfig, values_of(given, keys), optional=optional)
        observation = tables("observation", table.observation)
        words = comment(DataDictionary, {}, optional=DICTIONARY)
        write_atomically(folder / CONFIG, f"{text}\n{observation}\n[dictionary]\n{words}".encode())
        write_atomically(folder / "policy.toml", policy_text(project, manifest).encode())
        write_page(folder, self.client_page(manifest, name))
        services.write(folder, name, "client_sdk")

    def write_engine(self, folder: Path, manifest: Manifest, operator_key: bytes) -> None:
        """See `RunKind`; the tables of places go into the kit too."""
        project = self.file
        begin_kit(
            folder, project, operator_key, role="engine", name=ENGINE, operator=project.engine.operator, sealed=False
        )
        calibration = self.copy_tables(folder)
        for file in calibration.files.values():
            (folder / file).chmod(PRIVATE_MODE)
        given = CentreConfig(
            manifest=MANIFEST,
            operator_key=operator_key,
            credentials=CREDENTIALS,
            calibration=calibration,
        )
        text = comment(CentreConfig, values_of(given, ("manifest", "operator_key", "credentials", "results")))
        table = tables(CALIBRATION, calibration)
        write_atomically(folder / ENGINE_CONFIG, f"{text}\n{table}".encode())
        write_page(folder, centre_page(project, require_sum(manifest)))
        services.write(folder, ENGINE, "lpm_secure.cli")

    def copy_tables(self, folder: Path) -> CalibrationTable:
        """Copy the tables of places into a folder, and return the calibration that reads them there.

        Each is called by what it is, whatever folders its path has.
        """
        table = self.file.calibration
        kept = {name: f"{name}{Path(file).suffix}" for name, file in table.files.items()}
        for name, file in table.files.items():
            shutil.copyfile(self.folder / file, folder / kept[name])
        return table.with_files(kept)
