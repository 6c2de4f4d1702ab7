"""A Flower strategy that carries sealed shares between institutions and aggregators, and opens sums alone."""

from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final, final

from flwr.app import Array, ArrayRecord, ConfigRecord, Message, MetricRecord, RecordDict
from flwr.serverapp import Grid
from flwr.serverapp.strategy import Strategy
from flwr.supercore import log

from client_sdk.secure_sum.contribution import F64
from lpm_secure.flower import records
from lpm_secure.flower.relay import FREEZE, AggregatorReply, StageRelay
from protocols.arithmetic.fixed_point import I64, from_ring
from protocols.errors import CohortTooSmall, ParameterError, PartiesDisagree, Unavailable, WireError
from protocols.quantity import quantity
from protocols.task import manifest as manifests
from protocols.task.secure_sum.spec import SecureSum

INFO: Final = 20
WHO_S: Final = 60.0  # for nodes to say who they are
ATTEMPTS: Final = 3  # at asking the aggregators, in each stage


@final
@dataclass(frozen=True, slots=True, eq=False)
class RelayedSum:
    """What a round came to.

    Attributes:
        total: int64[d], the sum in fixed point.
        members: whose vectors are in it; left_out: who was found to send garbage by now.
        unopened: whose shares did not open.
    """

    total: I64 = field(repr=False)
    members: tuple[str, ...]
    left_out: tuple[str, ...] = ()
    unopened: tuple[str, ...] = ()


@final
class SecureSumStrategy(Strategy):
    """Publishes what is announced to institutions, and passes what they sealed to the aggregators, which add it up.

    Training is the institutions' part of a round, evaluation the aggregators': as many messages as these need to agree
    on members, and to find out whether sums are in range. A round of number r, from 1, is step 2 r - 1 of the run.

    Attributes:
        opened: what the last round came to; None while it has not come to anything.
        asked: institutions that the next round is for.

    Security: sees ciphertexts, who answered, and the aggregators' shares of one sum over at least `min_cohort`
        institutions, which is the release. It could pass on fewer, or none; not make up, read or change a share, nor
        what aggregators tell each other.
    """

    def __init__(self, manifest: SecureSum) -> None:
        """Serve the run of a manifest."""
        self.manifest = manifest
        self.opened: RelayedSum | None = None
        self._run = manifests.run_id(manifest).hex()
        self._institutions = {each.name for each in manifest.clients}
        self.asked = set(self._institutions)
        self._aggregators = tuple(each.name for each in manifest.aggregators)
        self._node_of: dict[str, int] = {}
        self._known: set[int] = set()
        self._sealed: dict[str, dict[str, bytes]] = {}  # by aggregator, then institution
        self._relay = StageRelay(self._aggregators, {})

    def meet(self, grid: Grid) -> set[str]:
        """Ask nodes that are new who they are, and return the parties that are there."""
        here = set(grid.get_node_ids())
        self._known &= here
        new = here - self._known
        question = [Message(RecordDict(), node, "query.who") for node in sorted(new)]
        for reply in grid.send_and_receive(question, timeout=WHO_S) if new else ():
            name, node = "" if reply.has_error() else _name_of(reply), reply.metadata.src_node_id
            if name in self._institutions.union(self._aggregators) and not self._held(name, grid, here):
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
        log(INFO, "\tsums over at least %s of %s institutions", self.manifest.min_cohort, len(self._institutions))

    def configure_train(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Publish what is announced to the institutions that are asked and there."""
        del config
        here = self.meet(grid)
        missing = [name for name in self._aggregators if name not in here]
        if missing:
            raise ParameterError(f"no node is the aggregator {missing[0]}; start it, and wait for it")
        asked = sorted(self._institutions & here & self.asked)
        return [self._message("train", name, server_round, announced=arrays) for name in asked]

    def aggregate_train(
        self, server_round: int, replies: Iterable[Message]
    ) -> tuple[ArrayRecord | None, MetricRecord | None]:
        """Sort what institutions sealed by aggregator."""
        step, self._sealed = step_of_round(server_round), {name: {} for name in self._aggregators}
        self._relay, self.opened = StageRelay(self._aggregators, self._sealed), None
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
        """Take an institution's sealed shares in; those of another node's, or of another step, are left out."""
        about = records.about(reply)
        name = records.text_of(about, "name")
        shares = records.to_bytes(reply.content.array_records.get(records.SEALED, ArrayRecord()))
        is_own = self._node_of.get(name) == reply.metadata.src_node_id and records.round_of(about) == step
        if is_own and shares.keys() == self._sealed.keys():
            for aggregator, content in shares.items():
                self._sealed[aggregator][name] = content

    def configure_evaluate(
        self, server_round: int, arrays: ArrayRecord, config: ConfigRecord, grid: Grid
    ) -> Iterable[Message]:
        """Pass on what each aggregator needs now, to those that have not answered yet.

        Raises:
            CohortTooSmall: fewer institutions have answered than the manifest promises.
        """
        del arrays, config, grid
        answered = len(self._sealed.get(self._aggregators[0], {}))
        if self._relay.kind == FREEZE and answered < self.manifest.min_cohort:
            raise CohortTooSmall(
                f"cannot release a sum of {quantity(answered, 'client')}: the manifest promises "
                f"{self.manifest.min_cohort}; start their nodes, and begin another run"
            )
        relay = self._relay
        return [
            self._message(relay.kind, name, server_round, sealed=records.of_bytes(relay.outbox[name]))
            for name in relay.waiting
        ]

    def aggregate_evaluate(self, server_round: int, replies: Iterable[Message]) -> MetricRecord | None:
        """Take the aggregators' answers in, and put their shares of the sum together when all of them are there."""
        for reply in replies:
            if reply.has_error():
                log(INFO, "\tan aggregator did not answer: %s", reply.error.reason)
                continue
            self._take(reply, step_of_round(server_round))
        totals, answers = self._relay.totals, tuple(self._relay.replies.values())
        if totals is None:
            return None
        if len({(each.members, each.left_out) for each in answers}) > 1:
            raise PartiesDisagree(f"aggregators told sums of different members in round {server_round}; stop the run")
        members, left_out = answers[0].members, answers[0].left_out
        unopened = tuple(sorted(self._relay.unopened.difference(left_out)))
        self.asked -= {*left_out, *unopened}
        self.opened = RelayedSum(from_ring(self.manifest.share().join(totals)), members, left_out, unopened)
        return MetricRecord({"members": len(members)})

    def _take(self, reply: Message, step: int) -> None:
        about = records.about(reply)
        name = records.text_of(about, "name")
        if self._node_of.get(name) != reply.metadata.src_node_id or records.round_of(about) != step:
            raise WireError(f"an answer of {name} came from another node, or for another step")
        self._relay.take(name, AggregatorReply.of(reply, self.manifest.length))

    @property
    def stage(self) -> int:
        """Return which stage of the round the aggregators are in, from 0."""
        return self._relay.stage

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


def play(strategy: SecureSumStrategy, grid: Grid, announced: F64, *, server_round: int, timeout_s: float) -> RelayedSum:
    """Play one round of a strategy, as `Strategy.start` plays them, and return what it came to.

    Raises:
        CohortTooSmall: too few institutions have answered.
        Unavailable: an aggregator has not answered, asked again and again.
    """
    arrays, config = ArrayRecord({records.ANNOUNCED: Array(announced)}), ConfigRecord()
    asked = strategy.configure_train(server_round, arrays, config, grid)
    strategy.aggregate_train(server_round, grid.send_and_receive(asked, timeout=timeout_s))
    attempts = 0
    while attempts < ATTEMPTS:
        stage = strategy.stage
        passed = strategy.configure_evaluate(server_round, arrays, config, grid)
        strategy.aggregate_evaluate(server_round, grid.send_and_receive(passed, timeout=timeout_s))
        if strategy.opened is not None:
            return strategy.opened
        attempts = attempts + 1 if strategy.stage == stage else 0
    raise Unavailable(f"not all aggregators have added up round {server_round}; see their nodes' logs")
