"""What a private run of several replicates is held against."""

from types import SimpleNamespace

from lpm_secure.run import processes
from lpm_secure.run.processes import Execution, replay


def test_a_replay_is_of_each_replicate_and_takes_the_seconds_of_all(monkeypatch):
    def run_clear(testbed, device, *, public):
        return Execution(((testbed, public),), start_s=1.0, step_s=0.25)

    monkeypatch.setattr(processes, "run_clear", run_clear)
    series = [SimpleNamespace(public={"closed": [place]}) for place in range(3)]
    found = replay(SimpleNamespace(replicates="abc"), "cpu", SimpleNamespace(replicates=series))
    assert found.replicates == tuple((each, {"closed": [place]}) for place, each in enumerate("abc"))
    assert (found.start_s, found.step_s) == (3.0, 0.75)
