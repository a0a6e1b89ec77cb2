"""Random calls of all estimators, with X and y of every kind; run as a script, the long form.

A call ends in a finite, valid result, or in a ValueError or TypeError that names what is wrong.
"""

import argparse
import re
import warnings

import numpy as np
import pandas as pd
import scipy.sparse as sp
from sklearn.base import is_classifier
from sklearn.linear_model import LogisticRegression

from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
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
    "soft sizes in an array": lambda: SoftTargetMLPClassifier(
        **{**SMALL, "hidden_layer_sizes": np.array([3, 2])}
    ),
    "multi named threshold": lambda: MultiLabelSigmoidClassifier(
        **SMALL, threshold=pd.Series([0.2, 0.5, 0.8], index=list("zxy"))
    ),
    "numbers": lambda: SoftLossMLPRegressor(**SMALL),
    "numbers early": lambda: SoftLossMLPRegressor(**SMALL, early_stopping=True),
    "spread": lambda: SoftLossMLPRegressor(**SMALL, loss="gaussian"),
    "bands": lambda: SoftLossMLPRegressor(**SMALL, loss="quantile", quantile=(0.1, 0.9)),
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


def with_column(X, values):
    """A frame whose middle column holds other things."""
    frame = pd.DataFrame(X, columns=list("abc"))
    return frame.assign(b=np.resize(np.asarray(values, dtype=object), len(X)))


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
    "nullable": lambda X: pd.DataFrame(np.round(X), columns=list("abc")).astype("Int64"),
    "numbers in objects": lambda X: with_column(X, [1, 2.5, True]),
    "text column": lambda X: with_column(X, ["u", "v"]),
    "mixed column": lambda X: with_column(X, [1.0, "v"]),
    "NA column": lambda X: with_column(X, [1.0, pd.NA]),
    "category column": lambda X: with_column(X, ["u", "v"]).astype({"b": "category"}),
    "string column": lambda X: with_column(X, ["u", "v"]).astype({"b": "string"}),
    "time column": lambda X: (
        pd.DataFrame(X).assign(b=pd.Timestamp("2020-01-01")).rename(columns=str)
    ),
    "zoned time column": lambda X: with_column(X, [pd.Timestamp("2020-01-01", tz="UTC")]),
    "times alone": lambda X: pd.DataFrame({"a": pd.date_range("2020-01-01", periods=len(X))}),
    "array of times": lambda X: np.full(X.shape, "2020-01-01", "datetime64[ns]"),
    "array of durations": lambda X: np.full(X.shape, 3, "timedelta64[s]"),
    "names twice": lambda X: pd.DataFrame(X, columns=list("aba")),
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
    "None sets": lambda c, P, L, rng: unknown(L.astype(object), None, rng),
    "NA sets": lambda c, P, L, rng: unknown(L.astype(object), pd.NA, rng),
    "NaT sets": lambda c, P, L, rng: unknown(L.astype(object), pd.NaT, rng),
    "named NA sets": lambda c, P, L, rng: pd.DataFrame(
        unknown(L.astype(object), pd.NA, rng), columns=list("xyz")
    ),
    "nullable sets": lambda c, P, L, rng: pd.DataFrame(
        unknown(L, np.nan, rng), columns=list("zyx")
    ).astype("Int64"),
    "names twice": lambda c, P, L, rng: pd.DataFrame(L, columns=list("xyx")),
    "a label never known": lambda c, P, L, rng: np.where([False, True, False], np.nan, L),
    "a label never known, sparse": lambda c, P, L, rng: sp.csr_matrix(
        np.where([True, False, False], -1, L)
    ),
    "a text column": lambda c, P, L, rng: pd.DataFrame(L, columns=list("xyz")).assign(y="no"),
    "a column of times": lambda c, P, L, rng: pd.DataFrame(L, columns=list("xyz")).assign(
        y=pd.Timestamp("2020-01-01")
    ),
    "times": lambda c, P, L, rng: np.full(len(L), "2020-01-01", "datetime64[ns]"),
    "gaps of pandas": lambda c, P, L, rng: pd.Series(c, dtype="Int64").mask(c == 2),
    "numbers": lambda c, P, L, rng: 1e3 * P[:, 0],
    "rows of numbers": lambda c, P, L, rng: 1e3 * P - 5,
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
            model = ESTIMATORS[name]().fit(X, y)
            answers = np.asarray(model.predict(X))
            proba = np.asarray(model.predict_proba(X)) if is_classifier(model) else None
        except (ValueError, TypeError) as error:
            if not NAMES.search(str(error)):
                raise Fault(f"{title}: the message names no argument: {error}") from error
            refused = True
        except Exception as error:
            raise Fault(f"{title}: {type(error).__name__}: {error}") from error
        else:
            refused = False
            if len(answers) != n:
                raise Fault(f"{title}: {len(answers)} answers for {n} rows")
            if "never known" in y_kind:
                place = 0 if "sparse" in y_kind else 1
                if (np.nan_to_num(answers[:, place]) != 0).any():
                    raise Fault(f"{title}: nothing is known of what is predicted")
                answers = np.delete(answers, place, axis=1)
            if proba is None and not np.isfinite(answers).all():
                raise Fault(f"{title}: predictions that are none: {answers[:3]}")
            if proba is not None and not ((proba >= 0) & (proba <= 1)).all():
                raise Fault(f"{title}: probabilities that are none: {proba[:3]}")
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
