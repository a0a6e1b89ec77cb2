"""Where the time of a training step goes: torch's own profile of the fits of speed.py.

The kernels are timed by `torch.profiler`; the time of the step by a fit without it. What is left
is Python and the way into the kernels. Prints a table; ``--write`` writes it for the docs too.
"""

from __future__ import annotations

import warnings
from collections import Counter

import numpy as np
from sklearn.exceptions import ConvergenceWarning
from torch.profiler import ProfilerActivity, profile

from harness import machine, median_seconds, parser, table, write_page
from sklearn_softloss import SoftTargetMLPClassifier
from speed import FITS, SMOKE_FITS, Task, ours

PARTS = {
    "products": ("mm", "addmm"),
    "optimiser": ("_fused_adam_",),
    "gather": ("index_select", "index", "randperm"),
    "softmax and loss": ("_log_softmax", "_softmax", "exp_", "sub_", "dot", "neg", "div_"),
    "activation": ("clamp_min_", "threshold_backward"),
    "bias sums": ("sum", "addmv"),
    "copies": ("copy_",),
}
OTHER = "other kernels"
REST = "Python and calls"


def step_parts(task: Task, repeats: int) -> dict[str, float]:
    """Microseconds a step: the whole, and what each part takes of it."""
    rng = np.random.default_rng(0)
    X = rng.normal(size=(task.n, task.d)).astype(np.float32)
    y = rng.integers(0, task.k, task.n)
    clf = SoftTargetMLPClassifier(**ours(task))
    whole = median_seconds(lambda: clf.fit(X, y), repeats) * 1e6 / task.steps
    with profile(activities=[ProfilerActivity.CPU]) as recorded:
        clf.fit(X, y)
    part_of = {kernel: part for part, kernels in PARTS.items() for kernel in kernels}
    parts: Counter[str] = Counter()
    for event in recorded.key_averages():
        parts[part_of.get(event.key.removeprefix("aten::"), OTHER)] += (
            event.self_cpu_time_total / task.steps
        )
    found = {"step": whole, **{part: parts[part] for part in (*PARTS, OTHER)}}
    # The profiler slows small kernels down; where their sum exceeds the step, nothing is left.
    return {**found, REST: max(0.0, whole - parts.total())}


def main() -> None:
    reader = parser(__doc__, data=False)
    reader.add_argument("--repeats", type=int, default=5)
    options = reader.parse_args()
    warnings.simplefilter("ignore", ConvergenceWarning)
    tasks, repeats = (SMOKE_FITS, 1) if options.smoke else (FITS, options.repeats)
    rows = {task.name: step_parts(task, repeats) for task in tasks}
    heads = next(iter(rows.values()))
    lines = table(
        ["task", *heads], ([name, *parts.values()] for name, parts in rows.items()), digits=0
    )
    print(lines)
    if options.write:
        write_page(
            "step",
            "# Where the time of a step goes",
            "Written by `examples/benchmarks/step_profile.py --write`: microseconds a step. "
            "Kernels as `torch.profiler` times them, the step without the profiler; the profiler "
            "adds about a microsecond to each kernel, which shows where the nets are small. "
            "Products of small nets go through NumPy, which it does not see: they are in the last "
            "column.",
            machine(),
            "## All kernels",
            lines,
        )


if __name__ == "__main__":
    main()
