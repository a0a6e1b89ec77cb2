"""Time per training step and per prediction, beside scikit-learn, skorch and a plain torch loop.

All take turns in one process on the same net, data, batch size, epochs and Adam, in float32. Prints
medians, ratios (other / ours) and the time of the matrix products alone; writes a page for the
docs, with or without ``--write``. ``--smoke`` runs everything once in a small size and writes
nothing.
"""

from __future__ import annotations

import sys
import warnings
from collections.abc import Callable
from itertools import pairwise
from typing import Any, NamedTuple

import numpy as np
import scipy.sparse as sp
import skorch
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.neural_network import MLPClassifier, MLPRegressor
from torch import nn

from harness import machine, median_seconds, parser, table, take_turns, write_page
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)

OURS, SKLEARN, SKORCH, LOOP, PRODUCTS = (
    "sklearn_softloss", "scikit-learn", "skorch", "torch loop", "matrix products",
)  # fmt: skip


class Task(NamedTuple):
    n: int
    d: int
    k: int
    hidden: tuple[int, ...]
    batch: int
    epochs: int

    @property
    def name(self) -> str:
        hidden = ",".join(map(str, self.hidden))
        return f"fit {self.n} x {self.d} -> {self.k}, ({hidden}), batch {self.batch}"

    @property
    def steps(self) -> int:
        return self.epochs * -(-self.n // self.batch)


FITS = [
    Task(2000, 20, 3, (100,), 32, 10),
    Task(20000, 100, 10, (100,), 200, 5),
    Task(20000, 100, 10, (256, 256), 256, 3),
    Task(20000, 512, 50, (512, 512), 512, 4),
]
MULTI_LABEL = Task(7000, 2048, 1000, (256,), 256, 4)
NUMBERS = [
    Task(2000, 20, 1, (100,), 32, 10),
    Task(20000, 100, 10, (100,), 200, 5),
    Task(20000, 100, 10, (256, 256), 256, 3),
]
SMOKE_FITS = [Task(200, 10, 3, (8,), 32, 2)]
SMOKE_MULTI_LABEL = Task(200, 50, 20, (8,), 32, 2)


# --- the nets of the others ------------------------------------------------------------------


def layers(task: Task) -> nn.Sequential:
    sizes = (task.d, *task.hidden, task.k)
    found: list[nn.Module] = []
    for n_in, n_out in pairwise(sizes):
        found += [nn.Linear(n_in, n_out), nn.ReLU()]
    return nn.Sequential(*found[:-1])


def skorch_net(task: Task, criterion: type[nn.Module]) -> skorch.NeuralNet:
    return skorch.NeuralNet(
        layers(task), criterion=criterion, optimizer=torch.optim.Adam, lr=0.001,
        batch_size=task.batch, max_epochs=task.epochs, train_split=None,
        iterator_train__shuffle=True, verbose=0,
    )  # fmt: skip


def torch_loop(task: Task, X: Any, Y: Any, loss: Callable[[Any, Any], Any]) -> None:
    """A careful loop by hand: fused Adam, batches gathered by index."""
    net = layers(task)
    optimizer = torch.optim.Adam(net.parameters(), lr=0.001, fused=True)
    sparse = sp.issparse(X)
    if not sparse:
        X, Y = torch.from_numpy(X), torch.from_numpy(Y)
    for _ in range(task.epochs):
        for rows in torch.randperm(task.n).split(task.batch):
            if sparse:
                x, y = (torch.from_numpy(part[rows.numpy()].toarray()) for part in (X, Y))
            else:
                x, y = X[rows], Y[rows]
            optimizer.zero_grad(set_to_none=True)
            loss(net(x), y).backward()
            optimizer.step()


def matrix_products(task: Task) -> None:
    """The products of the steps, and nothing else."""
    sizes = (task.d, *task.hidden, task.k)
    inputs = [torch.randn(task.batch, size) for size in sizes]
    weights = [torch.randn(b, a) for a, b in pairwise(sizes)]
    forward = [torch.empty(task.batch, size) for size in sizes[1:]]
    gradients = [torch.empty_like(weight) for weight in weights]
    backward = [torch.empty(task.batch, size) for size in sizes[:-1]]
    for _ in range(task.steps):
        for i, weight in enumerate(weights):
            torch.mm(inputs[i], weight.t(), out=forward[i])
        for i in reversed(range(len(weights))):
            torch.mm(forward[i].t(), inputs[i], out=gradients[i])
            if i:
                torch.mm(forward[i], weights[i], out=backward[i])


# --- timing ----------------------------------------------------------------------------------


def microseconds(runs: dict[str, Callable[[], Any]], repeats: int, per: int) -> dict[str, float]:
    """Median of each, in turns, divided by the steps or calls of a run."""
    return {name: found * 1e6 / per for name, found in take_turns(runs, repeats).items()}


def common(task: Task) -> dict[str, Any]:
    """Parameters that scikit-learn's nets and ours share; no epoch is cut short."""
    return {
        "hidden_layer_sizes": task.hidden, "batch_size": task.batch, "max_iter": task.epochs,
        "tol": 0.0, "n_iter_no_change": np.inf, "alpha": 0.0, "solver": "adam", "beta_2": 0.999,
        "learning_rate": "constant", "learning_rate_init": 0.001, "random_state": 0,
    }  # fmt: skip


def ours(task: Task) -> dict[str, Any]:
    """Those, and no dropout, which scikit-learn's nets lack."""
    return {**common(task), "dropout": 0.0}


def best_of_threads(run: Callable[[], Any]) -> Callable[[], Any]:
    """The floor is the faster of one and all threads; decided once, by trial."""
    available = torch.get_num_threads()

    def limited(threads: int) -> None:
        torch.set_num_threads(threads)
        run()
        torch.set_num_threads(available)

    best = min((1, available), key=lambda n: median_seconds(lambda: limited(n), repeats=1))
    return lambda: limited(best)


def time_fit(task: Task, repeats: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(task.n, task.d)).astype(np.float32)
    y = rng.integers(0, task.k, task.n)
    runs = {
        OURS: lambda: SoftTargetMLPClassifier(**ours(task)).fit(X, y),
        SKLEARN: lambda: MLPClassifier(**common(task)).fit(X, y),
        SKORCH: lambda: skorch_net(task, nn.CrossEntropyLoss).fit(X, y),
        LOOP: lambda: torch_loop(task, X, y, nn.functional.cross_entropy),
        PRODUCTS: best_of_threads(lambda: matrix_products(task)),
    }
    return microseconds(runs, repeats, task.steps)


def time_numbers(task: Task, repeats: int) -> dict[str, float]:
    rng = np.random.default_rng(0)
    X = rng.normal(size=(task.n, task.d)).astype(np.float32)
    Y = (X[:, : task.k] + rng.normal(size=(task.n, task.k))).astype(np.float32)
    y = Y[:, 0] if task.k == 1 else Y
    runs = {
        OURS: lambda: SoftLossMLPRegressor(**ours(task)).fit(X, y),
        SKLEARN: lambda: MLPRegressor(**common(task)).fit(X, y),
        SKORCH: lambda: skorch_net(task, nn.MSELoss).fit(X, Y),
        LOOP: lambda: torch_loop(task, X, Y, nn.functional.mse_loss),
        PRODUCTS: best_of_threads(lambda: matrix_products(task)),
    }
    return microseconds(runs, repeats, task.steps)


def time_multi_label(task: Task, repeats: int) -> dict[str, float]:
    X = sp.random_array((task.n, task.d), density=0.02, rng=0, dtype=np.float32, format="csr")
    Y = sp.random_array((task.n, task.k), density=3 / task.k, rng=1, format="csr")
    Y = sp.csr_array(Y > 0).astype(np.float32)
    dense_X, dense_Y = X.toarray(), Y.toarray()
    hard = sp.csr_matrix(Y.astype(int))
    loss = nn.functional.binary_cross_entropy_with_logits
    runs = {
        OURS: lambda: MultiLabelSigmoidClassifier(**ours(task)).fit(X, Y),
        SKLEARN: lambda: MLPClassifier(**common(task)).fit(sp.csr_matrix(X), hard),
        SKORCH: lambda: skorch_net(task, nn.BCEWithLogitsLoss).fit(dense_X, dense_Y),
        LOOP: lambda: torch_loop(task, X, Y, loss),
    }
    return microseconds(runs, repeats, task.steps)


def time_predictions(n: int, repeats: int) -> dict[str, dict[str, float]]:
    task = Task(2000, 100, 10, (100,), 200, 1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(n, task.d)).astype(np.float32)
    train, y = X[: task.n], rng.integers(0, task.k, min(n, task.n))
    nets = {
        OURS: SoftTargetMLPClassifier(**ours(task)).fit(train, y),
        SKLEARN: MLPClassifier(**common(task)).fit(train, y),
        SKORCH: skorch_net(task, nn.CrossEntropyLoss).fit(train, y),
    }
    found = {}
    for rows, calls in ((X, 5), (X[:1], 500)):
        runs = {
            name: (lambda net=net, rows=rows, calls=calls: [
                net.predict_proba(rows) for _ in range(calls)
            ])
            for name, net in nets.items()
        }  # fmt: skip
        name = "predict_proba, one row" if len(rows) == 1 else f"predict_proba, {n} x {task.d}"
        found[name] = microseconds(runs, repeats, calls)
    return found


def time_parts(n: int, repeats: int) -> dict[str, float]:
    """Calls of partial_fit in a stream of small parts."""
    task = Task(32, 20, 3, (100,), 32, 1)
    rng = np.random.default_rng(0)
    X = rng.normal(size=(task.n, task.d)).astype(np.float32)
    y, classes = np.arange(task.n) % task.k, np.arange(task.k)
    nets = {
        OURS: SoftTargetMLPClassifier(**ours(task)),
        SKLEARN: MLPClassifier(**common(task)),
        SKORCH: skorch_net(task, nn.CrossEntropyLoss),
    }
    runs = {
        name: (lambda net=net: [net.partial_fit(X, y, classes=classes) for _ in range(n)])
        for name, net in nets.items()
    }
    return microseconds(runs, repeats, n)


def growth(repeats: int) -> str:
    """Ours alone, one thing varied at a time: microseconds a step, or an epoch for the rows."""
    base = Task(16000, 100, 10, (100,), 200, 1)
    varied: dict[str, list[tuple[Any, Task, int]]] = {
        "rows (an epoch)": [(n, base._replace(n=n), 1) for n in (4000, 8000, 16000, 32000, 64000)],
        "labels (a step)": [
            (k, base._replace(k=k), base.steps) for k in (125, 250, 500, 1000, 2000)
        ],
        "width (a step)": [
            (w, base._replace(hidden=(w,)), base.steps) for w in (64, 128, 256, 512, 1024)
        ],
        "depth (a step)": [(m, base._replace(hidden=(100,) * m), base.steps) for m in (1, 2, 4, 8)],
        "batch (a step)": [
            (b, base._replace(batch=b), base._replace(batch=b).steps) for b in (50, 100, 200, 400)
        ],
    }
    rows = []
    rng = np.random.default_rng(0)
    for name, cases in varied.items():
        runs, per = {}, {}
        for size, task, parts in cases:
            X = rng.normal(size=(task.n, task.d)).astype(np.float32)
            Y = (rng.random((task.n, task.k)) < 0.1).astype(np.float32)
            clf = MultiLabelSigmoidClassifier(**ours(task))
            runs[size] = lambda clf=clf, X=X, Y=Y: clf.fit(X, Y)
            per[size] = parts
        times = microseconds(runs, repeats, 1)
        cells = ", ".join(f"{size}: {times[size] / per[size]:.0f}" for size in runs)
        rows.append((name, cells))
    return table(["what grows", "microseconds at each size"], rows)


# --- report ----------------------------------------------------------------------------------


def table_of_ratios(results: dict[str, dict[str, float]]) -> str:
    others = (SKLEARN, SKORCH, LOOP)
    heads = ["task", "ours, us", *(f"vs {name}" for name in others), f"ours / {PRODUCTS}"]
    rows = []
    for task, times in results.items():
        ratios = [times.get(name, np.nan) / times[OURS] for name in others]
        products = times[OURS] / times.get(PRODUCTS, np.nan)
        rows.append([task, f"{times[OURS]:.0f}", *ratios, products])
    return table(heads, rows, digits=2)


def main() -> None:
    reader = parser(__doc__, data=False)
    reader.add_argument("--repeats", type=int, default=5)
    options = reader.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    fits, numbers, multi_label = FITS, NUMBERS, MULTI_LABEL
    repeats, n = options.repeats, 20000
    if options.smoke:
        fits, numbers, multi_label = SMOKE_FITS, SMOKE_FITS, SMOKE_MULTI_LABEL
        repeats, n = 1, 2000
    results = {}
    for task in fits:
        results[task.name] = time_fit(task, repeats)
        print(task.name, {k: round(v, 1) for k, v in results[task.name].items()}, file=sys.stderr)
    for task in numbers:
        name = task.name.replace("fit", "fit numbers")
        results[name] = time_numbers(task, repeats)
        print(name, {k: round(v, 1) for k, v in results[name].items()}, file=sys.stderr)
    name = multi_label.name.replace("fit", "fit multi-label CSR")
    results[name] = time_multi_label(multi_label, repeats)
    results["partial_fit, 32 x 20"] = time_parts(n // 100, repeats)
    results.update(time_predictions(n, repeats))
    ratios = table_of_ratios(results)
    print(ratios)
    if options.smoke:
        return
    grown = growth(repeats)
    print(grown)
    write_page(
        "speed",
        "# Speed",
        "Written by `make bench` (`examples/benchmarks/speed.py`): median microseconds a step or "
        f"call over {repeats} turns; ratios are other / ours. float32, Adam.",
        machine(),
        ratios,
        "## Growth",
        "`MultiLabelSigmoidClassifier`, 16,000 rows of 100 features, 10 labels, 100 hidden units, "
        "batches of 200, one of these varied at a time.",
        grown,
    )


if __name__ == "__main__":
    main()
