"""A Flower strategy that carries sealed shares between hospitals and aggregators, and opens sums alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, final

import numpy as np
from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from flwr.supercore import log

from client_sdk.likelihood.institution import F64
from lpm_secure.flower import records
from protocols.arithmetic.fixed_point import I64, U64, from_ring
from protocols.errors import CohortTooSmall, ParameterError, Unavailable, WireError
from protocols.task import manifest as manifests
from protocols.task.layout import Layout
from protocols.task.manifest import Manifest

INFO: Final = 20
WHO_S: Final = 60.0  # for nodes to say who they are
ATTEMPTS: Final = 3  # at asking the aggregators


@final
@dataclass(frozen=True, slots=True, eq=False)
class RoundSum:
    """What a round came to.

    Attributes:
        total: int64[d], the sum in fixed point; zeros where none was opened.
        members: whose gradients are in it; refused: whose shares did not open.
    """

    total: I64 = field(repr=False)
    members: tuple[str, ...]
    refused: tuple[str, ...] = ()


@final
class SecureSum(Strategy):
    """Publishes draws to hospitals, and passes what they sealed to the aggregators, which add it up.

    Training is the hospitals' part of a round, evaluation the aggregators'. A round of number r, from 1, is step
    2 r - 1 of the run.

    Attributes:
        opened: what the last round came to; None while it has not come to anything.
        asked: hospitals that the next round is for.

    Security: sees ciphertexts, who answered, and the aggregators' shares of a sum over at least `min_cohort` hospitals,
        which is the release. It could pass on fewer, or none; not make up, read or change a share.
    """

    def __init__(self, manifest: Manifest) -> None:
        """Serve the run of a manifest."""
        self.manifest = manifest
        self.opened: RoundSum | None = None
        self._run = manifests.run_id(manifest).hex()
        self._hospitals = {each.name for each in manifest.clients}
        self.asked = set(self._hospitals)
        self._aggregators = [each.name for each in manifest.aggregators]
        self._node_of: dict[str, int] = {}
        self._known: set[int] = set()
        self._sealed: dict[str, dict[str, bytes]] = {}  # by aggregator, then hospital
        self._sums: dict[str, U64] = {}  # by aggregator: what it answered in this round
        self._refused: set[str] = set()

    def meet(self, grid: Grid) -> set[str]:
        """Ask nodes that are new who they are, and return the parties that are there."""
        here = set(grid.get_node_ids())
        self._known &= here
        new = here - self._known
        question = [Message(RecordDict(), node, "query.who") for node in sorted(new)]
        for reply in grid.send_and_receive(question, timeout=WHO_S) if new else ():
            name, node = "" if reply.has_error() else _name_of(reply), reply.metadata.src_node_id
            if name in self._hospitals.union(self._aggregators) and not self._held(name, grid, here):
                self._node_of[name] = node
                self._known.add(node)
        return {name for name, node in self._node_of.items() if node in here}

    def _held(self, name: str, grid: Grid, here: set[int]) -> bool:
        """Tell whether a party's node is there and still says so: while it does, no other one takes its name."""
        node = self._node_of.get(name)
        if node is None or node not in here:
            return False
        replies = grid.send_and_receive([Message(RecordDict(), node, "query.who")], timeout=WHO_S)
        return any(not reply.has_error() and _name_of(reply) == name for reply in replies)

    def summary(self) -> None:
        """Log whom the sums are over."""
        log(INFO, "\tsums over at least %s of %s hospitals", self.manifest.min_cohort, len(self._hospitals))

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Publish draws to the hospitals that are asked and there."""
        del config
        here = self.meet(grid)
        missing = [name for name in self._aggregators if name not in here]
        if missing:
            raise ParameterError(f"no node is the aggregator {missing[0]}; start it, and wait for it")
        asked = sorted(self._hospitals & here & self.asked)
        return [self._message("train", name, server_round, draws=arrays) for name in asked]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Sort what hospitals sealed by aggregator."""
        step, self._sealed = step_of_round(server_round), {name: {} for name in self._aggregators}
        self._sums, self._refused, self.opened = {}, set(), None
        for reply in replies:
            if reply.has_error():
                log(INFO, "\tnode %s did not answer: %s", reply.metadata.src_node_id, reply.error.reason)
                continue
            try:
                self._sort(reply, step)
            except WireError as error:
                log(INFO, "\tnode %s did not answer as it should: %s", reply.metadata.src_node_id, error)
        return None, None

    def _sort(self, reply: Message, step: int) -> None:
        """Take a hospital's sealed shares in; those of another node's hospital, or of another step, are left out."""
        told = records.about(reply)
        name = records.text_of(told, "name")
        shares = records.to_bytes(reply.content.array_records.get(records.SEALED, ArrayRecord()))
        is_own = self._node_of.get(name) == reply.metadata.src_node_id and records.round_of(told) == step
        if is_own and shares.keys() == self._sealed.keys():
            for aggregator, content in shares.items():
                self._sealed[aggregator][name] = content

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Pass the shares on, each to its aggregator, to those that have not answered yet.

        Raises:
            CohortTooSmall: fewer hospitals have answered than the manifest promises.
        """
        del arrays, config, grid
        if len(self._members) < self.manifest.min_cohort:
            raise CohortTooSmall(
                f"cannot release a sum of {len(self._members)} clients: the manifest promises "
                f"{self.manifest.min_cohort}; start their nodes, and begin another run"
            )
        waiting = [name for name in self._aggregators if name not in self._sums]
        return [
            self._message("query.add_up", name, server_round, sealed=records.of_bytes(self._sealed[name]))
            for name in waiting
        ]

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Put the aggregators' shares of the sum together, when all of them have added up."""
        for reply in replies:
            if reply.has_error():
                log(INFO, "\tan aggregator did not add up: %s", reply.error.reason)
                continue
            self._take(reply, step_of_round(server_round))
        if self._sums.keys() != set(self._aggregators):
            return None
        nothing = np.zeros(Layout.of(self.manifest).d, dtype=np.int64)
        self.asked -= self._refused
        if self._refused:
            self.opened = RoundSum(nothing, (), tuple(sorted(self._refused)))
        else:
            shares = [self._sums[name] for name in self._aggregators]
            self.opened = RoundSum(from_ring(self.manifest.share().join(shares)), self._members)
        return MetricRecord({"members": len(self.opened.members)})

    def _take(self, reply: Message, step: int) -> None:
        """Take an aggregator's answer in: its share of the sum, or whose shares did not open."""
        told, d = records.about(reply), Layout.of(self.manifest).d
        name, refused = records.text_of(told, "name"), told.get("refused")
        if self._node_of.get(name) != reply.metadata.src_node_id or records.round_of(told) != step:
            raise WireError(f"an answer of {name} came from another node, or for another step")
        if isinstance(refused, list) and refused:
            self._refused |= set(self._members).intersection(map(str, refused))
            self._sums[name] = np.zeros(d, dtype=np.uint64)
            return
        total = records.vector_of(reply, records.SUM, "uint64").astype(np.uint64)
        if total.shape != (d,):
            raise WireError(f"{name} told a sum of another length than {d}")
        self._sums[name] = total

    @property
    def _members(self) -> tuple[str, ...]:
        return tuple(sorted(self._sealed.get(self._aggregators[0], {})))

    def _message(self, kind: str, name: str, server_round: int, **content: ArrayRecord) -> Message:
        about = ConfigRecord({"run": self._run, "step": step_of_round(server_round)})
        return Message(records.content_of(about=about, **content), self._node_of[name], kind)


def _name_of(reply: Message) -> str:
    """Return who a node says that it is; nothing of one that says nothing."""
    try:
        return records.text_of(records.about(reply), "name")
    except WireError:
        return ""


def step_of_round(server_round: int) -> int:
    """Return the step of the run in which a round, counted from 1, is answered."""
    return 2 * server_round - 1


def play(strategy: SecureSum, grid: Grid, draws: F64, *, server_round: int, timeout_s: float) -> RoundSum:
    """Play one round of a strategy, as `Strategy.start` plays them, and return what it came to.

    Raises:
        CohortTooSmall: too few hospitals have answered.
        Unavailable: an aggregator has not answered, asked again and again.
    """
    arrays, config = ArrayRecord({records.DRAWS: Array(draws)}), ConfigRecord()
    asked = strategy.configure_train(server_round, arrays, config, grid)
    strategy.aggregate_train(server_round, grid.send_and_receive(asked, timeout=timeout_s))
    for _ in range(ATTEMPTS):
        passed = strategy.configure_evaluate(server_round, arrays, config, grid)
        strategy.aggregate_evaluate(server_round, grid.send_and_receive(passed, timeout=timeout_s))
        if strategy.opened is not None:
            return strategy.opened
    raise Unavailable(f"not all aggregators have added up round {server_round}; see their nodes' logs")
