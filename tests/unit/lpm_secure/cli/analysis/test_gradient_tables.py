"""Tables of derivatives, as a terminal shows them."""

import csv

from typer.testing import CliRunner

from lpm_secure.cli.analysis.gradient_tables import SIDE_BY_SIDE
from lpm_secure.cli.main import app


def test_sensitivities_by_many_parameters_name_each_of_them(tmp_path):
    arguments = ["sensitivity", "strains", "--out", tmp_path / "out", "--steps", "2"]
    done = CliRunner().invoke(app, [*map(str, arguments)], env={"COLUMNS": "80"})
    assert done.exit_code == 0, done.output
    rows = csv.DictReader((tmp_path / "out" / "sensitivity.csv").read_text().splitlines())
    names = {row["parameter"] for row in rows}
    assert len(names) > SIDE_BY_SIDE
    assert all(name in done.stdout for name in names)
