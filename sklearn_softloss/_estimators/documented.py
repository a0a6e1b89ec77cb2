"""What the nets' parameters and attributes are: described once, and taken over by each class."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping
from inspect import Parameter, cleandoc, isfunction, signature
from typing import Any, TypeVar

Class = TypeVar("Class", bound=type)


class Shared:
    """The parameters that nets share, without their defaults, and the attributes of a fitted one.

    Parameters
    ----------
    hidden_layer_sizes : int, tuple of int or 'auto'
        Units of each hidden layer; ``()`` gives a linear model. 'auto' is (448,), but for wide
        sparse X, such as the words of texts: with `alpha` and `dropout` at 'auto' it is then a
        linear model trained by L-BFGS. Wide are 5,000 columns, or 1,000 with less than 64 entries
        a column.
    activation : {'identity', 'logistic', 'tanh', 'relu'}
        Activation of the hidden layers.
    label_smoothing : float
        Share of each target given to the uniform distribution, in [0, 1): over the classes under a
        'distribution' loss, over {0, 1} in each column under an 'independent' one. Undone in
        `predict_proba`.
    target_range : tuple (low, high)
        Train towards these values in place of 0 and 1, for example (0.1, 0.9). Undone in
        `predict_proba`. Set this or `label_smoothing`.
    encoding : {'auto', 'standard', 'piecewise'} or None
        How the numbers of X enter the net. 'standard': less their mean, over their standard
        deviation; sparse X is scaled, never centred. 'piecewise': along a line with a bend at each
        of up to 16 quantiles, and flat beyond the training rows. None: as they are. 'auto' is one
        of the first two, chosen with `alpha`; 'standard' where that is a number, and of sparse X.
        Measures are weighted by `sample_weight`, and those of the first part in `partial_fit`. Not
        for a `module`.
    categorical_features : str, array-like of {bool, int, str} or None
        Columns of X that are categories: a mask, places or names, none, or those of a DataFrame
        that hold text or are of a category type. Levels that training has not seen count as none;
        of more than 64 the rarest count as one. NaN, None and NA are legal in all columns of a
        dense X: what is missing counts as the mean, and says that it is missing.
    solver : str or torch optimizer class
        'adam', 'adamw' (decoupled weight decay `alpha` on the weight matrices), 'sgd', 'adadelta'
        (wants a `learning_rate_init` near 1), 'rmsprop', 'lbfgs' (full batch, scipy's L-BFGS-B) or
        a callable ``(parameters, lr) -> torch.optim.Optimizer``.
    alpha : float or 'auto'
        Under 'adamw' each step shrinks the weight matrices by the share ``alpha`` times the
        learning rate. Under other solvers it is the strength of the L2 penalty on them, divided by
        the weight sum of the batch as in scikit-learn's nets, and 'auto' is 0.0001. Under 'adamw'
        'auto' is chosen, with `dropout`, by a cross-validation; see Notes of
        `SoftTargetMLPClassifier`.
    dropout : float or 'auto'
        Share of hidden units set to zero in a training step, in [0, 1): one draw a unit for all
        rows of the step. Not used by 'lbfgs', nor by a `module`. 'auto' is chosen with `alpha`, or
        goes with a number there; 0.5 under solvers other than 'adamw'.
    batch_size : int or 'auto'
        Rows a training step; 'auto' is 32, all of fewer than 64, and in a regression
        ``n_samples // 128`` beyond 4,096. Larger ones use many cores or a GPU better; raise
        `learning_rate_init` with them.
    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle'}
        Schedule of the rate, for every solver but 'lbfgs'. The first three are those of
        scikit-learn's nets. 'cosine' falls to zero over `max_iter` epochs, 'one_cycle' rises from
        1/25 of `learning_rate_init` to all of it in the first 30 % of the steps and falls to
        almost zero; both run all `max_iter` epochs unless `early_stopping` ends them. In
        `partial_fit` they go over `max_iter` calls, and begin anew then; they are 'constant' where
        that is 'auto', and for calls after a `fit`.
    learning_rate_init : float
        First learning rate; the highest one of 'one_cycle'.
    power_t : float
        Exponent of 'invscaling'.
    max_iter : int or 'auto'
        Most epochs (iterations for 'lbfgs'). 'auto' is 32, in a regression 64, for the schedules
        that plan them, 'cosine' and 'one_cycle', up to twice that of few rows where little decay is
        chosen, and 200 for the others and 'lbfgs'. A linear model that 'auto' chooses takes up to
        200 iterations, whatever is stated.
    shuffle : bool
        Whether each epoch takes the rows in a new order.
    random_state : int or RandomState instance
        Seeds weights, order, dropout and validation split. None draws a seed from the operating
        system; the global generators of torch, NumPy and Python are never used nor changed.
    tol : float
        Smallest fall of the loss that counts; largest gradient entry at the end of 'lbfgs'.
    verbose : int or bool
        1 or True shows a progress bar on a terminal; 2 or more prints a line an epoch.
    warm_start : bool
        Whether `fit` goes on from the weights of the last fit.
    momentum : float
        Momentum of 'sgd', in [0, 1].
    nesterovs_momentum : bool
        Whether that is Nesterov's.
    early_stopping : bool
        Whether to hold out `validation_fraction` of the rows (stratified for hard labels as far as
        they reach), or to take `X_val` and `y_val` of `fit`, to stop when the loss on them no
        longer falls, and to keep the weights of the best epoch.
    validation_fraction : float
        Share of the rows held out, in (0, 1).
    beta_1, beta_2 : float
        Decay rates of the moments of 'adam' and 'adamw', in [0, 1).
    epsilon : float
        Stabiliser of 'adam', 'adamw' and 'rmsprop'.
    n_iter_no_change : int or inf
        Epochs without a fall of at least `tol` before the training stops.
    max_fun : int
        Most loss evaluations of 'lbfgs'.
    module : callable
        A ``torch.nn.Module`` class or function ``(n_features, n_outputs) -> module`` that returns
        logits of shape (n_samples, n_outputs), in place of the built-in net. X may then have more
        than two dimensions; ``n_features`` is ``X.shape[1]``. Parameters ``module__name`` are
        handed to it as ``name``. A lambda trains, but cannot be pickled.
    device : str
        'cpu', 'cuda' or 'auto' (CUDA where there is one).
    dtype : {'float32', 'float64'}
        Precision of the training; None follows X.
    callbacks : list of skorch callbacks
        Called at each epoch, and at each batch if they ask for batches. skorch's ``EarlyStopping``
        stops the training.
    cv : int, splitter or iterable of (train, test)
        Folds by which 'auto' is chosen: their number, from 2 on, a splitter, or pairs of places in
        X. ``list(GroupKFold(4).split(X, y, groups))`` parts whole groups. None is 3; see Notes of
        `SoftTargetMLPClassifier`.
    scoring : str or callable
        Score by which 'auto' is chosen, a name or scorer as in scikit-learn, of which more is
        better. None is the loss.

    Attributes
    ----------
    net_ : skorch.NeuralNet
        The fitted net; its module is ``net_.module_``.
    coefs_, intercepts_ : list of ndarray
        Weights (n_in, n_out) and biases of the built-in net, for the columns of X as given.
    alpha_, dropout_ : float
        Those of the training, chosen or given.
    encoding_ : str or None
        That of the training.
    selection_results_ : dict of str to list or ndarray, or None
        The candidates for "auto", like ``cv_results_`` of a search: ``params``, of which
        ``Estimator(**params)`` trains the same, ``param_alpha``, ``param_dropout``,
        ``param_encoding``, ``split0_test_score`` and so on (NaN where a candidate no longer took
        part), ``mean_test_score``, ``std_test_score`` and ``rank_test_score``. None where nothing
        was chosen.
    loss_, best_loss_ : float
        Training loss of the last epoch, in nats for the logarithmic losses; lowest loss of the last
        fit, on the validation rows under early stopping.
    loss_curve_, validation_loss_curve_ : list of float
        Losses of each epoch; the second is None without early stopping.
    n_iter_, t_ : int
        Epochs of the last fit; samples seen in all.
    n_features_in_ : int
    feature_names_in_ : ndarray of shape (`n_features_in_`,)
        If X had string column names.
    """

    def fit(self) -> None:
        """What methods called `fit` share.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Floats of 64 or 32 bits; others become float64. More dimensions with a `module`.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0; a row of weight 2 counts as two rows, one of weight 0 as none.
        X_val, y_val : array-like, default=None
            Rows to validate on under `early_stopping`, in place of a part of X and y.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            If X, y, a weight or a parameter is illegal; what was fitted before is kept.
        """

    def partial_fit(self) -> None:
        """The same of `partial_fit`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of this part.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self
        """

    def predict(self) -> None:
        """The same of all others.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        """


def documented(cls: Class) -> Class:
    """Class decorator: to what a docstring describes itself come the shared parameters of its
    `__init__`, in the order and with the defaults of that, and the shared attributes; and to those
    of methods what these share."""
    if not cls.__doc__ or not Shared.__doc__:  # python -OO
        return cls
    doc, shared, listed = cleandoc(cls.__doc__), cleandoc(Shared.__doc__), signature(cls).parameters
    known = {
        name: _with_defaults(entry, listed)
        for name, entry in _entries(shared, "Parameters").items()
        if name in listed
    } | _entries(doc, "Parameters")
    doc = _replaced(doc, "Parameters", [known[name] for name in listed])
    attributes = _entries(doc, "Attributes") | _entries(shared, "Attributes")
    cls.__doc__ = _replaced(doc, "Attributes", attributes.values()) + "\n"
    for name in vars(cls):
        method = getattr(cls, name)
        is_public = isfunction(method) and not name.startswith("_")
        if is_public and method.__doc__ and "X" in signature(method).parameters:
            method.__doc__ = _completed(method, getattr(Shared, name, Shared.predict))
    return cls


def _completed(method: Callable[..., Any], like: Callable[..., Any]) -> str:
    """The docstring of a method: its own sections and entries, and those that it lacks."""
    doc, shared = cleandoc(method.__doc__ or ""), cleandoc(like.__doc__ or "")
    heading = r"\n\n(?=\w+\n--)"
    summary, *own = re.split(heading, doc)
    sections = {one.partition("\n")[0]: one for one in [*re.split(heading, shared)[1:], *own]}
    known = _entries(shared, "Parameters") | _entries(doc, "Parameters")
    listed = dict.fromkeys(known[name] for name in signature(method).parameters if name != "self")
    sections["Parameters"] = "\n".join(["Parameters", "-" * 10, *listed])
    return "\n\n".join([summary, *sections.values()]) + "\n"


def _body(section: str) -> str:
    """A pattern of what stands below a heading."""
    return rf"(?s)(?<=\n{section}\n{'-' * len(section)}\n).+?(?=\n\n|\Z)"


def _entries(doc: str, section: str) -> dict[str, str]:
    """The entry of each name; names that share one have the same."""
    found = re.search(_body(section), doc)
    entries = re.split(r"\n(?=\S)", found[0]) if found else []
    return {name: entry for entry in entries for name in _names(entry)}


def _names(entry: str) -> list[str]:
    return entry.partition("\n")[0].partition(" : ")[0].split(", ")


def _with_defaults(entry: str, listed: Mapping[str, Parameter]) -> str:
    defaults = [listed[name].default for name in _names(entry)]
    shown = ", ".join(f'"{one}"' if isinstance(one, str) else repr(one) for one in defaults)
    head, _, text = entry.partition("\n")
    return f"{head}, default={shown}\n{text}"


def _replaced(doc: str, section: str, entries: Iterable[str]) -> str:
    text = "\n".join(dict.fromkeys(entries))  # those that names share once
    return re.sub(_body(section), lambda _: text, doc)
