"""A hospital's answer over Flower: one vector for each step."""

import contextlib
import threading
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from flwr.app import Array, ArrayRecord, ConfigRecord, Message

from client_sdk.secure_sum.contribution import Contribution
from lpm_secure.flower import records
from protocols.errors import (
    RoundClosed,
    Unavailable,
    WireError,
)
from tests.flower_nodes import draws_of


def test_a_hospital_answers_a_step_once(deployed):
    grid, strategy = deployed
    strategy.meet(grid)
    asked = strategy.configure_train(1, ArrayRecord({records.ANNOUNCED: Array(draws_of())}), ConfigRecord(), grid)
    grid.ask(asked[0])
    with pytest.raises(RoundClosed, match="round 1 was answered"):
        grid.ask(asked[0])


def test_a_hospital_that_is_asked_twice_at_once_answers_once(deployed, monkeypatch):
    """A call that finds another one at work tells nothing, so that of one round there are no two vectors."""
    grid, strategy = deployed
    strategy.meet(grid)
    asked = strategy.configure_train(1, ArrayRecord({records.ANNOUNCED: Array(draws_of())}), ConfigRecord(), grid)
    both, encode = threading.Barrier(2), Contribution.encode

    def meet(*given):
        with contextlib.suppress(threading.BrokenBarrierError):
            both.wait(1)
        return encode(*given)

    monkeypatch.setattr(Contribution, "encode", meet)

    def ask(_):
        try:
            return grid.ask(asked[0])
        except (RoundClosed, Unavailable) as error:
            return error

    with ThreadPoolExecutor(2) as pool:
        assert sum(isinstance(each, Message) for each in pool.map(ask, range(2))) == 1


def test_a_hospital_answers_no_step_in_which_draws_are_published(deployed):
    grid, strategy = deployed
    strategy.meet(grid)
    asked = strategy.configure_train(1, ArrayRecord({records.ANNOUNCED: Array(draws_of())}), ConfigRecord(), grid)
    asked[0].content[records.ABOUT]["step"] = 2
    with pytest.raises(RoundClosed, match="round 2"):
        grid.ask(asked[0])
    asked[1].content[records.ABOUT]["step"] = 1
    grid.ask(asked[1])


def test_a_hospital_does_not_answer_draws_that_no_model_would_publish(deployed):
    grid, strategy = deployed
    strategy.meet(grid)
    for draws in (draws_of(np.nan), draws_of(80.0), draws_of()[:2], draws_of().astype(np.float32)):
        asked = strategy.configure_train(1, ArrayRecord({records.ANNOUNCED: Array(draws)}), ConfigRecord(), grid)
        with pytest.raises(WireError, match=r"draws|announced of float64"):
            grid.ask(asked[0])
