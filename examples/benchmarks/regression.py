"""Numbers: our regressor at its defaults beside peers, for the mean and for five quantiles.

``--write`` writes a page for the docs.
"""

from __future__ import annotations

import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed
from sklearn.compose import TransformedTargetRegressor
from sklearn.datasets import load_diabetes
from sklearn.ensemble import HistGradientBoostingRegressor, RandomForestRegressor
from sklearn.linear_model import QuantileRegressor, RidgeCV
from sklearn.model_selection import KFold
from sklearn.multioutput import MultiOutputRegressor
from sklearn.neural_network import MLPRegressor
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from harness import data_folder, line, machine, parser, table, timed, write_page
from harness.data import read
from sklearn_softloss import SoftLossMLPRegressor
from sklearn_softloss.metrics import interval_coverage, pinball_loss

OURS = "SoftLossMLPRegressor"
SETS = ("atp1d", "edm", "enb", "jura", "oes97", "slump", "wq")
HALF_UNKNOWN = ("enb", "wq")
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
N_FOLDS, SEEDS = 5, (0, 1)

Models = dict[str, Callable[[int], Any]]


def of_means() -> Models:
    return {
        OURS: lambda seed: SoftLossMLPRegressor(random_state=seed),
        "MLPRegressor": lambda seed: TransformedTargetRegressor(
            make_pipeline(StandardScaler(), MLPRegressor(random_state=seed)),
            transformer=StandardScaler(),
        ),
        "ridge": lambda seed: make_pipeline(
            StandardScaler(), RidgeCV(np.logspace(-3, 4, 15), alpha_per_target=True)
        ),
        "random forest": lambda seed: RandomForestRegressor(random_state=seed),
        "histogram boosting": lambda seed: MultiOutputRegressor(
            HistGradientBoostingRegressor(random_state=seed)
        ),
        **of_catboost(),
    }


def of_catboost() -> Models:
    """CatBoost with 500 trees, one model for all targets, where it is installed."""
    try:
        from catboost import CatBoostRegressor
    except ImportError:
        return {}
    params = {"iterations": 500, "verbose": 0, "thread_count": 1, "allow_writing_files": False}

    def model(seed: int) -> Any:
        return CatBoostRegressor(loss_function="MultiRMSE", random_state=seed, **params)

    return {"CatBoost": model}


class OnePerLevel:
    """A regressor for each level and target, with `predict_quantiles`."""

    def __init__(self, make: Callable[[float], Any]) -> None:
        self.make = make

    def fit(self, X: Any, Y: Any) -> OnePerLevel:
        self.parts_ = [MultiOutputRegressor(self.make(level)).fit(X, Y) for level in LEVELS]
        return self

    def predict_quantiles(self, X: Any) -> Any:
        return np.stack([part.predict(X) for part in self.parts_], axis=-1)


def of_quantiles() -> Models:
    return {
        OURS: lambda seed: SoftLossMLPRegressor(
            loss="quantile", quantile=LEVELS, random_state=seed
        ),
        "histogram boosting": lambda seed: OnePerLevel(
            lambda level: HistGradientBoostingRegressor(
                loss="quantile", quantile=level, random_state=seed
            )
        ),
        "QuantileRegressor": lambda seed: OnePerLevel(
            lambda level: make_pipeline(StandardScaler(), QuantileRegressor(quantile=level))
        ),
    }


def data(folder: Path) -> dict[str, tuple[Any, Any]]:
    """X and Y, whose columns are divided by their standard deviations for the sake of the means."""
    found = {}
    for name in SETS:
        stored = read(folder, "regression", name)
        found[name] = stored["X"].astype(np.float64), stored["Y"].astype(np.float64)
    X, y = load_diabetes(return_X_y=True)
    found["diabetes"] = X, y[:, None]
    return {name: (X, Y / Y.std(axis=0)) for name, (X, Y) in found.items()}


def splits(X: Any) -> list[Any]:
    return [
        (*split, seed)
        for seed in SEEDS
        for split in KFold(N_FOLDS, shuffle=True, random_state=seed).split(X)
    ]


def fitted(model: Any, X: Any, Y: Any) -> tuple[Any, float]:
    torch.set_num_threads(1)
    many = isinstance(model, (OnePerLevel, MultiOutputRegressor))
    Y = Y[:, 0] if Y.shape[1] == 1 and not many else Y
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLPRegressor stops before it has converged
        seconds, _ = timed(lambda: model.fit(X, Y))
    return model, seconds


def mean_fit(title: str, X: Any, Y: Any, train: Any, test: Any, seed: int) -> list[float]:
    """Mean squared error of the test rows, mean over the targets, and seconds."""
    model, seconds = fitted(of_means()[title](seed), X[train], Y[train])
    predicted = np.reshape(model.predict(X[test]), Y[test].shape)
    return [float(np.mean((predicted - Y[test]) ** 2)), seconds]


def quantile_fit(title: str, X: Any, Y: Any, train: Any, test: Any, seed: int) -> list[float]:
    """Pinball loss, mean over levels and targets, coverage of the 90 % interval, and seconds."""
    model, seconds = fitted(of_quantiles()[title](seed), X[train], Y[train])
    found = np.reshape(model.predict_quantiles(X[test]), (*Y[test].shape, len(LEVELS)))
    loss = pinball_loss(Y[test], found, levels=LEVELS)
    ends = found.min(axis=-1), found.max(axis=-1)  # quantiles of the peers may cross
    return [loss, interval_coverage(Y[test], *ends), seconds]


def scores(fit: Any, titles: list[str], sets: dict[str, Any]) -> dict[str, Any]:
    """For each set the means over the splits: an array (model, score)."""
    found = {}
    for name, (X, Y) in sets.items():
        work = [(title, X, Y, *split) for title in titles for split in splits(X)]
        results = Parallel(n_jobs=2)(delayed(fit)(*args) for args in work)
        n_splits = N_FOLDS * len(SEEDS)
        found[name] = np.reshape(results, (len(titles), n_splits, -1)).mean(axis=1)
        print(line([name, *found[name].ravel()]), flush=True)
    return found


def unknown_rows(sets: dict[str, Any]) -> list[list[Any]]:
    """R² on known test rows after half of the training entries were hidden at random."""
    rows = []
    for name in HALF_UNKNOWN:
        X, Y = sets[name]
        found = []
        for train, test, seed in splits(X):
            hidden = np.random.default_rng(seed).random(Y[train].shape) < 0.5
            half = np.where(hidden, np.nan, Y[train])
            filled = np.where(hidden, np.nanmean(half, axis=0), half)
            targets = {"all known": Y[train], "half unknown": half, "filled with means": filled}
            found.append(
                [
                    SoftLossMLPRegressor(random_state=seed).fit(X[train], y).score(X[test], Y[test])
                    for y in targets.values()
                ]
            )
        rows.append([name, *np.mean(found, axis=0)])
    return rows


def truth_rows() -> list[list[Any]]:
    """Distance from the true functional in standard deviations, in the bulk of 20,000 rows.

    One feature, noise that is skewed and grows: an exponential times a rising scale.
    """
    rng = np.random.default_rng(0)
    x = rng.uniform(-2, 2, 20_000)
    scale = 0.5 + 0.25 * (x + 2)
    y = np.sin(2 * x) + scale * (rng.exponential(size=len(x)) - 1)
    grid = np.linspace(-1.8, 1.8, 181)
    at_grid = 0.5 + 0.25 * (grid + 2)

    def truth(level: float | None) -> Any:
        noise = 0.0 if level is None else -np.log1p(-level) - 1
        return np.sin(2 * grid) + at_grid * noise

    reg = SoftLossMLPRegressor(random_state=0)
    models = {"mean": (reg.fit(x[:, None], y).predict(grid[:, None]), truth(None))}
    reg = SoftLossMLPRegressor(loss="absolute_error", random_state=0)
    models["median"] = reg.fit(x[:, None], y).predict(grid[:, None]), truth(0.5)
    levels = (0.05, 0.1, 0.25, 0.5, 0.75, 0.9, 0.95)
    reg = SoftLossMLPRegressor(loss="quantile", quantile=levels, random_state=0)
    bands = reg.fit(x[:, None], y).predict_quantiles(grid[:, None])
    models |= {f"level {level}": (bands[:, k], truth(level)) for k, level in enumerate(levels)}
    return [
        [name, np.mean(np.abs(found - true) / at_grid), np.max(np.abs(found - true) / at_grid)]
        for name, (found, true) in models.items()
    ]


def result_table(found: dict[str, Any], titles: list[str]) -> str:
    losses = np.array([values[:, 0] for values in found.values()])
    ranks = losses.argsort(axis=1).argsort(axis=1) + 1
    seconds = np.array([values[:, -1] for values in found.values()])
    rows: list[list[Any]] = [[name, *values[:, 0]] for name, values in found.items()]
    rows.append(["average rank", *(f"{rank:.2f}" for rank in ranks.mean(axis=0))])
    rows.append(["fit, s, geometric mean", *np.exp(np.log(seconds).mean(axis=0))])
    return table(["set", *titles], rows)


def coverage_table(found: dict[str, Any], titles: list[str], sets: dict[str, Any]) -> str:
    rows: list[list[Any]] = [[name, *values[:, 1]] for name, values in found.items()]
    sizes = [Y.size for _, Y in sets.values()]
    pooled = np.average([values[:, 1] for values in found.values()], axis=0, weights=sizes)
    return table(["set", *titles], [*rows, ["all entries", *pooled]])


def main() -> None:
    options = parser(__doc__).parse_args()
    if options.smoke:
        rng = np.random.default_rng(0)
        X, Y = rng.normal(size=(40, 3)), rng.normal(size=(40, 2))
        for title in of_means():
            print(title, mean_fit(title, X, Y, np.arange(30), np.arange(30, 40), 0))
        for title in of_quantiles():
            print(title, quantile_fit(title, X, Y, np.arange(30), np.arange(30, 40), 0))
        return
    if (folder := data_folder(options)) is None:
        return
    sets = data(folder)
    means, quantiles = list(of_means()), list(of_quantiles())
    unknown, truth = unknown_rows(sets), truth_rows()
    for row in (*unknown, *truth):
        print(line(row), flush=True)
    squared, pinball = scores(mean_fit, means, sets), scores(quantile_fit, quantiles, sets)
    parts = [
        result_table(squared, means),
        result_table(pinball, quantiles),
        coverage_table(pinball, quantiles, sets),
    ]
    print("\n".join(parts), flush=True)
    if options.write:
        write_page(
            "regression",
            "# Numbers",
            f"Written by `examples/benchmarks/regression.py --write` ({machine()}). Defaults, raw "
            f"columns of X; {N_FOLDS} shuffled folds, {len(SEEDS)} seeds; each target in its "
            "standard deviations, and the mean over the targets of a set. One thread a fit.",
            "## Means: squared error",
            "MLPRegressor gets standardised columns and targets; ridge standardised columns, and "
            "its penalty by leave-one-out for each target. Histogram boosting fits a model a "
            "target, CatBoost with 500 trees one for all.",
            parts[0],
            "## Quantiles: pinball loss",
            f"Mean over the levels {', '.join(map(str, LEVELS))}. The peers fit a model for each "
            "level and target, QuantileRegressor with its default penalty, which is strong.",
            parts[1],
            "Share of the test entries inside the interval from 0.05 to 0.95; the last row weighs "
            "all entries alike.",
            parts[2],
            "## Unknown entries",
            "R² on the test rows; half of the entries of Y hidden at random in training.",
            table(["set", "all known", "half unknown", "filled with column means"], unknown),
            "## Known truth",
            "20,000 rows of one feature, noise that is skewed and grows. Distance of the "
            "prediction from the true functional, in standard deviations of the noise, over the "
            "inner nine tenths of the range.",
            table(["functional", "mean distance", "largest distance"], truth),
        )


if __name__ == "__main__":
    main()
