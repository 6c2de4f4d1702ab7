"""What is claimed of every model, and builds in which it does not hold."""

import pytest

import lpm_secure as lpm
from client_sdk.simulation.client import Client
from client_sdk.simulation.exchange import Exchange
from lpm_secure.audit.views import model_claims
from lpm_secure.engine.backends.numba_backend import NumbaBackend
from protocols.wire.messages import Join
from tests.user_models import MODELS


@pytest.mark.parametrize("name", ["find_disparity_of_two", "find_disparity_of_three", "find_leaks"])
@pytest.mark.parametrize("model", ["opinion", "averaging", "lenders"])
def test_every_claim_holds_for_a_model_of_a_user(model, name):
    assert getattr(model_claims, name)(MODELS[model]) == []


MOVES = [("find_disparity_of_two", "density"), ("find_leaks", "passers"), ("find_disparity_of_three", "passers")]


class Passers(lpm.Model):
    """People move by chance, and nobody learns an outcome: such a model runs in mode sum."""

    at = lpm.cell("NORTH", "SOUTH", "EAST")
    seen = lpm.field(0, 9)
    here = lpm.cell_message(most=1)

    def begin(self, me, draw):
        return me.set(at="NORTH", seen=0)

    def says(self, me):
        return {self.here: 1}

    def update(self, me, heard, draw):
        return me.set(at=draw.uniform(0, 3, "at"), seen=lpm.clip(heard.cell[self.here], 0, 9))


@pytest.mark.parametrize(("name", "model"), MOVES)
def test_every_claim_holds_for_a_model_whose_people_move(name, model):
    assert getattr(model_claims, name)({**MODELS, "passers": Passers}[model]) == []


def test_a_build_whose_clients_take_bits_the_other_way_round_is_found(monkeypatch):
    update = Client._update
    monkeypatch.setattr(Client, "_update", lambda self, heard, decided, step: update(self, heard, 1 - decided, step))
    found = model_claims.find_disparity_of_two(MODELS["opinion"])
    assert "in drawn world 0 opinion ends otherwise in private than in the clear" in found


def test_a_back_end_that_computes_other_bits_is_found(monkeypatch):
    evaluate = NumbaBackend.evaluate

    def other(self, parts, inputs):
        return {
            part: {name: values ^ 1 for name, values in words.items()}
            for part, words in evaluate(self, parts, inputs).items()
        }

    monkeypatch.setattr(NumbaBackend, "evaluate", other)
    (line,) = model_claims.find_differences(MODELS["opinion"])
    assert line.startswith("numba differs at step 0: ")


def test_a_view_that_depends_on_secrets_is_found(monkeypatch):
    play = Exchange.round

    async def tell(self, vector, **given):
        if vector.sum() % 2:
            await self._transports[-1].call(Join(self._id, b"", None), timeout_s=5)
        return await play(self, vector, **given)

    monkeypatch.setattr(Exchange, "round", tell)
    (line,) = model_claims.find_leaks(MODELS["opinion"])
    assert line == "aggregator-1 sees, beside the words of shares, something that differs in two worlds"
