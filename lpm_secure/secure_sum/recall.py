"""What institutions in other processes have learnt, for a testbed that also plays their part."""

from collections.abc import Mapping
from pathlib import Path

from client_sdk.secure_sum.institution import Institution
from client_sdk.secure_sum.journal import SumJournal
from protocols.task.secure_sum.spec import SecureSum


def recall(institutions: Mapping[str, Institution], parties: Path, manifest: SecureSum) -> None:
    """Let a testbed's institutions know what their processes have learnt, so that they can play their part elsewhere.

    Args:
        institutions: by name, as the testbed has them.
        parties: folder of the parties' folders.
        manifest: of the run.
    """
    for name, institution in institutions.items():
        state = SumJournal.look(parties / name, manifest)
        if state is not None:
            institution.resume(state)
