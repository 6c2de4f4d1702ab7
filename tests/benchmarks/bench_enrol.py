"""`enrol_1000`: 1,000 clients are invited, make their keys, and are enrolled, over files; against 20 s."""

import tempfile
import time
from pathlib import Path

from measure import Row

from client_sdk import certificate_request
from protocols import canonical_json
from protocols.identity import certificates, enrolment, signing

CLIENTS = 1_000
LIMIT_S = 20.0


def enrolled():
    """Enrol all clients, each through every file that passes between it and the operator."""
    authority, operator = certificates.new_authority("bench"), signing.new_key()
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        started = time.perf_counter()
        for number in range(CLIENTS):
            name = f"client-{number}"
            invitation, answer, own = folder / f"{name}.invitation", folder / f"{name}.enrolled", folder / name
            invitation.write_bytes(
                canonical_json.encode(enrolment.invite(folder / "operator", operator, name, days=1.0))
            )
            request = enrolment.load_request(certificate_request.request(invitation, own))
            made = enrolment.enrol(
                folder / "operator", authority, request, operator_key=signing.public_of(operator), days=1.0
            )
            answer.write_bytes(canonical_json.encode(made))
            certificate_request.accept(answer, own)
        taken = time.perf_counter() - started
    return [Row("enrol_1000", taken, "s", f"limit, {LIMIT_S:g} s", taken / LIMIT_S)]


BENCHMARKS = {"enrol_1000": enrolled}
