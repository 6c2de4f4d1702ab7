"""A run between a hospital and a school, whose parties' files are written by hand, and the commands that they type."""

from typer.testing import CliRunner

from lpm_secure.cli.main import app
from protocols.errors import ParameterError

PROJECT = """
name = "winter"
operator = "ministry"
not_before = 2026-01-01T00:00:00Z
not_after = 2096-01-01T00:00:00Z
steps = 30
max_message = 50
min_cohort = 2

[model]
beta = {near = 0.001}
latent = {mean = 2, sd = 1}
infectious = {mean = 4, sd = 1}
initial = 0.01

[[aggregators]]
name = "agg-a"
operator = "university"
address = "a.example:8443"
mpc = "a.example:8444"

[[aggregators]]
name = "agg-b"
operator = "charity"
address = "b.example:8443"
mpc = "b.example:8444"

[dealer]
name = "dealer"
operator = "statistics"
address = "c.example:8443"

[[clients]]
name = "hospital"
agents = [1, 2, 3]

[[clients]]
name = "school"
agents = "school.txt"
"""


def lpm(*arguments, code=0):
    """Run a command in this process, and return what it printed, or the error it raised."""
    done = CliRunner().invoke(app, [str(each) for each in arguments])
    if isinstance(done.exception, ParameterError):
        raise done.exception
    assert done.exit_code == code, done.output
    return done.stdout
