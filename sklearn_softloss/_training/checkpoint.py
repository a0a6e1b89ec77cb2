"""Checkpoints of a training, from which a killed fit goes on to the same weights."""

from __future__ import annotations

import hashlib
import os
import time
from collections.abc import Callable, Iterator
from numbers import Integral, Real
from pathlib import Path
from typing import Any

import numpy as np
import scipy.sparse as sp
import torch
from sklearn.utils.validation import check_scalar
from skorch.callbacks import Callback

from .._files import write_whole
from .batches import TrainingData, release_pages


class TrainingCheckpoint(Callback):
    """Saves a training in `fit`, so that the same `fit` called again goes on where it was killed.

    It reaches the same weights, bit for bit, as a fit that was never killed. The file is written
    whole or not at all, and removed when the fit has come to its end. What it does not hold: the
    state of other callbacks, and the choice of "auto" parameters, which is made again. Trainings
    by 'lbfgs' have no steps to go on from, and start again.

    Parameters
    ----------
    path : str or path-like
        One file for each fit: a search or an ensemble needs one for each of its own.
    every : int, default=1
        Epochs from one checkpoint to the next.
    seconds : float, default=None
        If given, checkpoints are so far apart instead, at ends of epochs.

    Raises
    ------
    ValueError
        By `fit`: if the file is of another fit (data, parameters or first weights differ), if
        `random_state` is no number, since no fit can then be repeated, or by `partial_fit`.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.persistence import TrainingCheckpoint
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     checkpoint = TrainingCheckpoint(os.path.join(folder, "training.pt"), every=5)
    ...     clf = SoftTargetMLPClassifier((8,), callbacks=[checkpoint], random_state=0)
    ...     clf = clf.fit([[0.0], [1.0]], [0, 1])
    ...     os.listdir(folder)
    []
    """

    def __init__(
        self, path: str | os.PathLike[str], every: int = 1, seconds: float | None = None
    ) -> None:
        self.path, self.every, self.seconds = path, every, seconds

    def _begin(self, fingerprint: str) -> dict[str, Any] | None:
        """The state to go on from, or None; refuses a file with another fingerprint."""
        check_scalar(self.every, "every", Integral, min_val=1)
        if self.seconds is not None:
            check_scalar(self.seconds, "seconds", Real, min_val=0)
        if not Path(self.path).parent.is_dir():
            raise ValueError(f"The folder of the checkpoint {os.fspath(self.path)!r} must exist.")
        self._fingerprint, self._written, self._epochs = fingerprint, time.monotonic(), 0
        if not Path(self.path).exists():
            return None
        state: dict[str, Any] = torch.load(self.path, map_location="cpu", weights_only=True)
        if state.pop("fingerprint", None) != fingerprint:
            raise ValueError(
                f"{os.fspath(self.path)!r} is a checkpoint of another fit: its data, parameters or "
                "first weights differ. Remove the file to start anew, or give another path."
            )
        return state

    def _end_epoch(self, state: Callable[[], dict[str, Any]]) -> None:
        """Write the state if it is time to."""
        self._epochs += 1
        waited = time.monotonic() - self._written
        if self._epochs >= self.every if self.seconds is None else waited >= self.seconds:
            # torch's safe loader reads no types of NumPy.
            plain = replaced(state(), (np.generic, np.ndarray), lambda value: value.tolist())
            found = {"fingerprint": self._fingerprint, **plain}
            write_whole(self.path, lambda file: torch.save(found, file))
            self._written, self._epochs = time.monotonic(), 0

    def _end(self) -> None:
        """The training has come to its end."""
        Path(self.path).unlink(missing_ok=True)


def fingerprint(
    data: list[TrainingData | None],
    module: torch.nn.Module,
    generator: torch.Generator,
    *options: Any,
) -> str:
    """A number of all that a training comes from: rows, targets, first weights, draws, options."""
    found = hashlib.sha256(repr(options).encode())
    for name, value in module.state_dict().items():
        found.update(name.encode())
        found.update(value.detach().cpu().contiguous().numpy().tobytes())
    found.update(generator.get_state().numpy().tobytes())
    for part in data:
        found.update(b"no rows" if part is None else b"rows")
        for values in [] if part is None else _blocks(part):
            found.update(b"none" if values is None else np.ascontiguousarray(values).tobytes())
    return found.hexdigest()


def _blocks(data: TrainingData) -> Iterator[Any]:
    """Arrays that hold the rows, block by block."""
    size = data.block_size()
    for start in range(0, len(data), size):
        rows = data.rows[start : start + size]
        X = data.X[rows]
        yield from (X.data, X.indices, X.indptr) if sp.issparse(X) else (X,)
        release_pages(data.X)
        yield from data.targets.block(rows)


def replaced(state: Any, kind: Any, replace: Callable[[Any], Any]) -> Any:
    """A copy of nested dicts, lists and tuples with all that is of a kind replaced."""
    if isinstance(state, dict):
        return {key: replaced(value, kind, replace) for key, value in state.items()}
    if isinstance(state, (list, tuple)):
        return type(state)(replaced(value, kind, replace) for value in state)
    return replace(state) if isinstance(state, kind) else state
