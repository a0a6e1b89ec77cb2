"""Files that are whole or not there: fitted estimators, and checkpoints of a training."""

from __future__ import annotations

import os
from typing import Any

import joblib

from ._files import write_whole
from ._training.checkpoint import TrainingCheckpoint

__all__ = ["TrainingCheckpoint", "dump", "load"]


def dump(estimator: Any, path: str | os.PathLike[str]) -> None:
    """Write an estimator to a file, which is the old one or the new one at any moment.

    It is written beside the path, brought to the disk, and then takes the path's name: a process
    or a machine that stops before leaves what was there.

    Parameters
    ----------
    estimator : object
        Fitted or not, a pipeline or a search too.
    path : str or path-like
        The folder must exist.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> from sklearn_softloss.persistence import dump, load
    >>> clf = SoftTargetMLPClassifier((8,), max_iter=2, random_state=0).fit([[0.0], [1.0]], [0, 1])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dump(clf, os.path.join(folder, "clf.joblib"))
    ...     again = load(os.path.join(folder, "clf.joblib"))
    >>> bool((again.predict_proba([[0.5]]) == clf.predict_proba([[0.5]])).all())
    True
    """
    write_whole(path, lambda file: joblib.dump(estimator, file))


def load(path: str | os.PathLike[str]) -> Any:
    """Read what `dump` wrote. It is a pickle: never load one from a stranger, it may run code.

    Parameters
    ----------
    path : str or path-like
        Of the file.

    Returns
    -------
    object
        What was given to `dump`.

    Raises
    ------
    ValueError
        If another version of the package wrote it that this one cannot read.

    Examples
    --------
    >>> import os, tempfile
    >>> from sklearn_softloss.decision import TopK
    >>> from sklearn_softloss.persistence import dump, load
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     dump(TopK(3), os.path.join(folder, "rule.joblib"))
    ...     load(os.path.join(folder, "rule.joblib"))
    TopK(k=3)
    """
    try:
        return joblib.load(path)
    except (AttributeError, ModuleNotFoundError) as error:
        if __package__ not in str(error):
            raise
        raise ValueError(
            f"{os.fspath(path)!r} was written by another version of {__package__}, which had what "
            f"this one lacks ({error}): load it with the version that wrote it, or fit anew."
        ) from error
