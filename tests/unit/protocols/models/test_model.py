"""Substeps compose into a model by the fields they read and write."""

from dataclasses import dataclass, replace
from typing import ClassVar, final

import numpy as np
import pytest
import torch

from protocols.errors import ModelError
from protocols.models import Exposure, Stage, Substep, SubstepModel
from protocols.models.seir.parameters import FIELDS
from protocols.models.seir.progression import Progression
from protocols.models.seir.transmission import Transmission

STAGES = tuple(stage.name for stage in Stage)
SPEAKER = Transmission((3,))


@final
@dataclass(frozen=True, slots=True)
class Vaccination(Substep):
    """Reads a field that S-E-I-R lacks."""

    id: ClassVar[str] = "vaccination/1"
    reads: ClassVar[dict[str, str]] = {"doses": "int8"}
    writes: ClassVar[tuple[str, ...]] = ("doses",)

    def update(self, state, exposure):
        return state


def state(xp=np, **fields):
    """Return four agents: susceptible, exposed, infectious, recovered."""
    given = {
        "stage": [0, 1, 2, 3],
        "timer": [0, 2, 2, 0],
        "latent": [3, 3, 3, 3],
        "infectious": [4, 4, 4, 4],
        "hazard": [0, 0, 0, 0],
        "tau": [9, 9, 9, 9],
    } | fields
    arrays = {name: np.array(values, dtype=FIELDS[name]) for name, values in given.items()}
    return arrays if xp is np else {name: torch.from_numpy(values) for name, values in arrays.items()}


def exposure(contact, pressure=(0, 0, 0, 0), xp=np):
    made = Exposure(np.array(contact, dtype=np.int64).reshape(4, -1), np.array(pressure, dtype=np.int64))
    return made if xp is np else Exposure(torch.from_numpy(made.contact), torch.from_numpy(made.pressure))


def test_a_substep_that_reads_a_field_the_state_lacks_is_refused():
    with pytest.raises(ModelError, match="Vaccination reads doses as int8, but the state has no such field"):
        SubstepModel((SPEAKER, Vaccination()), FIELDS, STAGES)
    assert SubstepModel((SPEAKER, Vaccination()), FIELDS | {"doses": "int8"}, STAGES)


def test_a_substep_that_reads_a_field_of_another_type_is_refused():
    with pytest.raises(ModelError, match="Transmission reads tau as int64, but the state has float64"):
        SubstepModel((SPEAKER,), FIELDS | {"tau": "float64"}, STAGES)


def test_a_substep_that_writes_a_field_the_state_lacks_is_refused(monkeypatch):
    monkeypatch.setattr(Vaccination, "reads", {})
    with pytest.raises(ModelError, match="Vaccination writes doses, which the state lacks"):
        SubstepModel((SPEAKER, Vaccination()), FIELDS, STAGES)


def test_exactly_one_substep_speaks():
    with pytest.raises(ModelError, match=r"0 substeps speak \(\); exactly one must"):
        SubstepModel((Progression(),), FIELDS, STAGES)
    with pytest.raises(ModelError, match=r"2 substeps speak \(Transmission, Transmission\)"):
        SubstepModel((SPEAKER, SPEAKER), FIELDS, STAGES)


def test_a_substep_that_does_not_speak_says_nothing():
    with pytest.raises(NotImplementedError, match="Progression says nothing"):
        Progression().message(state(), channels=1)


def test_the_hash_changes_with_substeps_order_fields_and_stages():
    whole = SubstepModel((Progression(), SPEAKER), FIELDS, STAGES)
    others = [
        replace(whole, substeps=(SPEAKER, Progression())),
        replace(whole, substeps=(SPEAKER,)),
        replace(whole, fields=FIELDS | {"doses": "int8"}),
        replace(whole, stages=STAGES[::-1]),
    ]
    assert len({model.hash for model in (whole, *others)}) == 5


def test_the_hash_of_the_epidemic_is_frozen(seir):
    """Frozen from this code: a change of behaviour needs a new version of a substep, and so a new hash."""
    assert seir().model().id == "progression/1+transmission/1"
    assert seir().model().hash == "ef64558e37087d61624b9029e515edbacdf144acab08c43ffabbfa7bf8aa55b0"


def test_only_the_infectious_speak_once_on_every_channel_and_to_their_cell(seir):
    says = seir(beta=(1, 1)).model().message(state(), channels=2)
    assert says.dtype == np.int64
    assert says.tolist() == [[0] * 3, [0] * 3, [1] * 3, [0] * 3]


def test_the_tally_counts_every_stage(seir):
    assert seir().model().tally(state(stage=[0, 2, 2, 3])) == [1, 0, 2, 1]


@pytest.mark.parametrize(("hazard", "stage"), [(8, Stage.S), (9, Stage.S), (10, Stage.E)])
def test_an_agent_is_infected_when_its_hazard_exceeds_its_threshold_not_when_it_reaches_it(seir, hazard, stage):
    after = seir(beta=(1,)).model().update(state(), exposure([hazard, 0, 0, 0]))
    assert after["stage"][0] == stage
    assert after["hazard"][0] == hazard


def test_hazard_adds_up_over_steps_channels_and_cells(seir):
    model, now = seir(beta=(2, 3)).model(), state(tau=[100] * 4)
    for _ in range(2):
        now = model.update(now, exposure([[1, 1]] * 4, [5, 0, 0, 0]))
    assert now["hazard"].tolist() == [20, 10, 10, 10]


def test_a_new_infection_keeps_its_whole_latent_time(seir):
    model, now = seir(beta=(1,)).model(), state(latent=[2] * 4)
    stages = []
    for contact in (10, 0, 0, 0, 0, 0, 0, 0):
        now = model.update(now, exposure([contact, 0, 0, 0]))
        stages.append(int(now["stage"][0]))
    assert stages == [Stage.E, Stage.E] + [Stage.I] * 4 + [Stage.R] * 2


@pytest.mark.parametrize("stage", [Stage.E, Stage.I, Stage.R])
def test_only_the_susceptible_are_infected(seir, stage):
    after = seir(beta=(1,)).model().update(state(stage=[stage] * 4, timer=[9] * 4), exposure([100] * 4))
    assert (after["stage"] == stage).all()


def test_an_update_leaves_the_state_as_it_was(seir):
    before, seen = state(), state()
    seir(beta=(1,)).model().update(before, exposure([100] * 4))
    assert all((before[name] == seen[name]).all() for name in FIELDS)


def test_the_same_lines_give_the_same_bits_and_types_on_torch(seir):
    model = seir(beta=(2, 3)).model()
    given = [[1, 2], [3, 4], [5, 6], [0, 0]]
    ours = model.update(state(), exposure(given, (1, 2, 3, 4)))
    theirs = model.update(state(torch), exposure(given, (1, 2, 3, 4), torch))
    for name, kind in FIELDS.items():
        assert ours[name].dtype == kind
        assert theirs[name].numpy().dtype == kind
        assert theirs[name].tolist() == ours[name].tolist()
