"""A run is over for good where an aggregator's records are of different moments, and when its time is over."""

import datetime
import shutil

import msgspec
import pytest

from aggregator.release.ledger import Ledger
from aggregator.store import Store
from lpm_secure.testbed.keys import pin_keys
from protocols.errors import RecordsDiffer, RunExpired
from protocols.identity import signing
from protocols.releases import ledger as ledgers
from protocols.releases.ledger import RefusalEvent
from protocols.task import manifest as manifests

ALL = ("client-0", "client-1", "client-2")
KEY = signing.new_key()


@pytest.fixture
def manifest(manifest_of):
    return manifest_of(k=1, sharing="clear", steps=5)


@pytest.fixture
def book(tmp_path):
    """Return a function that opens the aggregator's ledger."""
    return lambda run: Ledger(tmp_path / "ledger.jsonl", run=run, name="aggregator-0", key=KEY)


def _rounds(first, last):
    """Return what lets all clients speak in some rounds."""

    async def act(operator, *_):
        operator.join(*ALL)
        return [(await operator.everybody(step, *ALL))[0].release.tolist() for step in range(first, last)]

    return act


async def _refused(operator, *_):
    for _ in range(2):
        with pytest.raises(RecordsDiffer) as caught:
            operator.join("client-0")
    return str(caught.value)


@pytest.mark.parametrize(("kept", "done"), [(1, 3), (0, 3), (1, 4)])
def test_a_store_that_was_put_back_behind_its_ledger_tells_nothing_again(manifest, during, tmp_path, book, kept, done):
    path, old = tmp_path / "aggregator.db", tmp_path / "old.db"
    where = {"url": f"sqlite:///{path}", "book": book}
    during(manifest, _rounds(0, kept), **where)
    shutil.copy(path, old)
    during(manifest, _rounds(kept, done), **where)
    shutil.copy(old, path)
    said = during(manifest, _refused, **where)
    assert said == (
        f"the last round of the ledger is {done - 1}, and that of the store {kept - 1}: one of them was put back; "
        "the run is over"
    )
    events = ledgers.load(tmp_path / "ledger.jsonl", signing.public_of(KEY))
    assert events[-1] == RefusalEvent(kept, "records-differ", said)
    assert during(manifest, _refused, **where) == said  # also after another start


def test_a_ledger_that_was_put_back_behind_its_store_ends_the_run(manifest, during, tmp_path, book):
    where = {"url": f"sqlite:///{tmp_path / 'aggregator.db'}", "book": book}
    during(manifest, _rounds(0, 1), **where)
    old = (tmp_path / "ledger.jsonl").read_bytes()
    during(manifest, _rounds(1, 3), **where)
    (tmp_path / "ledger.jsonl").write_bytes(old)
    assert during(manifest, _refused, **where).startswith("the last round of the ledger is 0, and that of the store 2")


def test_a_crash_between_ledger_and_store_is_none_of_this(manifest, during, tmp_path, book, monkeypatch):
    where = {"url": f"sqlite:///{tmp_path / 'aggregator.db'}", "book": book}
    during(manifest, _rounds(0, 2), **where)

    def crash(self, run, done):
        raise KeyboardInterrupt

    async def act(operator, *_):
        operator.join(*ALL)
        with pytest.raises(Exception, match="could not close step 2"):
            await operator.everybody(2, *ALL)

    with monkeypatch.context() as broken:
        broken.setattr(Store, "save_round", crash)
        with pytest.raises(KeyboardInterrupt):
            during(manifest, act, **where)
    assert book(manifests.run_id(manifest)).number == 2
    assert len(during(manifest, _rounds(2, 4), **where)) == 2


def test_a_run_whose_time_is_over_ends_for_all(manifest_of, during, tmp_path, book):
    manifest = pin_keys(manifest_of(k=2))[0]
    over = datetime.datetime.now(datetime.UTC).replace(microsecond=0) - datetime.timedelta(seconds=1)
    expired = msgspec.structs.replace(manifest, trust=msgspec.structs.replace(manifest.trust, not_after=over))

    async def act(operator, *_):
        with pytest.raises(RunExpired, match=r"the manifest expired at .* UTC, and the run with it"):
            operator.join("client-0")

    during(expired, act, book=book)
    last = ledgers.load(tmp_path / "ledger.jsonl", signing.public_of(KEY))[-1]
    assert (last.number, last.code) == (0, "run-expired")
    during(manifest, _rounds(0, 0))
