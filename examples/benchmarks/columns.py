"""What reading columns is worth: a frame with categories and gaps beside encoding by hand, columns
bent or not, choice or average, and the time of it.

``--write`` writes a page for the docs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import torch
from joblib import Parallel, delayed
from sklearn.compose import make_column_transformer
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.impute import SimpleImputer
from sklearn.metrics import log_loss
from sklearn.model_selection import StratifiedKFold
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from harness import data_folder, line, machine, parser, table, take_turns, write_page
from harness.data import read
from sklearn_softloss import SoftTargetMLPClassifier

Model = Callable[[int], Any]
SIZES, N_FRAMES = (300, 1000, 3000), 20
TABLES = (
    "balance.scale", "cmc", "credit.g", "diabetes", "glass", "heart.c", "phoneme", "segment",
    "sonar", "vehicle", "vowel",
)  # fmt: skip
"""Those with columns of numbers."""
N_FOLDS = 5
TIMED = ((5000, 20), (50_000, 50))


def ours(seed: int, **params: Any) -> Any:
    return SoftTargetMLPClassifier(random_state=seed, **params)


def by_hand(seed: int) -> Any:
    """Mean and indicator of gaps, a column a level: what a frame needed so far."""
    numbers = make_pipeline(
        SimpleImputer(add_indicator=True, keep_empty_features=True), StandardScaler()
    )
    texts = OneHotEncoder(handle_unknown="ignore", sparse_output=False, max_categories=64)
    return make_pipeline(
        make_column_transformer(
            (numbers, ["age", "income", "visits", "empty"]), (texts, ["city", "plan"])
        ),
        ours(seed),
    )


OF_FRAMES: dict[str, Model] = {
    "the frame": ours,
    "encoded by hand": by_hand,
    "by hand, straight": lambda seed: by_hand(seed).set_params(
        softtargetmlpclassifier__encoding="standard"
    ),
    "histogram boosting": lambda seed: make_pipeline(
        FunctionTransformer(pd.DataFrame.drop, kw_args={"columns": "empty"}),  # which it refuses
        HistGradientBoostingClassifier(categorical_features="from_dtype", random_state=seed),
    ),
}


def frame(n: int, seed: int) -> tuple[pd.DataFrame, Any, Any]:
    """Rows with gaps that tell something, 90 levels of one category and an empty column; labels,
    and their true probabilities."""
    rng = np.random.default_rng(seed)
    city, plan = rng.zipf(1.5, n) % 90, rng.choice(["basic", "plus", "pro"], n)
    X = pd.DataFrame(
        {
            "age": rng.uniform(18, 90, n),
            "income": rng.lognormal(10, 1, n),
            "visits": rng.poisson(3, n),
            "city": pd.Series(city).map("city {}".format).astype("category"),
            "plan": pd.Series(plan).astype("category"),
            "empty": np.full(n, np.nan),
        }
    )
    bend = 2 * np.cos(X["age"] / 12) + np.log(X["income"] / np.exp(10)) * (plan == "pro")
    logit = bend + (city % 3 == 0) - 0.3 * X["visits"]
    hides = rng.random(n) < 0.3
    logit = logit + 1.5 * hides
    X.loc[hides, "income"] = np.nan
    X["visits"] = X["visits"].where(rng.random(n) < 0.8)
    proba = 1 / (1 + np.exp(-logit.to_numpy()))
    return X, (rng.random(n) < proba).astype(int), proba


def of_frame(title: str, n: int, seed: int) -> float:
    """KL divergence from the truth on rows not seen, in nats."""
    torch.set_num_threads(1)
    X, y, truth = frame(n + 4000, seed)
    found = OF_FRAMES[title](seed).fit(X[:n], y[:n]).predict_proba(X[n:])[:, 1]
    found, truth = np.clip(found, 1e-12, 1 - 1e-12), truth[n:]
    return float(
        np.mean(truth * np.log(truth / found) + (1 - truth) * np.log((1 - truth) / (1 - found)))
    )


def of_table(name: str, folder: Path, fold: int) -> list[float]:
    """Log loss of columns straight, bent, as chosen, and of the mean of the first two."""
    torch.set_num_threads(1)
    stored = read(folder, "hard", name)
    X, y = stored["X"].astype(np.float64), stored["y"]
    folds = StratifiedKFold(N_FOLDS, shuffle=True, random_state=0)
    train, test = list(folds.split(X, y))[fold]
    answers = [
        ours(0, encoding=encoding).fit(X[train], y[train]).predict_proba(X[test])
        for encoding in ("standard", "piecewise", "auto")
    ]
    answers.append((answers[0] + answers[1]) / 2)
    return [float(log_loss(y[test], proba, labels=np.unique(y))) for proba in answers]


def seconds(n: int, n_columns: int, n_repeats: int) -> list[Any]:
    """Of default fits where one column works along a bend, straight and chosen, and their ratio."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, n_columns))
    logit = 2 * np.sin(2 * X[:, 0]) + X[:, 1] ** 2 - X[:, 2] * X[:, 3]
    y = (logit + 0.5 * rng.normal(size=n) > 0).astype(int)
    models = {"straight": ours(0, encoding="standard"), "chosen": ours(0)}
    found = take_turns(
        {name: lambda model=model: model.fit(X, y) for name, model in models.items()}, n_repeats
    )
    times = found["straight"], found["chosen"], found["chosen"] / found["straight"]
    return [f"{n:,} x {n_columns}", *times, models["chosen"].encoding_]


def frame_rows(n_frames: int) -> list[list[Any]]:
    rows = []
    for n in SIZES:
        work = [(title, n, seed) for title in OF_FRAMES for seed in range(n_frames)]
        found = Parallel(n_jobs=2)(delayed(of_frame)(*args) for args in work)
        rows.append([n, *np.reshape(found, (len(OF_FRAMES), -1)).mean(axis=1)])
        print(line(rows[-1]), flush=True)
    return rows


def table_rows(folder: Path) -> list[list[Any]]:
    rows = []
    for name in TABLES:
        found = Parallel(n_jobs=2)(delayed(of_table)(name, folder, k) for k in range(N_FOLDS))
        rows.append([name, *np.mean(found, axis=0)])
        print(line(rows[-1]), flush=True)
    losses = np.array([row[1:] for row in rows])
    ratios = np.exp(np.log(losses / losses[:, :1]).mean(axis=0))
    return [*rows, ["ratio to straight", *ratios]]


def main() -> None:
    options = parser(__doc__).parse_args()
    warnings.simplefilter("ignore")
    if options.smoke:
        print(of_frame("the frame", 100, 0), of_frame("encoded by hand", 100, 0))
        return
    if (folder := data_folder(options)) is None:
        return
    torch.set_num_threads(1)
    timed = [seconds(*size, n_repeats=3) for size in TIMED]
    for row in timed:
        print(line(row), flush=True)
    frames, tables = frame_rows(N_FRAMES), table_rows(folder)
    if options.write:
        write_page(
            "columns",
            "# Columns",
            f"Written by `examples/benchmarks/columns.py --write` ({machine()}). What it is worth "
            "that a fit reads columns itself; [Columns](../guide/columns.md) says how.",
            "## A frame with categories and gaps",
            "Simulated: a column that works along a wave, one whose gaps tell something, a "
            "category of 90 levels, an empty column. KL divergence from the true probabilities, in "
            f"nats, means of {N_FRAMES} frames. By hand: imputer with indicator, one-hot columns, "
            "scaler.",
            table(["rows", *OF_FRAMES], frames),
            "## Straight, bent, chosen, averaged",
            f"Log loss (nats), {N_FOLDS} folds, of the tables with columns of numbers. The average "
            "is that of the probabilities of both nets, which costs two fits.",
            table(["table", "straight", "bent", "chosen", "average"], tables),
            "## Time",
            "Seconds of a default fit on one thread, medians of three in turn; the label follows "
            "bends.",
            table(["rows x columns", "straight", "chosen", "ratio", "chose"], timed),
        )


if __name__ == "__main__":
    main()
