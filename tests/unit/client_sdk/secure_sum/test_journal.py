"""A client of sums knows, when it is started again, that its run is over."""

from client_sdk.secure_sum.journal import SumJournal
from tests.hospital_cohort import manifest_of


def test_how_a_run_ended_is_told_to_whoever_starts_it_again(tmp_path):
    manifest = manifest_of()
    journal = SumJournal.start(tmp_path, manifest)
    assert journal.ended == ""
    assert SumJournal.start(tmp_path, manifest).ended == ""
    journal.end("the run is over")
    assert SumJournal.start(tmp_path, manifest).ended == "the run is over"
    assert SumJournal.start(tmp_path, manifest_of(rounds=4)).ended == ""
