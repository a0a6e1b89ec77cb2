"""Tables of texts, categories and gaps of all libraries, and estimators that are fitted to them."""

import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.base import clone
from sklearn.utils.fixes import parse_version

from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss.annotators import AnnotatorMLPClassifier

N = 60
DRAW = np.random.default_rng(0)
NUMBERS = DRAW.normal(size=(4, N))
CITY = DRAW.choice(["lima", "oslo", "rome"], N).tolist()
CITY[5] = CITY[17] = None
COUNT = [None if row % 7 == 3 else row % 9 for row in range(N)]
GAP = np.where(DRAW.random(N) < 0.2, np.nan, 5 * NUMBERS[2] + 3)
GRADE, GRADES = DRAW.choice(["low", "high"], N).tolist(), ["low", "mid", "high"]
ENTRIES = ["size", "short", "whole", "flag", "count", "gap", "empty"]
ENTRIES += [f"{name} missing" for name in ("count", "gap", "city", "empty")]
ENTRIES += ["city=lima", "city=oslo", "city=rome", "grade=high", "grade=low"]


def pandas_frame():
    return pd.DataFrame(
        {
            "size": NUMBERS[0],
            "short": NUMBERS[1].astype("float32"),
            "whole": np.arange(N) * 7 % 50,
            "flag": NUMBERS[3] > 0,
            "count": pd.array(COUNT, dtype="Int64"),
            "gap": GAP,
            "city": CITY,
            "grade": pd.Categorical(GRADE, GRADES, ordered=True),
            "empty": pd.Series([None] * N, dtype=object),
        }
    )


def polars_frame():
    pl = pytest.importorskip("polars")
    if parse_version(sklearn.__version__) < parse_version("1.9"):
        pytest.skip("scikit-learn 1.8 does not see the names of columns of this polars")
    frame = pandas_frame()
    return pl.DataFrame(
        {
            **{name: frame[name].to_numpy() for name in ("size", "short", "whole", "flag")},
            "count": COUNT,
            "gap": pl.Series(GAP, nan_to_null=True),
            "city": CITY,
            "grade": pl.Series(GRADE, dtype=pl.Enum(GRADES)),
            "empty": pl.Series([None] * N, dtype=pl.String),
        }
    )


def arrow_frame():
    pytest.importorskip("pyarrow")
    return pandas_frame().convert_dtypes(dtype_backend="pyarrow")


FRAMES = {
    "pandas": pandas_frame,
    "objects": lambda: pandas_frame().astype({"city": object, "grade": object, "count": object}),
    "nullable": lambda: pandas_frame().convert_dtypes(),
    "arrow": arrow_frame,
    "polars": polars_frame,
}
FRAME = pandas_frame()
COMPLETE = FRAME[["size", "gap", "grade"]].assign(gap=NUMBERS[2], city=FRAME["city"].fillna("x"))
over_libraries = pytest.mark.parametrize("make", [pandas_frame, polars_frame])

SCORE = np.nan_to_num(GAP) / 5 + 2 * (np.array(CITY) == "oslo") + NUMBERS[0]
LABELS = np.where(SCORE > 0.7, "yes", "no")
SOFT = np.column_stack([1 / (1 + np.exp(SCORE)), 1 - 1 / (1 + np.exp(SCORE))])
SETS = np.column_stack([SCORE > 0.7, NUMBERS[0] > 0]).astype(int)
EVEN = np.arange(N) % 2
PARTLY = np.where(EVEN, LABELS, None)
FEW = {"hidden_layer_sizes": (8,), "max_iter": 4, "alpha": 0.1, "random_state": 0}
FULL = {**FEW, "solver": "lbfgs", "dtype": "float64"}

soft = SoftTargetMLPClassifier(**FEW)
sets = MultiLabelSigmoidClassifier(**FEW)
CASES = {
    "soft": (soft, LABELS),
    "sets": (sets, SETS),
    "numbers": (SoftLossMLPRegressor(**FEW), SCORE),
    "annotators": (
        AnnotatorMLPClassifier(**FEW),
        np.column_stack([LABELS, np.where(NUMBERS[0] > 0, "yes", "no"), LABELS]),
    ),
}
over_cases = pytest.mark.parametrize("kind", CASES)


def fitted(kind, X=FRAME, **params):
    estimator, y = CASES[kind]
    return clone(estimator).set_params(**params).fit(X, y[: len(X)])


def said(estimator, X):
    """The numbers behind what an estimator predicts."""
    name = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    return np.asarray(getattr(estimator, name)(X), dtype=float)


def entries(X, **params):
    return fitted("soft", X, **params).encoded_names_.tolist()
