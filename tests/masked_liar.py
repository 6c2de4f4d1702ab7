"""An aggregator of an active run, as a process, that tells one of the lies of `tests/masked_lies.py`.

python -m tests.masked_liar LIE CONFIG: all else is the server's own; what it sends passes through the lie.
"""

import asyncio
import logging
import sys
from pathlib import Path
from types import SimpleNamespace

from aggregator import config
from aggregator.log import start_log
from aggregator.masking.service.rounds import MaskedRounds
from aggregator.wire.server import serve
from protocols.wire.masked_link import MaskedLink
from tests.comparison_lies import KEY_LIES
from tests.masked_lies import COUNT_LIES, LIAR, LIES, Liar


def lie(liar):
    """Let a server of this process tell a lie; it says so in its log when it has."""
    begin, send, finish = MaskedRounds.__init__, MaskedLink.send, MaskedRounds._finish

    def begin_lying(self, *given, **named):
        begin(self, *given, **named)
        if self._party is not None:  # else it was started again, and its records are not of one moment
            liar.run = SimpleNamespace(aggregators=(None, self._party), signers={LIAR: self._party.signer})

    def told(receiver, envelope):
        before, content = liar.lies, liar(LIAR, receiver, envelope)
        if liar.lies > before:
            logging.getLogger("aggregator").info("lied")
        return content

    async def send_lie(self, envelope, *, timeout_s):
        own = envelope.sender == LIAR
        return await send(self, told(self.transport._name, envelope) if own else envelope, timeout_s=timeout_s)

    def finish_lying(self, replies):
        last = {name: told(name, reply) for name, reply in replies[self._number].items()}
        finish(self, replies | {self._number: last})

    MaskedRounds.__init__, MaskedLink.send, MaskedRounds._finish = begin_lying, send_lie, finish_lying


if __name__ == "__main__":
    start_log()
    lie(Liar((LIES | COUNT_LIES | KEY_LIES)[sys.argv[1]]))
    path = Path(sys.argv[2]).resolve()
    asyncio.run(serve(config.load(path), path.parent))
