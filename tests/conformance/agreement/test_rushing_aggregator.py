"""An aggregator that waits for what the other one shows, and answers with it, hides no verdict and chooses no coin."""

import socket
import threading

import numpy as np
import pytest

from aggregator.mpc.context import MpcContext, set_context
from aggregator.mpc.keystream import Keystream, subkey
from aggregator.mpc.net.frames import STAMP_BYTES
from aggregator.mpc.net.links import Link
from aggregator.mpc.net.mesh import Mesh
from aggregator.mpc.ranges import out_of_range
from protocols.errors import PartiesDisagree, Unavailable
from tests.integration.mpc_parties import split
from tests.mpc_views import SeededDealer

N = 70
BITS = np.full(N, 10, np.uint8)


class Echo:
    """The liar's end: keeps each message back until the other's is there, and sends some of those back."""

    def __init__(self, sock, *echoed):
        self._sock, self._echoed = sock, echoed
        self._in, self._out, self.count = bytearray(), bytearray(), 0

    def fileno(self):
        return self._sock.fileno()

    def setblocking(self, flag):
        self._sock.setblocking(flag)

    def close(self):
        self._sock.close()

    def send(self, data):
        self._out += data
        self._answer()
        return len(data)

    def recv_into(self, buffer):
        got = self._sock.recv_into(buffer)
        self._in += buffer[:got]
        self._answer()
        return got

    def _answer(self):
        while min(len(self._in), len(self._out)) >= STAMP_BYTES:
            size = STAMP_BYTES + int.from_bytes(self._in[STAMP_BYTES - 8 : STAMP_BYTES], "big")
            if min(len(self._in), len(self._out)) < size:
                return
            theirs, own = self._in[STAMP_BYTES:size], self._out[STAMP_BYTES:size]
            own = theirs if self.count in self._echoed else own
            self._sock.setblocking(True)
            self._sock.sendall(self._out[:STAMP_BYTES] + own)
            self._sock.setblocking(False)
            del self._in[:size], self._out[:size]
            self.count += 1


def played(work, shares, *echoed):
    """Return what the honest party comes to, or its error, and how many messages there were."""
    ends = socket.socketpair()
    liar, ended = Echo(ends[1], *echoed), [None, None]

    def party(rank):
        mesh = Mesh(
            rank, {1 - rank: Link((ends[0], liar)[rank], "other")}, bytes(32), timeout_s=5.0, join_timeout_s=5.0
        )
        stream = Keystream(subkey(bytes(32), b"shared"))
        streams = dict.fromkeys(("prev", "next", "global", "local"), stream)
        set_context(MpcContext(mesh, SeededDealer(rank, 1), streams))
        try:
            mesh.begin(b"rush", 0)
            ended[rank] = work(shares[rank])
        except (PartiesDisagree, Unavailable) as error:
            ended[rank] = error
            ends[rank].shutdown(socket.SHUT_RDWR)
        finally:
            set_context(None)

    threads = [threading.Thread(target=party, args=(rank,)) for rank in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    for end in ends:
        end.close()
    return ended[0], liar.count


def checked(share):
    return out_of_range(share, BITS)


def tossed(_):
    from aggregator.mpc.context import get_context

    return get_context().coin()


@pytest.fixture
def out():
    numbers = np.arange(N)
    numbers[5] = 1024
    return split(numbers, 2, np.random.default_rng(1))


def test_whatever_it_sends_back_a_number_out_of_range_is_seen(out):
    honest, count = played(checked, out)
    assert honest is True
    assert count > 5
    for last in range(count):
        for echoed in ([last], [last - 1, last]):
            honest, _ = played(checked, out, *echoed)
            assert honest is True or isinstance(honest, PartiesDisagree), (echoed, honest)


def test_a_coin_of_which_it_sends_back_the_parts_is_refused():
    shares = [np.zeros(0)] * 2
    honest, count = played(tossed, shares)
    assert len(honest) == 32
    assert count == 2
    for echoed in ([0], [1], [0, 1]):
        honest, _ = played(tossed, shares, *echoed)
        assert isinstance(honest, PartiesDisagree)
