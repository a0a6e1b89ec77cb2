"""SIGINT at random moments of fits: nothing of the process or the estimator is left half changed.

``python tests/stress/interrupts.py [n]`` tries n moments, 200 unless told, over solvers and both
classifiers, and prints how many interrupts came in time, were refused, and kept some epochs.
"""

from __future__ import annotations

import itertools
import random
import signal
import sys
import time
import warnings
from collections import Counter

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier

KINDS = [
    (Estimator, params, course)
    for Estimator in (SoftTargetMLPClassifier, MultiLabelSigmoidClassifier)
    for params in (
        {"solver": "adamw"},
        {"solver": "sgd", "early_stopping": True, "alpha": 0.1},
        {"solver": "adam", "module": torch.nn.Linear},
        {"solver": "lbfgs", "hidden_layer_sizes": (8,)},
    )
    for course in ("fit", "warm_start", "partial_fit")
    if course != "partial_fit" or not params.get("early_stopping")
    if course != "partial_fit" or params["solver"] != "lbfgs"
]


def process_state() -> dict:
    return {
        "grad mode": torch.is_grad_enabled(),
        "inference mode": torch.is_inference_mode_enabled(),
        "number of threads": torch.get_num_threads(),
        "random": random.getstate(),
        "numpy.random": np.random.get_state()[1].tobytes(),
        "torch.random": torch.get_rng_state().numpy().tobytes(),
    }


def weights(clf) -> list:
    return [p.detach().numpy().copy() for p in clf.net_.module_.parameters()]


def data(n: int = 400) -> tuple:
    X = np.random.default_rng(0).normal(size=(n, 6))
    return X, (X[:, :3] > 0).astype(float)


def targets(Estimator, Y):
    return Y if Estimator is MultiLabelSigmoidClassifier else Y / np.maximum(1, Y.sum(1))[:, None]


def estimator(Estimator, params, course):
    return Estimator(max_iter=20, random_state=0, warm_start=course == "warm_start", **params)


def one(Estimator, params, course, delay: float) -> str:
    """What became of a fit that is interrupted after `delay` seconds; raises if it left traces."""
    X, Y = data()
    if Estimator is SoftTargetMLPClassifier:
        rows = Y.sum(axis=1) > 0
        X, Y = X[rows], targets(Estimator, Y[rows])
    clf = estimator(Estimator, params, course)
    call = clf.partial_fit if course == "partial_fit" else clf.fit
    before = None
    if course != "fit":
        call(X, Y)
        before, t_before = weights(clf), clf.t_
    process = process_state()
    try:
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            signal.setitimer(signal.ITIMER_REAL, delay)
            call(X, Y)
        outcome = "kept" if any("interrupted" in str(w.message) for w in caught) else "late"
    except KeyboardInterrupt:
        outcome = "refused"
    finally:
        signal.setitimer(signal.ITIMER_REAL, 0)
    for name, value in process_state().items():
        assert value == process[name], f"{name} of the process is not as it was"
    if outcome == "refused" and not hasattr(clf, "net_"):
        assert vars(clf).keys() == vars(estimator(Estimator, params, course)).keys()
    elif (
        outcome == "refused"
        and before is not None
        and all(map(np.array_equal, before, weights(clf)))
    ):
        assert clf.t_ == t_before
    else:  # whole, or interrupted once it was
        assert np.isfinite(clf.predict_proba(X)).all()
        assert len(clf.loss_curve_) >= clf.n_iter_ >= 1
    return outcome


def length(Estimator, params, course) -> float:
    start = time.perf_counter()
    one(Estimator, params, course, 1e6)
    return time.perf_counter() - start


def run(n: int, seed: int = 0) -> Counter:
    rng = np.random.default_rng(seed)
    found: Counter = Counter()
    handler = signal.signal(signal.SIGALRM, lambda *_: signal.raise_signal(signal.SIGINT))
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", ConvergenceWarning)
            seconds: dict = {}
            for index, kind in zip(range(n), itertools.cycle(KINDS), strict=False):
                place = index % len(KINDS)
                if place not in seconds:
                    length(*kind)  # what a first use imports
                    seconds[place] = length(*kind)
                share = 0.5 if kind[2] != "fit" else 1.0
                found[one(*kind, max(1e-5, rng.uniform(0, share) * seconds[place]))] += 1
    finally:
        signal.signal(signal.SIGALRM, handler)
    return found


if __name__ == "__main__":
    print(dict(run(int(sys.argv[1]) if len(sys.argv) > 1 else 200)))
