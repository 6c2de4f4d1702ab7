"""lpm check-model, as a program reads it."""

import json

from typer.testing import CliRunner

from lpm_secure.cli.main import app


def test_the_check_of_a_model_is_there_as_figures():
    shown = CliRunner().invoke(app, ["check-model", "seir", "--agents", "50", "--steps", "2", "--json"])
    assert shown.exit_code == 0, shown.output
    figures = json.loads(shown.stdout)
    assert figures["world"] == {"agents": 50, "steps": 2, "seed": 1}
    assert [sum(figures["tallies"]["stage"][when]) for when in ("first", "last")] == [50, 50]
    assert (figures["back_ends"], figures["differences"]) == (["numpy", "numba"], {})
    assert figures["sections"]["What it says"][0]["channel"] == "contact"
