"""A calibration over processes, part by part: its manifest, its noise, what a client keeps, and the column it reads."""

import asyncio
import dataclasses
import datetime
import importlib.util
import os
from pathlib import Path

import msgspec
import numpy as np
import pytest

from aggregator.release.sum_noise import SumNoise
from client_sdk.institution_config import InstitutionConfig, read_institution
from client_sdk.likelihood.series import Series
from client_sdk.likelihood.series_file import Periods, write_series
from client_sdk.secure_sum.client import SumClient
from client_sdk.secure_sum.contribution import Contribution
from client_sdk.secure_sum.journal import REQUESTS, SumJournal
from lpm_secure.secure_sum.parties import manifest_for
from lpm_secure.testbed.keys import pin_keys
from lpm_secure.testbed.sum_deployment import SumDeployment
from protocols.errors import BudgetSpent, DataError, ParameterError, RoundClosed, ShareRefused, Unavailable, WouldWrap
from protocols.releases.mechanism import DiscreteGaussian
from protocols.releases.query import Release, Releases
from protocols.task.layout import Layout
from protocols.task.policy import outputs_of
from protocols.task.release_plan import ReleasePlan
from tests.calibration_hospitals import OBSERVATION, WEEKS, hospitals, institution_of

SHAPE, WORDS, ONE = (2, 2, WEEKS), 4 * WEEKS, Contribution()
KEY, PERIODS = bytes(32), Periods(datetime.date(2026, 3, 2), 7, WEEKS)


def manifest_of(contribution=ONE, *, rounds=3, **changes):
    addresses = ["127.0.0.1:1001", "127.0.0.1:1002"]
    given = {"contribution": contribution, "rounds": rounds, "min_cohort": 5}
    return manifest_for(tuple(hospitals()), SHAPE, addresses, **given | changes)


def noised(scale=2.0, times=3, sensitivity=1):
    release = Release(
        name="sum",
        mechanism="discrete-gaussian",
        sigma=scale,
        sensitivity=sensitivity,
        times=times,
        unit="contribution",
        epsilon=1.0,
        delta=1e-6,
    )
    return Releases(each=(release,), rho=10.0)


def noise_of(manifest):
    return SumNoise(ReleasePlan.of(manifest), manifest.sigma, KEY)


def test_a_sum_shares_words_of_its_vector_alone_and_releases_every_other_round():
    manifest = manifest_of()
    layout = Layout.of(manifest)
    assert (layout.d, layout.c, layout.q) == (WORDS, 0, 0)
    assert [[each.name for each in ReleasePlan.of(manifest).in_step(step)] for step in range(4)] == [[], ["sum"]] * 2
    assert outputs_of(manifest) == ("sum",)


@pytest.mark.parametrize(
    ("changes", "why"),
    [
        ({"min_cohort": 1}, "at least 2 clients"),
        ({"releases": Releases(each=(Release(name="tally"),))}, "nothing else"),
        ({"releases": noised(times=2)}, "times to 3"),
        ({"releases": noised(sensitivity=2)}, "sensitivity to 1"),
    ],
)
def test_a_manifest_of_a_sum_that_contradicts_itself_is_refused(changes, why):
    with pytest.raises(ParameterError, match=why):
        msgspec.structs.replace(manifest_of(), **changes)


def test_gradients_that_could_wrap_are_refused_with_their_noise():
    wide = Contribution(clip=2.0**35, bits=24)
    manifest_of(wide)
    with pytest.raises(WouldWrap, match="noise"):
        manifest_of(wide, releases=noised(scale=2.0))


def test_a_round_that_asks_opens_nothing_whatever_clients_tell():
    total = np.arange(WORDS, dtype=np.uint64)
    assert not noise_of(manifest_of()).add(0, total, before=b"")[0].any()
    assert np.array_equal(noise_of(manifest_of()).add(1, total, before=b"")[0], total)


def test_each_answering_round_has_noise_of_its_own_with_the_sigma_of_the_manifest():
    manifest, total = manifest_of(releases=noised()), np.zeros(WORDS, dtype=np.uint64)
    one, other = (noise_of(manifest).add(step, total, before=b"")[0].view(np.int64) for step in (1, 3))
    assert not np.array_equal(one, other)
    expected = DiscreteGaussian(manifest.sigma).from_key(KEY, WORDS, stream=2)
    assert np.array_equal(one, expected)
    assert manifest.sigma == pytest.approx(2 * 2000 * 2**24, rel=1e-6)


def test_each_sum_that_is_opened_in_a_round_has_noise_of_its_own_and_none_of_another_rounds():
    manifest, total = manifest_of(releases=noised()), np.zeros(WORDS, dtype=np.uint64)
    steps, places, noise = (1, 3, 5), range(20), noise_of(manifest)
    drawn = {noise.add(step, total, before=b"", place=place)[0].tobytes() for step in steps for place in places}
    assert len(drawn) == len(steps) * len(places)


def test_every_sum_is_counted_and_none_is_opened_beyond_what_the_noise_was_made_for():
    noise, total, before = noise_of(manifest_of(releases=noised())), np.zeros(WORDS, dtype=np.uint64), b""
    for place in range(3):
        _, before = noise.add(1, total, before=before, place=place)
    with pytest.raises(BudgetSpent, match="3 sums"):
        noise.add(3, total, before=before)
    assert noise.add(2, total, before=before) == (pytest.approx(0), before)


def test_what_rounding_adds_to_a_clipped_gradient_is_within_the_reach_that_noise_covers():
    gradient = np.full(SHAPE, 1e9) + np.arange(WORDS).reshape(SHAPE)
    encoded = ONE.encode(gradient)
    assert np.linalg.norm(encoded.astype(float)) <= manifest_of().reach


def test_a_client_that_starts_again_keeps_its_keys_and_uses_no_nonce_twice(tmp_path):
    manifest = manifest_of()
    first = SumJournal.start(tmp_path, manifest)
    first.about_to_answer(3, np.arange(10.0))
    second = SumJournal.start(tmp_path, manifest)
    assert second.keys == first.keys
    assert {name: each.secret for name, each in second.sessions.items()} == {
        name: each.secret for name, each in first.sessions.items()
    }
    assert [each.counter for each in first.sessions.values()] == [0, 0]
    assert [each.counter for each in second.sessions.values()] == [REQUESTS, REQUESTS]
    assert second.answered == 3
    assert second.state.tolist() == list(range(10))
    assert second.path.stat().st_mode & 0o777 == 0o600


def test_what_a_client_keeps_is_not_printed(tmp_path):
    kept = SumJournal.start(tmp_path, manifest_of())
    printed = repr(kept) + repr(kept._entry) + repr(list(kept.sessions.values()))
    for secret in (*kept.keys, *(each.secret for each in kept.sessions.values())):
        assert repr(secret)[2:20] not in printed


def test_what_a_hospital_is_about_to_use_is_on_disk_under_its_name(tmp_path, monkeypatch):
    """Else a machine that loses power has the old file back, and uses nonces and keystream again."""
    synced, fsync, replace = [], os.fsync, Path.replace
    monkeypatch.setattr(os, "fsync", lambda number: (synced.append(os.fstat(number).st_ino), fsync(number)))
    monkeypatch.setattr(Path, "replace", lambda path, target: (synced.append("replaced"), replace(path, target)))
    kept = SumJournal.start(tmp_path, manifest_of())
    kept.about_to_answer(1, np.ones(3))
    own, folder = kept.path.stat().st_ino, tmp_path.stat().st_ino
    assert synced[-3:] == [own, "replaced", folder]
    assert synced[1:3] == ["replaced", folder]


@pytest.mark.parametrize(
    "spoil", [lambda text: text[:-5], lambda text: b"{}", lambda text: text.replace(b'"run":"', b'"run":"A')]
)
def test_a_spoilt_file_of_kept_keys_is_refused(tmp_path, spoil):
    kept = SumJournal.start(tmp_path, manifest_of())
    kept.path.write_bytes(spoil(kept.path.read_bytes()))
    with pytest.raises(ParameterError, match="move it away"):
        SumJournal.start(tmp_path, manifest_of())


def test_a_series_is_read_as_it_was_written_and_gives_the_same_bits(tmp_path):
    most = np.array([0.0, np.nan, 3.0, 8.714285714285714, 1e-17, np.nextafter(4.0, 0.0)])
    series = Series(np.array([0.0, np.nan, 1.0, 8.714285714285714, 1e-17, -np.inf]), most)
    write_series(tmp_path / "series.csv", series, PERIODS)
    assert "1.0..3.0" in (tmp_path / "series.csv").read_text()
    assert "<4.0" in (tmp_path / "series.csv").read_text()
    read = read_institution(config(), tmp_path)
    for found, given in ((read.series.least, series.least), (read.series.most, series.most)):
        assert np.array_equal(found, given, equal_nan=True)
    assert (read.share.tolist(), read.local_steps) == ([0.25, 0.5], 3)


def test_what_is_a_hospitals_own_is_written_for_it_alone(tmp_path):
    (tmp_path / "series.csv").touch(mode=0o644)
    write_series(tmp_path / "series.csv", Series.of(np.ones(WEEKS)), PERIODS)
    SumDeployment(tmp_path / "run", manifest_of(), hospitals()).write()
    own = tmp_path / "run" / "parties" / "hospital-0"
    for path in (tmp_path / "series.csv", *(own / name for name in ("config.toml", "series.csv", "state.f64"))):
        assert path.stat().st_mode & 0o077 == 0, path


@pytest.mark.parametrize(
    ("content", "why"),
    [
        ("date,beds\n2026-03-02,3\n", "no column value"),
        ("date,value,serie\n2026-03-02,3,a\n", "did you mean series"),
        ("date,value\n2026-03-02,many\n", "row 2, column value: a number, <c below c"),
        ("date,value\n2026-03-02,3\n2026-03-09,-1\n", "period 2 is no count"),
        ("date,value\n2026-03-02,3\n2026-03-08,4\n", "row 3: row 2 is of the 7 days from 2026-03-02 on too"),
        ("date,value\n2.3.2026,3\n", "row 2, column date"),
        ("date,value\n2025-03-02,3\n", "no row from 2026-03-02 to before 2026-04-13"),
        ("date,series,value\n2026-03-02,flu,3\n2026-03-02,rsv,3\n", "has 2 series, flu, rsv; say quantity"),
        ("institution,date,value\nb,2026-03-02,3\n", "no row of institution 'a'"),
    ],
)
def test_a_series_that_cannot_be_used_is_refused_with_its_file_and_row(tmp_path, content, why):
    (tmp_path / "series.csv").write_text(content)
    with pytest.raises(DataError, match=why) as refused:
        read_institution(config(), tmp_path)
    assert "series.csv" in str(refused.value)
    assert "many" not in str(refused.value)


@pytest.mark.parametrize("places", [("Upper",), ("Upper", "Middle", "Lower")])
def test_names_of_more_or_fewer_places_than_have_a_share_are_refused_before_the_run(places):
    """Its results would be written under them when it is over."""
    assert config(places=("Upper", "Lower")).place_names == ("Upper", "Lower")
    assert config().place_names == ("1", "2")
    with pytest.raises(ParameterError, match=f"places names {len(places)} and share has 2"):
        config(places=places)


@pytest.mark.parametrize("table", ["forecast", "course"])
def test_results_that_could_not_be_written_are_refused_before_the_run(monkeypatch, table):
    config(**{table: "home.parquet"})
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(DataError, match=r"^home\.parquet needs pyarrow, which is not installed"):
        config(**{table: "home.parquet"})


def config(**changes):
    return InstitutionConfig(
        name="a",
        manifest="m",
        operator_key=KEY,
        policy="p",
        credentials=".",
        series="series.csv",
        start=PERIODS.start,
        period_days=PERIODS.days,
        periods=PERIODS.count,
        share=(0.25, 0.5),
        observation=OBSERVATION,
        local_steps=3,
        **changes,
    )


@dataclasses.dataclass
class Rounds:
    """Answers a client's rounds as the test tells it."""

    draws: np.ndarray
    told: list = dataclasses.field(default_factory=list)
    raising: dict = dataclasses.field(default_factory=dict)

    async def round(self, vector, *, step):
        self.told.append((step, vector.copy()))
        if self.raising.get(step):
            raise self.raising[step].pop(0)
        return dataclasses.make_dataclass("Answer", ["synthetic"])(self.draws.reshape(-1).view(np.int64))


def client_of(tmp_path, rounds, *, hospital=None):
    manifest = manifest_of()
    hospital = hospital or hospitals()["hospital-0"]
    return SumClient(manifest, hospital, rounds, SumJournal.start(tmp_path, manifest), wait_s=5.0)


def draws_of(value=3.0):
    return np.full(SHAPE, value)


def test_a_hospital_answers_what_it_heard_with_its_clipped_gradient(tmp_path):
    rounds = Rounds(draws_of())
    asyncio.run(client_of(tmp_path, rounds).run())
    expected, twin = [], hospitals()["hospital-0"]
    for _ in range(3):
        expected += [np.zeros(WORDS, dtype=np.int64), Contribution().encode(twin.answer(draws_of())[0])]
    assert all(np.array_equal(told.view(np.int64), e) for (_, told), e in zip(rounds.told, expected, strict=True))


def test_a_hospital_that_did_not_hear_the_draws_sits_the_answer_out_and_is_not_lost(tmp_path):
    rounds = Rounds(draws_of(), raising={2: [RoundClosed("late")]})
    client = client_of(tmp_path, rounds)
    asyncio.run(client.run())
    assert [step for step, _ in rounds.told] == [0, 1, 2, 4, 5]
    assert client.missed == [1]


def test_a_hospital_that_was_left_out_ends_and_says_why(tmp_path):
    rounds = Rounds(draws_of(), raising={1: [ShareRefused("hospital-0 shared a number out of range in step 1")]})
    client = client_of(tmp_path, rounds)
    with pytest.raises(ShareRefused, match="out of range in step 1"):
        asyncio.run(client.run())
    assert [step for step, _ in rounds.told] == [0, 1]


def test_a_call_that_fails_is_made_again_with_the_same_vector(tmp_path):
    rounds = Rounds(draws_of(), raising={1: [Unavailable("away"), Unavailable("away")]})
    asyncio.run(client_of(tmp_path, rounds).run())
    answers = [told for step, told in rounds.told if step == 1]
    assert len(answers) == 3
    assert all(np.array_equal(each, answers[0]) for each in answers)


def test_a_hospital_that_was_ended_after_it_told_a_gradient_does_not_tell_that_round_another(tmp_path):
    first = Rounds(draws_of())
    before = client_of(tmp_path, first)
    asyncio.run(before.advance())
    asyncio.run(before.advance())
    again = Rounds(draws_of(2.0))
    after = client_of(tmp_path, again)
    assert np.array_equal(after.institution.state, before.institution.state)
    asyncio.run(after.run())
    assert [step for step, _ in again.told] == [0, 2, 3, 4, 5]
    assert after.missed == [0]


@pytest.mark.parametrize("value", [np.nan, np.inf, 51.0])
def test_draws_that_no_model_would_publish_teach_a_hospital_nothing(tmp_path, value):
    client = client_of(tmp_path, Rounds(draws_of(value)))
    before = client.institution.state.copy()
    asyncio.run(client.run())
    assert client.missed == [0, 1, 2]
    assert np.array_equal(client.institution.state, before)


def test_a_hospital_of_another_number_of_weeks_is_refused(tmp_path):
    with pytest.raises(ParameterError, match="6 periods"):
        client_of(tmp_path, Rounds(draws_of()), hospital=institution_of(np.ones(4), [0.1, 0.2]))


def test_a_hospitals_state_is_what_it_goes_on_from():
    one, other = hospitals()["hospital-1"], hospitals()["hospital-1"]
    one.answer(draws_of())
    other.resume(one.state)
    assert np.array_equal(one.answer(draws_of(2.0))[0], other.answer(draws_of(2.0))[0])
    with pytest.raises(ParameterError, match="10"):
        other.resume(np.zeros(4))


def test_pinned_keys_make_another_run_of_the_same_calibration():
    manifest, _ = pin_keys(manifest_of())
    assert set(manifest.trust.keys) == {"aggregator-0", "aggregator-1"}
