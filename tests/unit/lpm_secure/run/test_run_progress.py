"""What a private run's engine writes down of it: who was here, what was opened, what it cost; nothing twice."""

import msgspec
import numpy as np
import pytest

from lpm_secure.engine.loop import StepRelease
from lpm_secure.report.progress import FILE, PartyProgress, ProgressEvent, StepProgress
from lpm_secure.run.run_progress import record_run
from protocols.releases.query import Release, Releases

COUNTS = np.arange(8).reshape(2, 4)


def release(names=None, refused=()):
    nothing = np.zeros(0, dtype=np.int64)
    return StepRelease(nothing, COUNTS[0], 2, 100, names, refused)


def written(folder, kind):
    events = [msgspec.json.decode(line, type=ProgressEvent) for line in (folder / FILE).read_bytes().splitlines()]
    return [each for each in events if isinstance(each, kind)]


def test_steps_have_counts_of_parts_that_there_are_and_who_was_late_where_names_are_told(manifest_of, tmp_path):
    for synthetic in (0, 5):
        folder = tmp_path / str(synthetic)
        with record_run(folder, manifest_of(), synthetic=synthetic) as progress:
            progress.see(0, COUNTS, release())
            progress.see(1, COUNTS, release(("client-0",), ("client-1",)))
        first, second = written(folder, StepProgress)
        assert first.values == ((0, 1, 2, 3), (4, 5, 6, 7))[: 1 + (synthetic > 0)]
        assert (first.members, first.late, first.refused, first.traffic) == (2, None, (), 100)
        assert (second.late, second.refused) == (("client-2",), ("client-1",))


def test_what_was_spent_grows_with_each_noised_release_up_to_what_an_event_can_change(manifest_of, tmp_path):
    noised = Release(
        name="incidence",
        mechanism="discrete-gaussian",
        sigma=2.0,
        times=2,
        unit="contribution",
        epsilon=9.0,
        delta=1e-5,
    )
    manifest = msgspec.structs.replace(manifest_of(), releases=Releases(each=(noised,), rho=1.0))
    with record_run(tmp_path, manifest, synthetic=0) as progress:
        for step in range(4):
            progress.see(step, COUNTS, release())
    assert [each.spent for each in written(tmp_path, StepProgress)] == pytest.approx([1 / 8, 2 / 8, 2 / 8, 2 / 8])


def test_a_lost_party_is_written_once(manifest_of, tmp_path):
    with record_run(tmp_path, manifest_of(), synthetic=0) as progress:
        for _ in range(3):
            progress.lose("client-1", -9)
    (lost,) = written(tmp_path, PartyProgress)
    assert (lost.party, lost.code) == ("client-1", -9)
