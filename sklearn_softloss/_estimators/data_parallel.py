"""What a fit asks of several processes that share its rows, before it trains with them."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import scipy.sparse as sp

from .._targets.encoding import Targets
from .course import Call
from .parameters import checkpoints

OF_ONE_PROCESS = ("random_state", "verbose", "callbacks")
"""Parameters that may differ: the first process draws for all."""


def check_sharing(estimator: Any, call: Call) -> None:
    """Refuse calls that differ, and what cannot be a sum over processes."""
    loss, processes = call.loss, call.processes
    if loss.batch_dependent:
        raise ValueError(
            f"{loss!r} compares the rows of a batch, which data_parallel() spreads over processes: "
            "take another loss, or fit in one process."
        )
    if checkpoints(estimator.callbacks):
        raise ValueError(
            "TrainingCheckpoint writes the state of one process, and data_parallel() trains in "
            f"{processes.size}: leave it out, and dump the fitted estimator."
        )
    if estimator.cv is not None or estimator.scoring is not None:
        raise ValueError(
            "cv and scoring are for one process; in data_parallel() the loss on rows of all "
            "processes chooses. Leave them out, or state what they chose before."
        )
    said: dict[str, Any] = {"the call": f"{type(estimator).__name__}, {call.course.name}"}
    for name, value in estimator.get_params(deep=False).items():
        if name not in OF_ONE_PROCESS:
            said[name] = re.sub(" at 0x[0-9a-f]+", "", repr(value))
    said["the number of axes of y"] = np.ndim(call.y)
    given = {"sample_weight": call.sample_weight, "label_weight": call.label_weight}
    for name, value in {**given, "X_val": call.validation[0]}.items():
        said[f"{name} is given"] = value is not None
    processes.check_that_all_agree(said)


def check_same_data(X: Any, targets: Targets) -> None:
    """Refuse rows of one process that cannot stand below those of another."""
    names = targets.label_names
    targets.processes.check_that_all_agree(
        {
            "X is sparse": sp.issparse(X),
            "the dtype of X": str(X.dtype),
            "the shape of a row of X": X.shape[1:],
            "the classes of y": None if targets.classes is None else targets.classes.tolist(),
            "the names of the columns of y": None if names is None else names.tolist(),
            "the number of columns of y": targets.n_columns,
        }
    )
