"""Fork servers for what tests start beside parties: an engine's programs, and workers that compute on shares."""

from lpm_secure.local_process.launch import fork_server
from lpm_secure.local_process.launch import launch as start
from lpm_secure.local_process.modules import CLIENT, SERVER

ENGINE = fork_server(("lpm_secure.checkpoint", "lpm_secure.engine.venues.agents"))
WORKER = fork_server((*SERVER, "aggregator.permutation.worker", "tests.mpc_tasks"))


def launch(program, log):
    """Start a party outside of a deployment."""
    return start(program, log, modules=SERVER if program[0] == "aggregator" else CLIENT)
