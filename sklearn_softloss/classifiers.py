"""The two classifiers: one of several classes a row, and several labels a row."""

from __future__ import annotations

from typing import Any, Self

import numpy as np
from scipy.special import logit
from sklearn.metrics import accuracy_score
from sklearn.utils import Tags
from sklearn.utils.validation import check_is_fitted

from ._checks import check_weight
from ._estimators.classifier import NetClassifier
from ._estimators.compatibility import available_if, with_callbacks
from ._estimators.estimator import trains_in_batches
from ._estimators.keywords import answers_habits
from ._targets.domains import DISTRIBUTION, INDEPENDENT, NONNEGATIVE, Domain
from ._targets.encoding import (
    Array,
    Targets,
    aligned,
    as_array,
    by_name,
    encode_classes,
    in_class_order,
    label_names,
)
from ._targets.labels import encode_labels, warn_if_never_absent
from ._targets.weighting import WeightedEntries, WeightedRows, class_weights, label_weights
from .distributed import Processes
from .metrics import multilabel_subset_accuracy, soft_accuracy


def _predicts_counts(estimator: Any) -> bool:
    if not hasattr(getattr(estimator, "net_", None), "criterion_") or not hasattr(
        estimator.net_.criterion_, "count"
    ):
        raise AttributeError("predict_count needs a fit with loss='count_distribution'.")
    return True


class SoftTargetMLPClassifier(NetClassifier):
    """Neural net for one of several classes, from hard labels or from soft rows.

    Each row of y may be a label, a distribution over the classes (annotators' vote shares, the
    output of another model) or, under an 'independent' loss, one confidence a class.

    Parameters
    ----------
    hidden_layer_sizes : int, tuple of int or 'auto', default="auto"
        Units of each hidden layer; ``()`` gives a linear model. 'auto' is (448,), but for wide
        sparse X, such as the words of texts: with `alpha` and `dropout` at 'auto' it is then a
        linear model trained by L-BFGS. Wide are 5,000 columns, or 1,000 with less than 64 entries
        a column.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default="relu"
        Activation of the hidden layers.
    loss : str or Loss, default="cross_entropy"
        A name from `sklearn_softloss.losses.loss_names`, or a loss object. 'distribution' losses
        ('cross_entropy', 'squared_error', 'focal', ...) use a softmax, 'independent' ones
        ('binary_cross_entropy', `BinarySquaredError()`, ...) a sigmoid a class.
    label_smoothing : float, default=0.0
        Share of each target given to the uniform distribution, in [0, 1): over the classes under a
        'distribution' loss, over {0, 1} in each column under an 'independent' one. Undone in
        `predict_proba`.
    target_range : tuple (low, high), default=None
        Train towards these values in place of 0 and 1, for example (0.1, 0.9). Undone in
        `predict_proba`. Set this or `label_smoothing`.
    class_weight : dict, str or tuple, default=None
        Costs of the classes. They shift `predict_proba` and are not undone. A soft row counts as
        draws of hard labels. The rules 'balanced', 'median_frequency', 'effective_number' and
        ``('effective_number', beta)`` (beta is 0.999 if not given) read the mass of each class
        in y.
    encoding : {'auto', 'standard', 'piecewise'} or None, default="auto"
        How the numbers of X enter the net. 'standard': less their mean, over their standard
        deviation; sparse X is scaled, never centred. 'piecewise': along a line with a bend at each
        of up to 16 quantiles, and flat beyond the training rows. None: as they are. 'auto' is one
        of the first two, chosen with `alpha`; 'standard' where that is a number, and of sparse X.
        Measures are weighted by `sample_weight`, and those of the first part in `partial_fit`. Not
        for a `module`.
    categorical_features : str, array-like of {bool, int, str} or None, default="from_dtype"
        Columns of X that are categories: a mask, places or names, none, or those of a DataFrame
        that hold text or are of a category type. Levels that training has not seen count as none;
        of more than 64 the rarest count as one. NaN, None and NA are legal in all columns of a
        dense X: what is missing counts as the mean, and says that it is missing.
    solver : str or torch optimizer class, default="adamw"
        'adam', 'adamw' (decoupled weight decay `alpha` on the weight matrices), 'sgd', 'adadelta'
        (wants a `learning_rate_init` near 1), 'rmsprop', 'lbfgs' (full batch, scipy's L-BFGS-B) or
        a callable ``(parameters, lr) -> torch.optim.Optimizer``.
    alpha : float or 'auto', default="auto"
        Under 'adamw' each step shrinks the weight matrices by the share ``alpha`` times the
        learning rate. Under other solvers it is the strength of the L2 penalty on them, divided by
        the weight sum of the batch as in scikit-learn's ``MLPClassifier``, and 'auto' is 0.0001.
        Under 'adamw' 'auto' is chosen, with `dropout`, by a cross-validation; see Notes.
    dropout : float or 'auto', default="auto"
        Share of hidden units set to zero in a training step, in [0, 1): one draw a unit for all
        rows of the step. Not used by 'lbfgs', nor by a `module`. 'auto' is chosen with `alpha`, or
        goes with a number there; 0.5 under solvers other than 'adamw'.
    batch_size : int or 'auto', default="auto"
        Rows a training step; 'auto' is 32, and all of fewer than 64. Larger ones use many cores or
        a GPU better; raise `learning_rate_init` with them.
    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle'}, default="cosine"
        Schedule of the rate, for every solver but 'lbfgs'. The first three are those of
        ``MLPClassifier``. 'cosine' falls to zero over `max_iter` epochs, 'one_cycle' rises from
        1/25 of `learning_rate_init` to all of it in the first 30 % of the steps and falls to
        almost zero; both run all `max_iter` epochs unless `early_stopping` ends them. In
        `partial_fit` they go over `max_iter` calls, and begin anew then; they are 'constant' where
        that is 'auto', and for calls after a `fit`.
    learning_rate_init : float, default=0.006
        First learning rate; the highest one of 'one_cycle'.
    power_t : float, default=0.5
        Exponent of 'invscaling'.
    max_iter : int or 'auto', default="auto"
        Most epochs (iterations for 'lbfgs'). 'auto' is 32 for the schedules that plan them,
        'cosine' and 'one_cycle', up to 64 of few rows where little decay is chosen (see Notes), and
        200 for the others and 'lbfgs'.
    shuffle : bool, default=True
        Whether each epoch takes the rows in a new order.
    random_state : int or RandomState instance, default=None
        Seeds weights, order, dropout and validation split. None draws a seed from the operating
        system; the global generators of torch, NumPy and Python are never used nor changed.
    tol : float, default=0.0001
        Smallest fall of the loss that counts; largest gradient entry at the end of 'lbfgs'.
    verbose : int or bool, default=False
        1 or True shows a progress bar on a terminal; 2 or more prints a line an epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    momentum : float, default=0.9
        Momentum of 'sgd', in [0, 1].
    nesterovs_momentum : bool, default=True
        Whether that is Nesterov's.
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows (stratified for hard labels as far as
        they reach), or to take `X_val` and `y_val` of `fit`, to stop when the loss on them no
        longer falls, and to keep the weights of the best epoch.
    validation_fraction : float, default=0.1
        Share of the rows held out, in (0, 1).
    beta_1, beta_2 : float, default=0.9, 0.99
        Decay rates of the moments of 'adam' and 'adamw', in [0, 1).
    epsilon : float, default=1e-08
        Stabiliser of 'adam', 'adamw' and 'rmsprop'.
    n_iter_no_change : int or inf, default=10
        Epochs without a fall of at least `tol` before the training stops.
    max_fun : int, default=15000
        Most loss evaluations of 'lbfgs'.
    module : callable, default=None
        A ``torch.nn.Module`` class or function ``(n_features, n_outputs) -> module`` that returns
        logits of shape (n_samples, n_outputs), in place of the built-in net. X may then have more
        than two dimensions; ``n_features`` is ``X.shape[1]``. Parameters ``module__name`` are
        handed to it as ``name``. A lambda trains, but cannot be pickled.
    device : str, default="cpu"
        'cpu', 'cuda' or 'auto' (CUDA where there is one).
    dtype : {'float32', 'float64'}, default=None
        Precision of the training; None follows X.
    callbacks : list of skorch callbacks, default=None
        Called at each epoch, and at each batch if they ask for batches. skorch's ``EarlyStopping``
        stops the training.
    cv : int, splitter or iterable of (train, test), default=None
        Folds by which 'auto' is chosen: their number, from 2 on, a splitter, or pairs of places in
        X. ``list(GroupKFold(4).split(X, y, groups))`` parts whole groups. None is 3; see Notes.
    scoring : str or callable, default=None
        Score by which 'auto' is chosen, a name or scorer as in scikit-learn, of which more is
        better. None is the loss.
    standardize : bool
        True is ``encoding="standard"``, False is ``encoding=None``.

        .. deprecated:: 0.2
           Use `encoding`.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The labels, sorted; the columns of y if that was a DataFrame, ``arange(k)`` for a plain
        matrix.
    column_classes_ : ndarray of shape (n_classes,)
        `classes` of `partial_fit` in the order given: what the columns of a 2-D y without names
        are, there and in `score`.
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

    See Also
    --------
    MultiLabelSigmoidClassifier : Several labels a row.

    Notes
    -----
    ``alpha="auto"`` under 'adamw' is a cross-validation inside `fit`. Up to 2,000 different rows:
    three folds; after each the better half of the candidates goes on; the least mean loss on the
    rows held out wins, if it is a standard error below the constant's, and that one is fitted on
    all rows. Of more rows one part is held out; under `early_stopping` it is the validation rows.
    Candidates are the constant, linear models by L-BFGS and nets of decays from 10 to 0.03, with
    less dropout where that is little, and twice the epochs as far as 4,000 steps allow. Where
    layers or dropout are stated, nets of decays 30, 100 and 1,000 stand in place of the first two.
    Equal rows stay together, and `random_state` does not move the choice. Fewer than 60 different
    rows (unless `cv` says how), `partial_fit` and a
    `module` get (1, 0.5); `warm_start` keeps to the first fit; a number is one plain fit.

    Of a narrow layer of w units the odds ``dropout / (1 - dropout)`` fall by ``w / 448``, `alpha`
    by its root.

    References
    ----------
    Glorot and Bengio, "Understanding the difficulty of training deep feedforward neural
    networks", AISTATS 2010 (initialisation). Kingma and Ba, "Adam", 2015, arXiv:1412.6980.

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import SoftTargetMLPClassifier
    >>> X = np.array([[-2.0], [-1.0], [1.0], [2.0]])
    >>> Y = np.array([[0.9, 0.1], [0.8, 0.2], [0.3, 0.7], [0.0, 1.0]])
    >>> clf = SoftTargetMLPClassifier(solver="lbfgs", random_state=0).fit(X, Y)
    >>> clf.predict(X)
    array([0, 0, 1, 1])
    >>> np.round(clf.predict_proba(X[:1]), 1)
    array([[0.9, 0.1]])
    """

    _domains = (DISTRIBUTION, INDEPENDENT)
    _kept_of_targets = ("classes", "column_classes")

    @answers_habits
    @with_callbacks
    def fit(
        self, X: Any, y: Any, sample_weight: Any = None, *, X_val: Any = None, y_val: Any = None
    ) -> Self:
        """Train on hard labels or soft rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Floats of 64 or 32 bits; others become float64. More dimensions with a `module`.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels, or rows in the domain of the loss: summing to 1 for 'distribution' losses,
            entries in [0, 1] for 'independent' ones. Columns of a DataFrame become `classes_`.
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
        return self._fit(X, y, sample_weight, validation=(X_val, y_val))

    @available_if(trains_in_batches)
    def partial_fit(self, X: Any, y: Any, classes: Any = None, sample_weight: Any = None) -> Self:
        """Go on training for one epoch of the given rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of this part.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Their targets.
        classes : array-like of shape (n_classes,), default=None
            All labels that will come. Required in the first call if y holds labels.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`, and if `classes` is missing or differs from the first call's.
        """
        self._check_declared(y, classes)
        return self._fit(X, y, sample_weight, in_parts=True, declared=classes)

    def _encode(
        self, y: Any, domain: Domain, known: Targets | None, declared: Any, processes: Processes
    ) -> Targets:
        classes = None
        if known is not None:
            classes = known.classes
            declared = known.column_classes if declared is None else declared
        return encode_classes(y, domain, classes, declared, may_be_sparse=True, processes=processes)

    def _weigh(
        self, targets: Targets, domain: Domain, sample_weight: Array | None, label_weight: Any
    ) -> WeightedRows | None:
        if sample_weight is None and self.class_weight is None:
            return None
        weights = class_weights(self.class_weight, targets, sample_weight)
        return WeightedRows(domain, weights, sample_weight)

    def predict_proba(self, X: Any) -> Array:
        """Probabilities of the classes.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to 1, entries are strictly inside (0, 1), columns follow `classes_`. The
            confidences of an 'independent' loss are divided by their sum.
        """
        return self._as_distribution(self._predicted(X))

    def _as_distribution(self, confidence: Any) -> Any:
        """Rows that sum to 1, of an array or a tensor."""
        if self.net_.criterion_.domain.rows_sum_to_one and self._code is None:
            return confidence
        return confidence / confidence.sum(1)[:, None]

    def predict_confidence(self, X: Any) -> Array:
        """Confidence in each class by itself.

        Under an 'independent' loss rows need not sum to 1; otherwise they are probabilities.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Entries strictly inside (0, 1).
        """
        return self._predicted(X)

    def decision_function(self, X: Any) -> Array:
        """Logit of the probability.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,) or (n_samples, n_classes), float64
            In nats. One value a row for two classes, above 0 where the second is more probable.
        """
        proba = self.predict_proba(X)
        if proba.shape[1] == 2:
            return np.log(proba[:, 1]) - np.log(proba[:, 0])
        return np.asarray(logit(proba))

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Expected accuracy: the mean target mass on the predicted class.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.
        y : array-like of shape (n_samples,) or (n_samples, n_classes)
            Labels (then this is the accuracy) or soft rows.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        float
            In [0, 1].
        """
        check_is_fitted(self)
        if as_array(y).ndim == 1:
            return float(accuracy_score(y, self.predict(X), sample_weight=sample_weight))
        return soft_accuracy(
            in_class_order(y, self),
            self.predict_proba(X),
            domain=self.net_.criterion_.domain,
            labels=self.classes_,
            sample_weight=sample_weight,
        )


class MultiLabelSigmoidClassifier(NetClassifier):
    """Neural net for several labels a row, some of which may be soft or unknown.

    One sigmoid a label. The threshold that turns probabilities into labels is a parameter of its
    own and plays no part in training.

    Parameters
    ----------
    hidden_layer_sizes : int, tuple of int or 'auto', default="auto"
        Units of each hidden layer; ``()`` gives a linear model. 'auto' is (448,), but for wide
        sparse X, such as the words of texts: with `alpha` and `dropout` at 'auto' it is then a
        linear model trained by L-BFGS. Wide are 5,000 columns, or 1,000 with less than 64 entries
        a column.
    activation : {'identity', 'logistic', 'tanh', 'relu'}, default="relu"
        Activation of the hidden layers.
    loss : str or Loss, default="binary_cross_entropy"
        A name from `sklearn_softloss.losses.loss_names`, or a loss object, of the domain
        'independent' (a sigmoid a label) or 'nonnegative' ('count_distribution': which labels
        and how many, see `predict_count`).
    threshold : float, array-like of shape (n_labels,) or Series, default=0.5
        A label is predicted where its probability is >= its threshold, in [0, 1]. May be set after
        `fit`. The index of a pandas Series, if it has names, must be that of the labels, in any
        order.
    label_smoothing : float, default=0.0
        Share of each target given to the uniform distribution, in [0, 1): over the classes under a
        'distribution' loss, over {0, 1} in each column under an 'independent' one. Undone in
        `predict_proba`.
    target_range : tuple (low, high), default=None
        Train towards these values in place of 0 and 1, for example (0.1, 0.9). Undone in
        `predict_proba`. Set this or `label_smoothing`.
    class_weight : dict, list, array-like of shape (n_labels,), str or tuple, default=None
        Costs: ``{0: absent, 1: present}`` for all labels (for a 1-D y, from its two classes), a
        list of such dicts, one number a label, or a rule applied to the zeros and ones of each
        label: 'balanced', 'median_frequency', 'effective_number', ``('effective_number', beta)``.
        They shift `predict_proba` and are not undone.
    encoding : {'auto', 'standard', 'piecewise'} or None, default="auto"
        How the numbers of X enter the net. 'standard': less their mean, over their standard
        deviation; sparse X is scaled, never centred. 'piecewise': along a line with a bend at each
        of up to 16 quantiles, and flat beyond the training rows. None: as they are. 'auto' is one
        of the first two, chosen with `alpha`; 'standard' where that is a number, and of sparse X.
        Measures are weighted by `sample_weight`, and those of the first part in `partial_fit`. Not
        for a `module`.
    categorical_features : str, array-like of {bool, int, str} or None, default="from_dtype"
        Columns of X that are categories: a mask, places or names, none, or those of a DataFrame
        that hold text or are of a category type. Levels that training has not seen count as none;
        of more than 64 the rarest count as one. NaN, None and NA are legal in all columns of a
        dense X: what is missing counts as the mean, and says that it is missing.
    solver : str or torch optimizer class, default="adamw"
        'adam', 'adamw' (decoupled weight decay `alpha` on the weight matrices), 'sgd', 'adadelta'
        (wants a `learning_rate_init` near 1), 'rmsprop', 'lbfgs' (full batch, scipy's L-BFGS-B) or
        a callable ``(parameters, lr) -> torch.optim.Optimizer``.
    alpha : float or 'auto', default="auto"
        Under 'adamw' each step shrinks the weight matrices by the share ``alpha`` times the
        learning rate. Under other solvers it is the strength of the L2 penalty on them, divided by
        the weight sum of the batch as in scikit-learn's ``MLPClassifier``, and 'auto' is 0.0001.
        Under 'adamw' 'auto' is chosen, with `dropout`, by a cross-validation; see Notes.
    dropout : float or 'auto', default="auto"
        Share of hidden units set to zero in a training step, in [0, 1): one draw a unit for all
        rows of the step. Not used by 'lbfgs', nor by a `module`. 'auto' is chosen with `alpha`, or
        goes with a number there; 0.5 under solvers other than 'adamw'.
    batch_size : int or 'auto', default="auto"
        Rows a training step; 'auto' is 32, and all of fewer than 64. Larger ones use many cores or
        a GPU better; raise `learning_rate_init` with them.
    learning_rate : {'constant', 'invscaling', 'adaptive', 'cosine', 'one_cycle'}, default="cosine"
        Schedule of the rate, for every solver but 'lbfgs'. The first three are those of
        ``MLPClassifier``. 'cosine' falls to zero over `max_iter` epochs, 'one_cycle' rises from
        1/25 of `learning_rate_init` to all of it in the first 30 % of the steps and falls to
        almost zero; both run all `max_iter` epochs unless `early_stopping` ends them. In
        `partial_fit` they go over `max_iter` calls, and begin anew then; they are 'constant' where
        that is 'auto', and for calls after a `fit`.
    learning_rate_init : float, default=0.006
        First learning rate; the highest one of 'one_cycle'.
    power_t : float, default=0.5
        Exponent of 'invscaling'.
    max_iter : int or 'auto', default="auto"
        Most epochs (iterations for 'lbfgs'). 'auto' is 32 for the schedules that plan them,
        'cosine' and 'one_cycle', up to 64 of few rows where little decay is chosen (see Notes), and
        200 for the others and 'lbfgs'.
    shuffle : bool, default=True
        Whether each epoch takes the rows in a new order.
    random_state : int or RandomState instance, default=None
        Seeds weights, order, dropout and validation split. None draws a seed from the operating
        system; the global generators of torch, NumPy and Python are never used nor changed.
    tol : float, default=0.0001
        Smallest fall of the loss that counts; largest gradient entry at the end of 'lbfgs'.
    verbose : int or bool, default=False
        1 or True shows a progress bar on a terminal; 2 or more prints a line an epoch.
    warm_start : bool, default=False
        Whether `fit` goes on from the weights of the last fit.
    momentum : float, default=0.9
        Momentum of 'sgd', in [0, 1].
    nesterovs_momentum : bool, default=True
        Whether that is Nesterov's.
    early_stopping : bool, default=False
        Whether to hold out `validation_fraction` of the rows (stratified for hard labels as far as
        they reach), or to take `X_val` and `y_val` of `fit`, to stop when the loss on them no
        longer falls, and to keep the weights of the best epoch.
    validation_fraction : float, default=0.1
        Share of the rows held out, in (0, 1).
    beta_1, beta_2 : float, default=0.9, 0.99
        Decay rates of the moments of 'adam' and 'adamw', in [0, 1).
    epsilon : float, default=1e-08
        Stabiliser of 'adam', 'adamw' and 'rmsprop'.
    n_iter_no_change : int or inf, default=10
        Epochs without a fall of at least `tol` before the training stops.
    max_fun : int, default=15000
        Most loss evaluations of 'lbfgs'.
    module : callable, default=None
        A ``torch.nn.Module`` class or function ``(n_features, n_outputs) -> module`` that returns
        logits of shape (n_samples, n_outputs), in place of the built-in net. X may then have more
        than two dimensions; ``n_features`` is ``X.shape[1]``. Parameters ``module__name`` are
        handed to it as ``name``. A lambda trains, but cannot be pickled.
    device : str, default="cpu"
        'cpu', 'cuda' or 'auto' (CUDA where there is one).
    dtype : {'float32', 'float64'}, default=None
        Precision of the training; None follows X.
    callbacks : list of skorch callbacks, default=None
        Called at each epoch, and at each batch if they ask for batches. skorch's ``EarlyStopping``
        stops the training.
    cv : int, splitter or iterable of (train, test), default=None
        Folds by which 'auto' is chosen: their number, from 2 on, a splitter, or pairs of places in
        X. ``list(GroupKFold(4).split(X, y, groups))`` parts whole groups. None is 3; see Notes.
    scoring : str or callable, default=None
        Score by which 'auto' is chosen, a name or scorer as in scikit-learn, of which more is
        better. None is the loss.
    standardize : bool
        True is ``encoding="standard"``, False is ``encoding=None``.

        .. deprecated:: 0.2
           Use `encoding`.

    Attributes
    ----------
    classes_ : ndarray
        ``arange(n_labels)``; the two classes if y was 1-D.
    label_names_ : ndarray of shape (n_labels,)
        The columns of y, if that was a DataFrame.
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

    See Also
    --------
    SoftTargetMLPClassifier : One of several classes a row.

    Notes
    -----
    How ``alpha="auto"`` and ``dropout="auto"`` are chosen: Notes of `SoftTargetMLPClassifier`.

    References
    ----------
    Nam et al., "Large-scale multi-label text classification: revisiting neural networks", 2014,
    arXiv:1312.5419 (sigmoids with binary cross-entropy).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss import MultiLabelSigmoidClassifier
    >>> X = np.array([[-2.0, 1.0], [-1.0, -1.0], [1.0, 1.0], [2.0, -1.0]])
    >>> Y = np.array([[0, 1], [0, 0], [1, 1], [1, np.nan]])  # the last label is unknown
    >>> clf = MultiLabelSigmoidClassifier(solver="lbfgs", random_state=0).fit(X, Y)
    >>> clf.predict(X[:3])
    array([[0, 1],
           [0, 0],
           [1, 1]])
    """

    _domains = (INDEPENDENT, NONNEGATIVE)
    _kept_of_targets = ("classes", "label_names")

    def __init__(
        self,
        hidden_layer_sizes: Any = "auto",
        activation: str = "relu",
        *,
        loss: Any = "binary_cross_entropy",
        threshold: Any = 0.5,
        label_smoothing: float = 0.0,
        target_range: tuple[float, float] | None = None,
        class_weight: Any = None,
        encoding: str | None = "auto",
        categorical_features: Any = "from_dtype",
        solver: Any = "adamw",
        alpha: float | str = "auto",
        dropout: float | str = "auto",
        batch_size: Any = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.006,
        power_t: float = 0.5,
        max_iter: int | str = "auto",
        shuffle: bool = True,
        random_state: Any = None,
        tol: float = 1e-4,
        verbose: int | bool = False,
        warm_start: bool = False,
        momentum: float = 0.9,
        nesterovs_momentum: bool = True,
        early_stopping: bool = False,
        validation_fraction: float = 0.1,
        beta_1: float = 0.9,
        beta_2: float = 0.99,
        epsilon: float = 1e-8,
        n_iter_no_change: float = 10,
        max_fun: int = 15000,
        module: Any = None,
        device: str = "cpu",
        dtype: str | None = None,
        callbacks: Any = None,
        cv: Any = None,
        scoring: Any = None,
        standardize: Any = "deprecated",
    ) -> None:
        super().__init__()  # all parameters are kept as given: `ModuleParameters`

    @answers_habits
    @with_callbacks
    def fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        label_weight: Any = None,
        *,
        X_val: Any = None,
        y_val: Any = None,
    ) -> Self:
        """Train on label sets, some of whose labels may be soft or unknown.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Floats of 64 or 32 bits; others become float64. More dimensions with a `module`.
        y : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
            Entries 0 or 1, soft in [0, 1] (a 'nonnegative' loss also takes counts), NaN or -1
            where unknown (in a sparse matrix these are stored entries; what is not stored is 0).
            Columns of a DataFrame become `label_names_`.
            A 1-D y holds two classes and is one label.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0; a row of weight 2 counts as two rows, one of weight 0 as none.
        label_weight : array-like of shape (n_samples, n_labels), default=None
            Weights >= 0 of the entries; 0 makes an entry unknown. A row with one weight
            throughout counts as a row with that sample weight.
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
        return self._fit(X, y, sample_weight, label_weight, validation=(X_val, y_val))

    @available_if(trains_in_batches)
    def partial_fit(
        self,
        X: Any,
        y: Any,
        classes: Any = None,
        sample_weight: Any = None,
        label_weight: Any = None,
    ) -> Self:
        """Go on training for one epoch of the given rows.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows of this part.
        y : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
            Their targets.
        classes : array-like, default=None
            The two classes if y is 1-D (required in the first call), or ``arange(n_labels)``.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.
        label_weight : array-like of shape (n_samples, n_labels), default=None
            Weights >= 0.

        Returns
        -------
        self

        Raises
        ------
        ValueError
            As `fit`, and if `classes` is missing or differs from the first call's.
        """
        self._check_declared(y, classes)
        return self._fit(X, y, sample_weight, label_weight, in_parts=True, declared=classes)

    def _encode(
        self, y: Any, domain: Domain, known: Targets | None, declared: Any, processes: Processes
    ) -> Targets:
        if known is not None:
            return encode_labels(
                y, domain, known.classes, declared, names=known.label_names, processes=processes
            )
        targets = encode_labels(y, domain, declared=declared, processes=processes)
        if domain.has_absence:
            warn_if_never_absent(targets)
        return targets

    def _weigh(
        self, targets: Targets, domain: Domain, sample_weight: Array | None, label_weight: Any
    ) -> WeightedEntries:
        _check_threshold(self.threshold, targets.n_columns, targets.label_names)
        weights = label_weights(self.class_weight, targets, sample_weight, domain)
        label_weight = aligned(label_weight, targets.label_names)
        entries = check_weight(label_weight, targets.values.shape, name="label_weight")
        return WeightedEntries(weights, entries, sample_weight)

    def predict_proba(self, X: Any) -> Array:
        """Probability of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_labels), float64
            Entries strictly inside (0, 1); rows do not sum to 1. If y was 1-D, two columns, one
            for each of `classes_`, that do.
        """
        confidence = self._predicted(X)
        if self._from_vector:
            return np.hstack([1 - confidence, confidence])
        return confidence

    def predict(self, X: Any) -> Array:
        """The labels whose probability reaches their threshold.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_labels), int64
            0 and 1. If y was 1-D, an array of shape (n_samples,) from `classes_`.
        """
        confidence = self._predicted(X)
        present = confidence >= self._cuts()
        if self._from_vector:
            return self.classes_[present[:, 0].astype(np.intp)]
        return present.astype(np.int64)

    def _cuts(self) -> Array:
        """`threshold` as one number, or one a label in their order."""
        n_labels = 1 if self._from_vector else len(self.classes_)
        return _check_threshold(self.threshold, n_labels, getattr(self, "label_names_", None))

    @available_if(_predicts_counts)
    def predict_count(self, X: Any) -> Array:
        """Expected sum of each row of y; with ``loss="count_distribution"``.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples,), float64
            For 0/1 labels the expected number of labels.
        """
        return self._read(X, self.net_.criterion_.count)

    def decision_function(self, X: Any) -> Array:
        """Logit of the probability of each label.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of shape (n_samples, n_labels) or (n_samples,), float64
            In nats; above 0 where the probability is above 0.5.
        """
        logits = np.asarray(logit(self._predicted(X)))
        return logits[:, 0] if self._from_vector else logits

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Expected subset accuracy: the mean over rows of P(target = prediction).

        P is a product over the known labels of a row; rows without a known label do not count.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.
        y : array-like or sparse matrix of shape (n_samples, n_labels), or (n_samples,)
            Label sets as in `fit` (with 0/1 entries this is the subset accuracy), or classes.
        sample_weight : array-like of shape (n_samples,), default=None
            Weights >= 0.

        Returns
        -------
        float
            In [0, 1].
        """
        check_is_fitted(self)
        predicted = self.predict(X)
        if self._from_vector:
            return float(accuracy_score(as_array(y), predicted, sample_weight=sample_weight))
        targets = encode_labels(
            y, self.net_.criterion_.domain, classes=self.classes_, names=label_names(self)
        )
        values = np.minimum(targets.dense(), 1.0)  # a count is a label that is there
        return multilabel_subset_accuracy(values, predicted, sample_weight=sample_weight)

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.classifier_tags.multi_class = False
        tags.classifier_tags.multi_label = True
        return tags


def _check_threshold(threshold: Any, n_labels: int, names: Array | None) -> Array:
    threshold = by_name(threshold, n_labels, names, "threshold")
    try:
        cut = np.asarray(threshold, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"threshold must hold numbers; got {threshold!r}.") from error
    if cut.shape not in ((), (n_labels,)):
        raise ValueError(
            f"threshold must be one number or {n_labels} numbers, one a label; it has shape "
            f"{cut.shape}."
        )
    bad = ~((cut >= 0) & (cut <= 1))
    if bad.any():
        raise ValueError(
            f"threshold must lie in [0, 1]; label {int(np.argmax(bad))} has "
            f"{cut.flat[int(np.argmax(bad))]:g}."
        )
    return cut
