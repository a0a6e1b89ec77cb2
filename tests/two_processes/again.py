"""Started twice: enters the block many times, also after blocks that failed."""

import time
from contextlib import suppress

from cases import LABELS, X, shard, soft, weights
from sklearn_softloss.distributed import data_parallel

first = None
for ending in ("fits", "fits", "fails in all", "fits", "fails in one", "fits"):
    with suppress(ZeroDivisionError, RuntimeError), data_parallel(timeout=30) as processes:
        rank = processes.rank
        fitted = soft(max_iter=3).fit(shard(X, rank), shard(LABELS, rank))
        first = first or weights(fitted)
        assert all((first[name] == value).all() for name, value in weights(fitted).items())
        if ending == "fails in all" or (ending == "fails in one" and rank):
            raise ZeroDivisionError
        fitted.fit(shard(X, rank), shard(LABELS, rank))
        print(ending, flush=True)
if rank:
    try:
        with data_parallel(timeout=1):
            pass
    except RuntimeError as error:
        print(error, flush=True)
else:
    time.sleep(2)
