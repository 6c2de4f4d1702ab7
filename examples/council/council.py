"""Illness in an office whose people stay at home as often as a small network advises, which sees released totals."""

from collections.abc import Mapping, Sequence

import torch

import lpm_secure as lpm

UNITS = 4
PERCENT = 42_949_672  # of 2**32


class AdvisedOffice(lpm.Model):
    """Who meets the ill falls ill at a rate; who stays at home meets nobody."""

    health = lpm.stage("WELL", "ILL", "BACK")
    bears = lpm.field(0, 37 << 16)  # drawn once; nobody else ever learns it
    home = lpm.field(0, 1)
    advice = lpm.public(0, 100)  # how many percent of days to stay at home; the environment announces it
    first = lpm.parameter(0.05, unit=lpm.PROBABILITY)
    recovery = lpm.parameter(0.2, unit=lpm.PROBABILITY)
    catching = lpm.parameter(0.03, unit=lpm.rate(16), bounds=(0, 1))  # per contact and step
    meeting = lpm.message(most=1)
    infection = lpm.outcome({meeting: catching}, above=bears)

    def begin(self, me, draw):
        """Draw who is ill at first, and how much each bears."""
        ill = draw.happens(self.first, "first")
        return me.set(health=lpm.where(ill, "ILL", "WELL"), bears=draw.exponential(16, "bears"), home=0)

    def says(self, me):
        """Tell everybody whom one meets in the office whether one is ill."""
        return {self.meeting: (me.health == "ILL") & (me.home == 0)}

    def weight(self, me):
        """Count what is heard in the office alone."""
        return {self.infection: lpm.where(me.home == 0, 1, 0)}

    def update(self, me, heard, draw):
        """Fall ill, or recover; and stay at home as often as is advised."""
        falls = heard[self.infection] & (me.health == "WELL")
        back = (me.health == "ILL") & draw.happens(self.recovery, "recovery")
        health = lpm.where(falls, "ILL", lpm.where(back, "BACK", me.health))
        stays = draw.happens(heard[self.advice] * PERCENT, "home")
        return me.set(health=health, home=lpm.where(stays, 1, 0))


class PolicyNetwork(torch.nn.Module, lpm.Environment):
    """A network of who is ill, and how many more than a step before, that says how often to stay at home."""

    def __init__(self, people: int, weights: Sequence[float] = ()) -> None:
        """Begin with weights from a configuration, or with small ones, always the same."""
        super().__init__()
        self.people = people
        layers = (torch.nn.Linear(2, UNITS), torch.nn.Tanh(), torch.nn.Linear(UNITS, 1), torch.nn.Sigmoid())
        self.network = torch.nn.Sequential(*layers).double()
        count = sum(each.numel() for each in self.parameters())
        given = weights or torch.randn(count, generator=torch.Generator().manual_seed(1)) / 4
        torch.nn.utils.vector_to_parameters(torch.as_tensor(given, dtype=torch.float64), self.parameters())

    @property
    def weights(self) -> list[float]:
        """Return what a configuration has of it."""
        return torch.nn.utils.parameters_to_vector(self.parameters()).tolist()

    def step(
        self, before: Mapping[str, int], releases: Sequence[lpm.StepTotals], t: int
    ) -> Mapping[str, lpm.PublicValue]:
        """Advise by the last two steps; totals are whole numbers in a run, and tensors where it is relaxed."""
        ill = [torch.as_tensor(each.total("ILL"), dtype=torch.float64) / self.people for each in releases[-2:]]
        now = ill[-1] if ill else torch.zeros((), dtype=torch.float64)
        advice = 100 * self.network(torch.stack([10 * now, 10 * (now - ill[0]) if ill else now]))[0]
        return {"advice": lpm.PublicValue(round(float(advice.detach())), advice)}
