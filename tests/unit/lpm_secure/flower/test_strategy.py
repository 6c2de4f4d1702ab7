"""Calibration as a Flower app, over a grid inside this process: the mod, the aggregators' handler, the strategy."""

import os
import shutil

import msgspec
import numpy as np
import pytest
import torch

os.environ["FLWR_TELEMETRY_ENABLED"] = "0"

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, RecordDict

from aggregator.release.sum_noise import SumNoise
from aggregator.store import Store
from client_sdk.secure_sum.sealed_message import seal_shares
from lpm_secure.calibration.inference.fit import Fit, FitSchedule
from lpm_secure.flower import records
from lpm_secure.flower.relay import ADVANCE, FREEZE
from lpm_secure.flower.strategy import SecureSumStrategy, play
from protocols.errors import (
    CohortTooSmall,
    ConflictingReplay,
    ManifestMismatch,
    PartiesDisagree,
    RoundAhead,
)
from protocols.identity.certificates import read as read_credentials
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from tests.calibration_hospitals import COURSE, hospitals, in_process
from tests.flower_nodes import DRAWS, LocalGrid, OverGrid, draws_of

ROUNDS = 3


def fit_with(federation, rounds=ROUNDS):
    fit = Fit(COURSE, federation, FitSchedule(rounds=rounds, draws=DRAWS), names=tuple(hospitals()))
    fit.run()
    return fit


def test_a_fit_over_flowers_messages_has_the_draws_of_one_process_to_the_last_bit(deployed):
    grid, strategy = deployed
    over, shared = fit_with(OverGrid(strategy, grid)), fit_with(in_process(hospitals(), draws=DRAWS))
    assert torch.equal(over.draws(20, seed=3), shared.draws(20, seed=3))
    assert over.absences == {}


def test_a_hospital_that_is_away_and_returns_is_named_and_the_bits_stay_the_same(deployed):
    grid, strategy = deployed
    node = grid.node_of("hospital-2")

    def on_round(number):
        grid.away = {node} if number in (0, 1) else set()

    over = fit_with(OverGrid(strategy, grid, on_round))
    away = frozenset({"hospital-2"})
    shared = fit_with(in_process(hospitals(), draws=DRAWS, absent={0: away, 1: away}))
    assert over.absences == {"hospital-2": 2}
    assert torch.equal(over.draws(20, seed=3), shared.draws(20, seed=3))


def test_no_message_holds_a_gradient_or_a_share_in_the_clear(deployed):
    grid, strategy = deployed
    play(strategy, grid, draws_of(), server_round=1, timeout_s=1.0)
    vectors = {}
    for name, hospital in hospitals().items():
        gradient = hospital.answer(draws_of())[0]
        vectors[name] = np.rint(gradient.reshape(-1) * 2.0**24).astype(np.int64)
    for message, reply in grid.seen:
        contents = b"".join(
            array.data
            for each in (message, reply)
            for record in each.content.array_records.values()
            for array in record.values()
        )
        for vector in vectors.values():
            assert vector.tobytes() not in contents
            assert all(word.tobytes() not in contents for word in vector if abs(word) > 2**20)
        if message.metadata.message_type == "train":
            assert set(reply.content) == {records.SEALED, records.ABOUT}
    assert np.array_equal(strategy.opened.total, sum(vectors.values()))


def test_the_mod_leaves_the_apps_answer_as_it_is_and_sends_what_no_two_calls_repeat(deployed):
    grid, strategy = deployed
    strategy.meet(grid)
    asked = strategy.configure_train(1, ArrayRecord({records.ANNOUNCED: Array(draws_of())}), ConfigRecord(), grid)
    first = grid.ask(asked[0])
    shutil.rmtree(grid.folders[asked[0].metadata.dst_node_id] / "x", ignore_errors=True)
    for kept in grid.folders[asked[0].metadata.dst_node_id].glob("sum-*.key"):
        kept.unlink()
    second = grid.ask(asked[0])
    one, other = (records.to_bytes(each.content[records.SEALED]) for each in (first, second))
    assert one.keys() == other.keys() == {"aggregator-0", "aggregator-1", "aggregator-2"}
    assert all(one[name] != other[name] for name in one)


def test_noise_is_another_one_than_that_of_the_same_run_over_grpc(deployed, monkeypatch):
    """Else the sums over two cohorts, one over each way, have a difference without noise."""
    grid, strategy = deployed
    used = []

    def opened(noise, number, total, *, before, place):
        used.append(noise.key)
        return total, before

    monkeypatch.setattr(SumNoise, "add", opened)
    play(strategy, grid, draws_of(), server_round=1, timeout_s=1.0)
    run = manifests.run_id(strategy.manifest)
    folders = [folder for folder in grid.folders.values() if folder.name.startswith("aggregator")]
    kept = [Store("sqlite:///store.sqlite", folder).noise_key(run, bytes(32)) for folder in folders]
    assert len(set(used)) == len(set(kept)) == len(kept) == 3
    assert not set(used) & set(kept)


def passed_to(strategy, grid, server_round=1):
    """Return what the strategy passes to the aggregators after the hospitals' part of a round."""
    arrays, config = ArrayRecord({records.ANNOUNCED: Array(draws_of())}), ConfigRecord()
    asked = strategy.configure_train(server_round, arrays, config, grid)
    strategy.aggregate_train(server_round, grid.send_and_receive(asked))
    return strategy.configure_evaluate(server_round, arrays, config, grid)


def without(message, *names):
    """Return a message to an aggregator without some hospitals' shares."""
    kept = {name: each for name, each in message.content[records.SEALED].items() if name not in names}
    content = RecordDict({"sealed": ArrayRecord(kept), "about": message.content[records.ABOUT]})
    return Message(content, message.metadata.dst_node_id, message.metadata.message_type)


def added_up(strategy, grid, server_round=1):
    """Play the aggregators' part of a round to its end."""
    while strategy.opened is None:
        passed = strategy.configure_evaluate(server_round, ArrayRecord(), ConfigRecord(), grid)
        strategy.aggregate_evaluate(server_round, grid.send_and_receive(passed))
    return strategy.opened


def test_an_aggregator_that_is_asked_for_two_sums_of_one_step_tells_one(deployed):
    grid, strategy = deployed
    message = passed_to(strategy, grid)[0]
    grid.ask(message), grid.ask(message)
    with pytest.raises(ConflictingReplay, match="other shares"):
        grid.ask(without(message, "hospital-1"))
    opened, last = added_up(strategy, grid), grid.seen[-3:]
    assert opened.members == tuple(sorted(hospitals()))
    for asked, told in last:
        again = grid.ask(asked)
        assert np.array_equal(told.content["sum"]["sum"].numpy(), again.content["sum"]["sum"].numpy())
    assert grid.ask(without(message, "hospital-1")).content["sum"]["sum"].numpy().size == opened.total.size


def test_a_sum_is_held_against_its_range_with_a_share_of_every_aggregator_or_not_at_all(deployed):
    """Who carries messages might pass one aggregator's share of a sum, and what another one said before it."""
    grid, strategy = deployed
    passed_to(strategy, grid)
    stages = []
    for _ in range(3):
        stages.append(strategy.configure_evaluate(1, ArrayRecord(), ConfigRecord(), grid))
        if len(stages) < 3:
            strategy.aggregate_evaluate(1, grid.send_and_receive(stages[-1]))
    members, shares = stages[1][0].content[records.SEALED], stages[2][0].content[records.SEALED]
    mixed = ArrayRecord({"aggregator-1": members["aggregator-1"], "aggregator-2": shares["aggregator-2"]})
    content = RecordDict({"sealed": mixed, "about": stages[2][0].content[records.ABOUT]})
    with pytest.raises(PartiesDisagree, match="got shares of"):
        grid.ask(Message(content, stages[2][0].metadata.dst_node_id, ADVANCE))
    assert added_up(strategy, grid).members == tuple(sorted(hospitals()))


def test_an_aggregator_whose_ledger_is_another_one_opens_no_further_sum(deployed):
    grid, strategy = deployed
    play(strategy, grid, draws_of(), server_round=1, timeout_s=1.0)
    (ledger,) = grid.folders[grid.node_of("aggregator-1")].glob("ledger-*.jsonl")
    ledger.unlink()
    messages = passed_to(strategy, grid, 2)
    strategy.aggregate_evaluate(2, grid.send_and_receive(messages))
    for message in strategy.configure_evaluate(2, ArrayRecord(), ConfigRecord(), grid):
        with pytest.raises(PartiesDisagree, match="ledger"):
            grid.ask(message)


def test_an_aggregator_adds_up_no_fewer_than_the_manifest_promises(deployed):
    grid, strategy = deployed
    message = passed_to(strategy, grid)[2]
    with pytest.raises(CohortTooSmall, match="promises 4"):
        grid.ask(without(message, "hospital-0", "hospital-1", "hospital-2"))


def test_shares_do_not_open_for_another_aggregator_step_or_client_and_their_clients_are_named(deployed):
    grid, strategy = deployed
    first, second, _ = passed_to(strategy, grid)
    swapped = dict(first.content[records.SEALED])
    swapped["hospital-0"] = second.content[records.SEALED]["hospital-0"]
    data = bytearray(records.to_bytes(first.content[records.SEALED])["hospital-3"])
    data[-1] ^= 1
    swapped["hospital-3"] = Array(np.frombuffer(bytes(data), dtype=np.uint8))
    content = RecordDict({"sealed": ArrayRecord(swapped), "about": first.content[records.ABOUT]})
    reply = grid.ask(Message(content, first.metadata.dst_node_id, FREEZE))
    assert reply.content["about"]["unopened"] == ["hospital-0", "hospital-3"]
    assert not reply.content["sum"]
    swapped["hospital-1"] = first.content[records.SEALED]["hospital-2"]
    content = RecordDict({"sealed": ArrayRecord(swapped), "about": first.content[records.ABOUT]})
    with pytest.raises(ConflictingReplay, match="other shares"):
        grid.ask(Message(content, first.metadata.dst_node_id, FREEZE))


def test_shares_of_one_step_open_in_no_other_one(deployed):
    grid, strategy = deployed
    first, *_ = passed_to(strategy, grid)
    added_up(strategy, grid)
    about = ConfigRecord({**first.content[records.ABOUT], "step": 3})
    later = RecordDict({"sealed": first.content["sealed"], "about": about})
    with pytest.raises(CohortTooSmall, match="0 clients"):
        grid.ask(Message(later, first.metadata.dst_node_id, FREEZE))
    about["step"] = 5
    with pytest.raises(RoundAhead, match="one after the other"):
        grid.ask(Message(later, first.metadata.dst_node_id, FREEZE))


def test_a_hospital_whose_shares_do_not_open_is_named_and_left_out_and_the_fit_goes_on(deployed):
    grid, strategy = deployed
    node = grid.node_of("hospital-4")

    def spoil(message, reply):
        if message.metadata.message_type != "train" or message.metadata.dst_node_id != node:
            return reply
        garbage = {name: Array(np.zeros(64, dtype=np.uint8)) for name in reply.content[records.SEALED]}
        content = RecordDict({"sealed": ArrayRecord(garbage), "about": reply.content["about"]})
        return Message(content, reply_to=message)

    grid.change = spoil
    fit = fit_with(OverGrid(strategy, grid))
    assert fit.refusals == {"hospital-4": 1}
    assert fit.absences == {"hospital-4": ROUNDS}
    assert fit.discarded == 0
    assert strategy.opened.members == tuple(name for name in sorted(hospitals()) if name != "hospital-4")


def test_a_hospital_whose_shares_are_of_two_messages_is_in_no_sum(deployed):
    """Whoever carries them could pass one share of each: they are under other keys, and add up to what nobody told."""
    grid, strategy = deployed
    node, last = grid.node_of("hospital-4"), strategy.manifest.aggregators[-1].name

    def mix(message, reply):
        if message.metadata.message_type != "train" or message.metadata.dst_node_id != node:
            return reply
        words, folder = np.ones(Layout.of(strategy.manifest).d, dtype=np.uint64), grid.folders[node]
        again = seal_shares(words, strategy.manifest, read_credentials(folder), number=reply.content["about"]["step"])
        sealed = ArrayRecord({**reply.content["sealed"], last: records.of_bytes(again)[last]})
        return Message(RecordDict({"sealed": sealed, "about": reply.content["about"]}), reply_to=message)

    grid.change = mix
    fit = fit_with(OverGrid(strategy, grid), rounds=1)
    away = frozenset({"hospital-4"})
    shared = fit_with(in_process(hospitals(), draws=DRAWS, absent={0: away}), rounds=1)
    assert strategy.opened.members == tuple(name for name in sorted(hospitals()) if name != "hospital-4")
    assert torch.equal(fit.draws(20, seed=3), shared.draws(20, seed=3))


def bomb():
    """Return an array of a few bytes that says that it has 2**48 words."""
    array = Array(np.zeros(8, dtype=np.uint8))
    return Array("uint8", (2**48,), "numpy.ndarray", array.data.replace(b"(8,)", b"(281474976710656,)"))


@pytest.mark.parametrize(
    "sealed", [{}, {"sealed": ArrayRecord()}, {"sealed": ArrayRecord({"aggregator-0": bomb()})}], ids=str
)
def test_an_answer_that_is_none_costs_a_round_its_hospital_and_nobody_elses(deployed, sealed):
    grid, strategy = deployed
    node = grid.node_of("hospital-4")

    def spoil(message, reply):
        if message.metadata.message_type != "train" or message.metadata.dst_node_id != node:
            return reply
        return Message(RecordDict({**sealed, "about": reply.content["about"]}), reply_to=message)

    grid.change = spoil
    opened = play(strategy, grid, draws_of(), server_round=1, timeout_s=1.0)
    assert opened.members == tuple(name for name in sorted(hospitals()) if name != "hospital-4")


def test_a_node_takes_no_name_that_another_one_has(deployed):
    """Its shares would not open, and the hospital whose name it took would be left out for that."""
    grid, strategy = deployed
    strategy.meet(grid)
    victim, folder = grid.node_of("hospital-0"), grid.folders[grid.node_of("hospital-0")]
    grid.folders[99] = folder
    strategy.meet(grid)
    assert strategy._message("train", "hospital-0", 1).metadata.dst_node_id == victim
    grid.away = {victim}  # ended, and Flower has not noticed yet
    strategy.meet(grid)
    assert strategy._message("train", "hospital-0", 1).metadata.dst_node_id == 99


def test_a_node_that_says_nothing_of_itself_is_nobody(deployed):
    grid, strategy = deployed
    node = grid.node_of("hospital-1")
    grid.change = lambda message, reply: (
        Message(RecordDict(), reply_to=message) if message.metadata.dst_node_id == node else reply
    )
    assert "hospital-1" not in strategy.meet(grid)
    assert "hospital-2" in strategy.meet(grid)


def test_an_aggregator_that_does_not_answer_at_first_is_asked_again(deployed):
    grid, strategy = deployed
    failures = [FREEZE, ADVANCE, ADVANCE]

    def fail(message, reply):
        if message.metadata.message_type in failures:
            failures.remove(message.metadata.message_type)
            raise OSError("lost")
        return reply

    grid.change = fail
    opened = play(strategy, grid, draws_of(), server_round=1, timeout_s=1.0)
    assert opened.members == tuple(sorted(hospitals()))


def test_too_few_hospitals_end_the_run(deployed):
    grid, strategy = deployed
    grid.away = {grid.node_of(f"hospital-{index}") for index in range(3)}
    strategy.meet(LocalGrid(next(iter(grid.folders.values())).parent))
    with pytest.raises(CohortTooSmall, match="3 clients"):
        play(strategy, grid, draws_of(), server_round=1, timeout_s=1.0)


def test_a_run_whose_manifest_names_other_keys_of_aggregators_gets_nothing_from_a_hospital(deployed):
    grid, strategy = deployed
    mine = strategy.manifest
    keys = {name: msgspec.structs.replace(each, identity=os.urandom(32)) for name, each in mine.trust.keys.items()}
    other = msgspec.structs.replace(mine, trust=msgspec.structs.replace(mine.trust, keys=keys))
    assert manifests.run_id(other) != manifests.run_id(mine)
    theirs = SecureSumStrategy(other)
    theirs.meet(grid)
    asked = theirs.configure_train(1, ArrayRecord({records.ANNOUNCED: Array(draws_of())}), ConfigRecord(), grid)
    with pytest.raises(ManifestMismatch, match="another run"):
        grid.ask(asked[0])


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [("series.csv", "2000-01-01,", "2000-01-01,17 patients "), ("config.toml", "share = [", "share = [17.25, ")],
)
def test_what_is_wrong_with_a_hospitals_own_files_is_not_told_to_the_centre(deployed, file, old, new):
    grid, strategy = deployed
    strategy.meet(grid)
    asked = strategy.configure_train(1, ArrayRecord({records.ANNOUNCED: Array(draws_of())}), ConfigRecord(), grid)
    path = grid.folders[asked[0].metadata.dst_node_id] / file
    content = path.read_text()
    path.write_text(content.replace(old, new, 1))
    assert path.read_text() != content
    (reply,) = grid.send_and_receive(asked[:1])
    assert "its own log says why" in reply.error.reason
    assert "17" not in reply.error.reason
    assert str(path) not in reply.error.reason
