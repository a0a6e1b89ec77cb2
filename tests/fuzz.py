"""Random calls of all estimators, with X and y of every kind; run as a script, the long form.

A call ends in a finite, valid result, or in a ValueError or TypeError that names what is wrong.
"""

import argparse
import re
import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.linear_model import LogisticRegression

from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier

SMALL = {"hidden_layer_sizes": (3,), "max_iter": 1, "random_state": 0}
SOFT, MULTI = SoftTargetMLPClassifier(**SMALL), MultiLabelSigmoidClassifier(**SMALL)
ESTIMATORS = {
    "soft": lambda: SoftTargetMLPClassifier(**SMALL),
    "soft smoothed": lambda: SoftTargetMLPClassifier(**SMALL, label_smoothing=0.1),
    "soft independent": lambda: SoftTargetMLPClassifier(**SMALL, loss="binary_cross_entropy"),
    "soft early": lambda: SoftTargetMLPClassifier(**SMALL, early_stopping=True),
    "multi": lambda: MultiLabelSigmoidClassifier(**SMALL),
    "multi counts": lambda: MultiLabelSigmoidClassifier(**SMALL, loss="count_distribution"),
    "multi balanced": lambda: MultiLabelSigmoidClassifier(**SMALL, class_weight="balanced"),
    "tuned": lambda: TunedDecisionClassifierCV(LogisticRegression(), cv=2, random_state=0),
    "tuned multi": lambda: TunedDecisionClassifierCV(MULTI, cv=2, random_state=0),
    "calibrated": lambda: SoftCalibratedClassifierCV(SOFT, cv=2),
    "calibrated multi": lambda: SoftCalibratedClassifierCV(MULTI, cv=2, method="sigmoid"),
    "graph": lambda: GraphLabelSpreading(n_neighbors=3),
    "pseudo": lambda: SoftPseudoLabelClassifier(SOFT, random_state=0),
}


def with_entry(X, value):
    X = X.astype(complex if isinstance(value, complex) else float)
    X[3, 1] = value
    return X


X_KINDS = {
    "float64": lambda X: X,
    "float32": lambda X: X.astype(np.float32),
    "ints": lambda X: (10 * X).astype(int),
    "bools": lambda X: X > 0,
    "list": lambda X: X.tolist(),
    "fortran": np.asfortranarray,
    "reversed": lambda X: X[::-1],
    "read-only": lambda X: np.frombuffer(X.tobytes()).reshape(X.shape),
    "frame": lambda X: pd.DataFrame(X, columns=list("abc")),
    "csr": sp.csr_matrix,
    "csc array": sp.csc_array,
    "huge": lambda X: X * 1e200,
    "tiny": lambda X: X * 1e-200,
    "constant": np.zeros_like,
    "objects": lambda X: X.astype(object),
    "nan": lambda X: with_entry(X, np.nan),
    "inf": lambda X: with_entry(X, np.inf),
    "complex": lambda X: with_entry(X, 1j),
    "masked": lambda X: np.ma.array(X, mask=X > 1),
    "text": lambda X: X.astype(str).astype(object) + "x",
    "1-D": lambda X: X[:, 0],
    "3-D": lambda X: X[:, :, None],
    "no rows": lambda X: X[:0],
    "no columns": lambda X: X[:, :0],
    "one row less": lambda X: X[1:],
    "none": lambda X: None,
}
COMMON_X = list(X_KINDS)[:11]


def unknown(values, mark, rng):
    return np.where(rng.random(values.shape) < 0.3, mark, values)


Y_KINDS = {
    "ints": lambda c, P, L, rng: c,
    "text": lambda c, P, L, rng: np.array(["no", "maybe", "yes"])[c],
    "binary": lambda c, P, L, rng: (c > 0).astype(int),
    "bools": lambda c, P, L, rng: c > 0,
    "plus minus": lambda c, P, L, rng: 2 * (c > 0) - 1,
    "one class": lambda c, P, L, rng: np.zeros_like(c),
    "gaps in text": lambda c, P, L, rng: np.where(c == 2, None, np.array(["a", "b", "c"])[c]),
    "minus one": lambda c, P, L, rng: c - 1,
    "text minus one": lambda c, P, L, rng: (c - 1).astype(str),
    "mixed": lambda c, P, L, rng: np.where(c == 0, "a", c.astype(object)),
    "continuous": lambda c, P, L, rng: P[:, 0],
    "nan": lambda c, P, L, rng: np.where(c == 0, np.nan, c),
    "category": lambda c, P, L, rng: pd.Series(c, dtype="category"),
    "rows": lambda c, P, L, rng: P,
    "named rows": lambda c, P, L, rng: pd.DataFrame(P, columns=["yes", "no", "maybe"]),
    "rows of zeros": lambda c, P, L, rng: P * (c > 0)[:, None],
    "counts of votes": lambda c, P, L, rng: np.round(10 * P),
    "negative": lambda c, P, L, rng: P - 0.5,
    "sets": lambda c, P, L, rng: L,
    "named sets": lambda c, P, L, rng: pd.DataFrame(L, columns=["x", "y", "z"]),
    "sparse sets": lambda c, P, L, rng: sp.csr_matrix(L),
    "signs": lambda c, P, L, rng: 2 * L - 1,
    "nan sets": lambda c, P, L, rng: unknown(L, np.nan, rng),
    "minus one sets": lambda c, P, L, rng: unknown(L, -1, rng),
    "soft sets": lambda c, P, L, rng: 0.9 * L + 0.05,
    "all unknown": lambda c, P, L, rng: np.full(L.shape, np.nan),
    "one column": lambda c, P, L, rng: L[:, :1],
    "one soft column": lambda c, P, L, rng: P[:, :1],
    "no column": lambda c, P, L, rng: L[:, :0],
    "masked": lambda c, P, L, rng: np.ma.array(L, mask=L > 0),
    "complex": lambda c, P, L, rng: L + 1j,
    "inf": lambda c, P, L, rng: np.where(L > 0, np.inf, L),
    "lists": lambda c, P, L, rng: [list(np.flatnonzero(row)) for row in L],
    "2-D text": lambda c, P, L, rng: np.where(L > 0, "a", "b"),
    "3-D": lambda c, P, L, rng: L[:, :, None],
    "none": lambda c, P, L, rng: None,
}
NAMES = re.compile(
    r"\b(X|y|y_\w+|labels?|class(es)?|samples?|features?|classifier|dtype|input|data|array|string)\b",
    re.I,
)
TOO_NEAR = re.compile(rf"{re.escape('site-packages')}.(torch|numpy)")


class Fault(AssertionError):
    """A call that ended as no call should."""


def one_call(rng):
    """One random call; returns its name, and whether it was refused."""
    name = rng.choice(list(ESTIMATORS))
    x_kind = rng.choice(list(X_KINDS) if rng.random() < 0.4 else COMMON_X)
    y_kind = rng.choice(list(Y_KINDS))
    title = f"{name} / X {x_kind} / y {y_kind}"
    n = int(rng.integers(12, 40))
    plain = rng.normal(size=(n, 3))
    codes = np.r_[np.arange(3), np.arange(3), np.arange(3), rng.integers(0, 3, n - 9)]
    rows = rng.dirichlet(np.ones(3), n)
    sets = (rng.random((n, 3)) < 0.5).astype(float)
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        try:
            X, y = X_KINDS[x_kind](plain), Y_KINDS[y_kind](codes, rows, sets, rng)
            clf = ESTIMATORS[name]().fit(X, y)
            proba, answers = np.asarray(clf.predict_proba(X)), np.asarray(clf.predict(X))
        except (ValueError, TypeError) as error:
            if not NAMES.search(str(error)):
                raise Fault(f"{title}: the message names no argument: {error}") from error
            refused = True
        except Exception as error:
            raise Fault(f"{title}: {type(error).__name__}: {error}") from error
        else:
            refused = False
            if not (np.isfinite(proba).all() and proba.min() >= 0 and proba.max() <= 1):
                raise Fault(f"{title}: probabilities that are none: {proba[:3]}")
            if len(answers) != len(proba):
                raise Fault(f"{title}: {len(answers)} answers for {len(proba)} rows")
    for warning in told:
        if TOO_NEAR.search(warning.filename) or warning.category is RuntimeWarning:
            raise Fault(f"{title}: {warning.category.__name__}: {warning.message}")
    return title, refused


def main():
    reader = argparse.ArgumentParser(description=__doc__)
    reader.add_argument("--calls", type=int, default=2000)
    reader.add_argument("--seed", type=int, default=0)
    options = reader.parse_args()
    rng, faults, n_refused = np.random.default_rng(options.seed), [], 0
    for _ in range(options.calls):
        try:
            n_refused += one_call(rng)[1]
        except Fault as fault:
            faults.append(str(fault))
    print(f"{options.calls} calls, {n_refused} refused, {len(faults)} faults")
    print(*sorted(set(faults)), sep="\n")
    raise SystemExit(bool(faults))


if __name__ == "__main__":
    main()
