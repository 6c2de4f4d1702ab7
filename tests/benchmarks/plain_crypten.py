"""One party of CrypTen as it comes: plaintext gloo, its own provider and random numbers. To measure against.

plain_crypten.py RANK RENDEZVOUS PROVIDER N REPEATS     (two of them; prints seconds and peak KiB as JSON)
"""

import json
import os
import resource
import sys
import time
import warnings


def main() -> None:
    """Compare numbers and print how long it took."""
    rank, rendezvous, provider, n, repeats = sys.argv[1:]
    os.environ |= {"WORLD_SIZE": "2", "RANK": rank, "RENDEZVOUS": rendezvous, "DISTRIBUTED_BACKEND": "gloo"}
    warnings.simplefilter("ignore")
    import numpy as np
    import torch

    from aggregator.mpc.crypten.compatibility import crypten

    torch.set_num_threads(1)
    crypten.config.cfg.mpc.provider = provider
    if int(rank) == 2:
        crypten.mpc.provider.TTPServer()
        return
    crypten.init()
    h, tau = (torch.from_numpy(x) for x in np.random.default_rng(0).integers(0, 2**62, (2, int(n))))
    encrypted = [crypten.mpc.MPCTensor(x, precision=0, src=0) for x in (h, tau)]
    seconds = []
    for _ in range(int(repeats) + 1):
        crypten.communicator.get().barrier()
        began = time.perf_counter()
        greater = encrypted[0] > encrypted[1]
        seconds.append(time.perf_counter() - began)
    right = bool((greater.share.numpy() is not None) and (greater.reveal() == (h > tau)).all())
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    print(json.dumps({"seconds": seconds[1:], "peak_kib": peak, "right": right}))
    crypten.communicator.get().barrier()
    if provider == "TTP":
        crypten.uninit()


if __name__ == "__main__":
    main()
