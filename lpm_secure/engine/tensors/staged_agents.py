"""Staged agents who meet in venues, on one torch device: the array-API substeps, step by step."""

from typing import Any, final

import numpy as np
import torch

from lpm_secure.engine.venues import Venues
from protocols.arithmetic.fixed_point import I64, U64
from protocols.errors import ParameterError
from protocols.models import Exposure
from protocols.models.course import CourseStage
from protocols.models.staging.parameters import StagedModel


@final
class StagedTensorAgents:
    """n agents in the clear, on the CPU or on CUDA: the reference of `StagedVenueAgents`, and the same bits.

    Attributes:
        state: fields of the model, tensor[n] each.
        step: steps done.
    """

    def __init__(
        self, model: StagedModel, venues: Venues, *, key: tuple[int, int], agents: U64, age: I64, device: torch.device
    ) -> None:
        """Draw thresholds, courses and answers to interventions.

        Args:
            model: of the run; its channels are the settings.
            venues: of the agents.
            key: of the simulation generator.
            agents: uint64[n], their numbers.
            age: int64[n], band of each.
            device: cuda or cpu.
        """
        start = model.initial_state(agents, key, age)
        self.state = {name: torch.from_numpy(np.asarray(value)).to(device) for name, value in start.items()}
        self.step = 0
        self._given, self._model, self._venues = model, model.model(), venues
        self._member = torch.from_numpy(venues.member).to(device)
        self._sizes = [torch.from_numpy(setting.size).to(device) for setting in venues.settings]
        self._mixing = [
            None if setting.mixing is None else torch.from_numpy(setting.mixing).to(device)
            for setting in venues.settings
        ]
        self._pressure = torch.zeros((), dtype=torch.int64, device=device)

    def tally(self) -> I64:
        """Return how many agents are in each stage, int64[q]."""
        return np.array(self._model.tally(self.state), dtype=np.int64)

    @property
    def stage(self) -> np.ndarray[Any, Any]:
        """Stage of each agent, int8[n]."""
        return np.asarray(self.state["stage"].cpu().numpy())

    def hazard(self) -> I64:
        """Return the summed hazard of each susceptible agent, int64[n]; 0 for the others."""
        hazard = torch.where(self.state["stage"] == int(CourseStage.S), self.state["hazard"], 0)
        return np.asarray(hazard.cpu().numpy())

    def update(self) -> None:
        """Move on by one step."""
        says = self._model.message(self.state, channels=len(self._venues.settings))
        contact = torch.stack([self._exposure(channel, says[:, channel]) for channel in range(len(self._sizes))], dim=1)
        self.state = dict(self._model.update(self.state, Exposure(contact, self._pressure)))
        self.step += 1

    def save(self) -> dict[str, np.ndarray[Any, Any]]:
        """Return what a checkpoint needs: arrays that `load` takes."""
        return {**{name: value.cpu().numpy() for name, value in self.state.items()}, "step": np.array(self.step)}

    def load(self, saved: dict[str, np.ndarray[Any, Any]]) -> None:
        """Go on from what `save` returned, for agents made with the same arguments.

        Raises:
            ParameterError: it is of other agents.
        """
        for name, value in self.state.items():
            if saved[name].shape != tuple(value.shape):
                raise ParameterError(f"the checkpoint holds {name} of {saved[name].shape}; this run has {value.shape}")
        self.state = {name: torch.from_numpy(saved[name]).to(value.device) for name, value in self.state.items()}
        self.step = int(saved["step"])

    def _exposure(self, channel: int, says: torch.Tensor) -> torch.Tensor:
        """Return each agent's exposure in one setting, int64[n]."""
        begin, end = self._venues.first[channel : channel + 2]
        row = self._member[:, channel] - begin
        total = torch.zeros(end - begin, dtype=torch.int64, device=says.device)
        total.index_add_(0, row, says.contiguous())
        setting = self._venues.settings[channel]
        share = setting.share(total[:-1], self._sizes[channel], self._mixing[channel], bits=self._given.share_bits)
        total[:-1] = share
        total[-1] = 0
        return total[row]
