"""The model and the mode: what each needs of the parties, and where edges can be permuted."""

from collections.abc import Sequence
from typing import Final

from protocols.errors import ManifestMismatch, ParameterError
from protocols.models.agent_model import AgentModel
from protocols.models.graph.agents import GraphModel
from protocols.task.devices import Devices
from protocols.task.parties import AggregatorParty, ClientParty, DealerParty

COMPARE_BITS: Final = 62  # what a secure comparison takes


def check_model(model: GraphModel, digest: str, *, channels: tuple[str, ...]) -> None:
    """Refuse a model of other channels, or of another version.

    Raises:
        ParameterError: its channels are others than the run's.
        ManifestMismatch: its hash is not `digest`.
    """
    model.check_channels(channels)
    if digest != model.digest:
        raise ManifestMismatch("the manifest was made for another version of the model; install the version it names")


def check_environment(model: AgentModel, *, engine: bool) -> None:
    """Refuse public numbers that nobody announces.

    Raises:
        ParameterError: the model hears some, and the run has no engine.
    """
    if model.public and not engine:
        raise ParameterError(f"the model hears {', '.join(model.public)}, which an engine announces; set engine = true")


def check_outcome(
    model: AgentModel,
    aggregators: Sequence[AggregatorParty],
    dealer: DealerParty | None,
    *,
    masked: bool,
    sharing: str,
    bound: int,
) -> None:
    """Refuse outcome mode where nothing can be compared on shares.

    Args:
        model: of the run.
        aggregators: of the run.
        dealer: of the run, if it has one.
        masked: whether security is active: then aggregators compare without talking to each other about it.
        sharing: of the run.
        bound: that no level exceeds.

    Raises:
        ParameterError: no dealer, no addresses, another sharing, no outcome, or levels that are too large.
    """
    if dealer is None or any((party.mpc is None) != masked for party in aggregators):
        raise ParameterError(
            "outcome mode needs a dealer and an mpc address of every aggregator, or, where security is active, of none"
        )
    if sharing != "additive":
        raise ParameterError("outcome mode compares additive shares; the clear sharing has sum mode only")
    if not model.outcomes:
        raise ParameterError('the model has no outcome, so outcome mode has nothing to compare; set mode = "sum"')
    if (bound + 1).bit_length() > COMPARE_BITS:
        raise ParameterError(
            f"a level could need {(bound + 1).bit_length()} bits, and a comparison takes {COMPARE_BITS}; "
            "use fewer fraction bits or steps"
        )


def check_edges(edges: str, devices: Devices | None) -> None:
    """Refuse permuted edges without a number of slots, and slots where edges are not permuted.

    Raises:
        ParameterError: there is one without the other.
    """
    if (edges == "permuted") != (devices is not None):
        raise ParameterError('a manifest has devices with edges = "permuted", and only then; give both or neither')


def check_permutation(
    aggregators: Sequence[AggregatorParty],
    dealer: DealerParty | None,
    clients: Sequence[ClientParty],
    *,
    mode: str,
    channels: int,
    derivatives: bool,
) -> None:
    """Refuse a run in which edges could not be hidden by a permutation, or in which there are none.

    Raises:
        ParameterError: another number of servers, another mode, clients of several agents, no contact channel, or
            derivatives.
    """
    if mode != "outcome" or len(aggregators) != 2:
        raise ParameterError("permuted edges need outcome mode, two aggregators and a dealer; set aggregators to 2")
    if any(server is None or server.permutation is None for server in (*aggregators, dealer)):
        raise ParameterError("permuted edges need a permutation address of both aggregators and the dealer")
    if any(len(client.agents) != 1 for client in clients):
        raise ParameterError("permuted edges are for clients of one agent each; use dense edges for institutions")
    if not channels:
        raise ParameterError("permuted edges are those of contacts, on which this model tells nothing; use dense edges")
    if derivatives:
        raise ParameterError("a run over permuted edges yields no derivatives; leave the gradient out")
