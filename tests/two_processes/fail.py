"""Started twice: the second process does what the others must not wait for."""

import sys
import threading

import numpy as np
import pandas as pd

from cases import LABELS, SETS, SOFT, X, label_sets, shard, soft
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.distributed import data_parallel

kind = sys.argv[1]
with data_parallel(timeout=5) as processes:
    rank = processes.rank
    rows, y, estimator = shard(X, rank), shard(LABELS, rank), soft()
    if kind == "raises in fit" and rank:
        rows[3, 2] = np.inf
    elif kind == "raises outside" and rank:
        {}["no such file"]
    elif kind == "ends with sys.exit" and rank:
        sys.exit(3)
    elif kind == "other parameters" and rank:
        estimator = soft(alpha=0.2)
    elif kind == "other columns" and rank:
        rows = rows[:, :5]
    elif kind == "other classes":
        y = pd.DataFrame(shard(SETS, rank), columns=list(["xyz", "xzy"][rank]))
        estimator = label_sets()
    elif kind == "around another":
        estimator = TunedDecisionClassifierCV(estimator)
    elif kind == "a loss of batches":
        y, estimator = shard(SETS, rank), label_sets(loss="two_way")
    if kind == "in another thread":
        threading.Thread(target=estimator.fit, args=(rows, y)).start()
    elif kind == "goes on":
        print("training", flush=True)
        estimator.set_params(max_iter=10**6).fit(rows, shard(SOFT, rank))
    elif kind != "leaves early" or not rank:
        estimator.fit(rows, y)
    print("done", flush=True)
