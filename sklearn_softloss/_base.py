"""What both classifiers share: parameters, the course of a fit, the fitted net's attributes."""

from __future__ import annotations

import copy
import warnings
from abc import abstractmethod
from collections.abc import Iterator
from contextlib import contextmanager
from functools import partial
from typing import Any, Self

import numpy as np
import torch
from sklearn.base import BaseEstimator, ClassifierMixin
from sklearn.exceptions import ConvergenceWarning
from sklearn.model_selection import train_test_split
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted, validate_data

from ._callbacks import CallbackSupportMixin, PassTeller, has_callbacks
from ._checks import check_weight
from ._parameters import check_parameters, hidden_layers, torch_device, torch_dtype
from ._training.batches import TrainingData, TrainingTargets, check_finite_in_blocks
from ._training.isolation import isolated_generators
from ._training.modules import MLP, check_net
from ._training.monitor import Monitor
from ._training.net import TrainingNet
from ._training.schedules import FIXED_LENGTH, Schedule
from ._training.solvers import decays_weights, default_alpha, optimizer_factory
from ._weighting import EntryWeighting, RowWeighting, is_rule
from .losses import Loss, get_loss
from .losses._base import Domain
from .targets import Array, TargetCode, Targets, as_array

SMALLEST = float(np.finfo(np.float64).tiny)
LARGEST = 1 - float(np.finfo(np.float64).epsneg)
"""Probabilities next to 0 and 1."""

SMALL_BATCH = 32
"""Rows a step of batch_size="auto"."""

PLANNED_PASSES, MOST_PASSES = 32, 200
"""Passes of max_iter="auto": where the schedule plans them, and where the loss ends them."""

SMALL = 4096
"""Entries of X up to which a prediction is dominated by what is done once a call."""


class SoftLossClassifier(CallbackSupportMixin, ClassifierMixin, BaseEstimator):
    """Base of the classifiers: everything that does not depend on what y means."""

    _domains: tuple[Domain, ...]
    """Domains of losses that the classifier can serve, the preferred one first."""

    classes_: Array
    net_: TrainingNet
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    t_: int
    _generators: dict[str, Any]

    def __init__(
        self,
        hidden_layer_sizes: Any = (448,),
        activation: str = "relu",
        *,
        loss: Any = "cross_entropy",
        label_smoothing: float = 0.0,
        target_range: tuple[float, float] | None = None,
        class_weight: Any = None,
        solver: Any = "adamw",
        alpha: float | str = "auto",
        dropout: float = 0.5,
        batch_size: Any = "auto",
        learning_rate: str = "cosine",
        learning_rate_init: float = 0.0045,
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
    ) -> None:
        self.hidden_layer_sizes = hidden_layer_sizes
        self.activation = activation
        self.loss = loss
        self.label_smoothing = label_smoothing
        self.target_range = target_range
        self.class_weight = class_weight
        self.solver = solver
        self.alpha = alpha
        self.dropout = dropout
        self.batch_size = batch_size
        self.learning_rate = learning_rate
        self.learning_rate_init = learning_rate_init
        self.power_t = power_t
        self.max_iter = max_iter
        self.shuffle = shuffle
        self.random_state = random_state
        self.tol = tol
        self.verbose = verbose
        self.warm_start = warm_start
        self.momentum = momentum
        self.nesterovs_momentum = nesterovs_momentum
        self.early_stopping = early_stopping
        self.validation_fraction = validation_fraction
        self.beta_1 = beta_1
        self.beta_2 = beta_2
        self.epsilon = epsilon
        self.n_iter_no_change = n_iter_no_change
        self.max_fun = max_fun
        self.module = module
        self.device = device
        self.dtype = dtype
        self.callbacks = callbacks

    # --- what a subclass says about its y ------------------------------------------------------

    @abstractmethod
    def _encode(self, y: Any, loss: Loss, classes: Array | None, declared: Any) -> Targets:
        """Check y against the loss's domain and an earlier fit's classes."""

    @abstractmethod
    def _weigh(
        self, targets: Targets, loss: Loss, sample_weight: Array | None, label_weight: Any
    ) -> RowWeighting | EntryWeighting:
        """How the weights given meet these targets."""

    # --- fitting -------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any,
        label_weight: Any = None,
        *,
        incremental: bool = False,
        declared: Any = None,
    ) -> Self:
        check_parameters(self.get_params(deep=False))
        loss = get_loss(self.loss, self._domains)
        fitted = hasattr(self, "net_")
        goes_on = fitted and (incremental or self.warm_start)
        self._check_call(y, fitted, incremental, declared)
        if goes_on:
            self._check_same_net(loss, incremental)
        teller = None
        if not incremental and has_callbacks(self):
            teller = PassTeller(self, self._max_iter(), X, y, sample_weight)
        with _unchanged_on_error(self):
            X = self._check_X(X, reset=not goes_on)
            targets = self._encode(y, loss, self.classes_ if goes_on else None, declared)
            check_consistent_length(X, targets.values)
            sample_weight = check_weight(sample_weight, (X.shape[0],), name="sample_weight")
            weighting = self._weigh(targets, loss, sample_weight, label_weight)
            code = self._target_code(loss, targets)
            resumed = incremental and goes_on
            start = self._generators if resumed else _draw_seed(self.random_state)
            with isolated_generators(start) as generators:
                encoded = TrainingTargets(targets.values, code, weighting)
                train, valid = self._training_data(X, encoded, targets)
                if loss.needs_mean_target:
                    loss = self._with_mean_target(loss, train, incremental)
                if resumed:
                    net = self.net_
                    if net.schedule.kind in FIXED_LENGTH:
                        net.follow(self._schedule(incremental))
                else:
                    schedule = self._schedule(incremental)
                    net = self._build_net(loss, train, targets.n_columns, goes_on, schedule)
                net.batch_size = self._batch_size(len(train))
                if teller is not None:
                    teller.fitted = partial(_if_it_ended_now, net, targets, code)
                net.teller = teller
                net.partial_fit(train, valid, epochs=1 if incremental else self._max_iter())
                net.teller = None
            if net.interrupted_ and not net.n_passes_:
                raise KeyboardInterrupt
            self._generators = generators
            self._store(net, targets, code, len(train), goes_on, resumed)
        if teller is not None:
            teller.end_fit()
        self._warn_if_not_converged(net, incremental)
        return self

    def _target_code(self, loss: Loss, targets: Targets) -> TargetCode:
        return TargetCode.from_params(
            self.label_smoothing,
            self.target_range,
            domain=loss.domain,
            n_columns=targets.n_columns,
        )

    def _check_call(self, y: Any, fitted: bool, incremental: bool, declared: Any) -> None:
        if y is None:
            raise ValueError(
                f"This {type(self).__name__} estimator requires y to be passed, but the target y "
                "is None."
            )
        if not incremental:
            return
        if self.early_stopping:
            raise ValueError("partial_fit does not support early_stopping=True")
        if is_rule(self.class_weight):
            raise ValueError(
                f"class_weight={self.class_weight!r} needs all of y at once, which partial_fit "
                "never sees: compute the weights and pass them as numbers."
            )
        if not fitted:
            if declared is None and as_array(y).ndim == 1:
                raise ValueError("classes must be passed on the first call to partial_fit.")
        elif declared is not None and set(np.asarray(declared).tolist()) != set(
            self.classes_.tolist()
        ):
            raise ValueError(
                f"classes={declared!r} is not the same as on the last call to partial_fit, which "
                f"was: {self.classes_!r}."
            )

    def _check_same_net(self, loss: Loss, incremental: bool) -> None:
        """Refuse to go on with a net that the parameters no longer describe."""
        module, before = self.net_.module_, self.net_.criterion_
        if isinstance(module, MLP) and self.module is None:
            hidden = list(module.layer_sizes[1:-1])
            if hidden != hidden_layers(self.hidden_layer_sizes):
                raise ValueError(
                    f"hidden_layer_sizes={self.hidden_layer_sizes!r}, but the net to go on with "
                    f"has hidden layers of {hidden} units: set it back, or fit anew."
                )
        if incremental and type(loss) is not type(before):
            raise ValueError(
                f"loss is {loss!r}, but partial_fit goes on with {before!r}: set it back, or fit "
                "anew."
            )

    def _check_X(self, X: Any, reset: bool) -> Any:
        if not reset and self._is_small_and_plain(X):
            return X
        floats = (np.float64, np.float32)
        asked: dict[str, Any] = {"accept_sparse": "csr", "dtype": floats, "reset": reset}
        asked["allow_nd"] = self.module is not None
        if isinstance(X, np.memmap) and X.dtype in floats and X.ndim > 1 and len(X):
            validate_data(self, np.asarray(X[:1]), **asked)
            check_finite_in_blocks(X)
            return X
        return validate_data(self, X, **asked)

    def _is_small_and_plain(self, X: Any) -> bool:
        """Whether `validate_data` would return X as it is: its cost shows where rows are few."""
        return (
            type(X) is np.ndarray
            and X.dtype in (np.float32, np.float64)
            and X.ndim == 2
            and 0 < X.size <= SMALL
            and X.shape[1] == self.n_features_in_
            and not hasattr(self, "feature_names_in_")
            and bool(np.isfinite(X).all())
        )

    def _training_data(
        self, X: Any, encoded: TrainingTargets, targets: Targets
    ) -> tuple[TrainingData, TrainingData | None]:
        rows = encoded.rows_with_weight()
        if not len(rows):
            raise ValueError(
                "No sample is left to fit: each has weight zero or only unknown labels (NaN, -1)."
            )
        dtype = torch_dtype(X.dtype if self.dtype is None else self.dtype)
        device = torch_device(self.device)
        data = TrainingData(X, encoded, rows, dtype, device, may_stay_sparse=self.module is None)
        if not self.early_stopping:
            return data, None
        codes = targets.values[rows] @ np.arange(1, 1 + targets.n_columns) if targets.hard else None
        train, valid = train_test_split(
            rows,
            test_size=self.validation_fraction,
            random_state=np.random.randint(np.iinfo(np.int32).max),
            stratify=codes,
        )
        if len(valid) < 2:
            raise ValueError(
                "The validation set is too small. Increase 'validation_fraction' or the size of "
                "your dataset."
            )
        return data.restricted(train), data.restricted(valid)

    def _with_mean_target(self, loss: Loss, train: TrainingData, incremental: bool) -> Loss:
        if incremental:
            raise ValueError(
                f"{loss!r} needs the mean of all targets, which partial_fit never sees: state it, "
                "for example LogitAdjustedCrossEntropy(prior=[0.9, 0.1])."
            )
        return loss.with_mean_target(train.targets.mean(train.rows))

    def _is_planned(self) -> bool:
        """Whether the schedule of the learning rate says how long to train."""
        return self.learning_rate in FIXED_LENGTH and self.solver != "lbfgs"

    def _max_iter(self) -> int:
        if self.max_iter != "auto":
            return int(self.max_iter)
        return PLANNED_PASSES if self._is_planned() else MOST_PASSES

    def _alpha(self, n_rows: int) -> float:
        return default_alpha(self.solver, n_rows) if self.alpha == "auto" else float(self.alpha)

    def _schedule(self, incremental: bool) -> Schedule:
        """The learning rate; calls of partial_fit come without end, so there it plans none."""
        kind = self.learning_rate
        if incremental and kind in FIXED_LENGTH:
            kind = "constant"
        return Schedule(kind, self.learning_rate_init, self.power_t, self._max_iter())

    def _build_net(
        self,
        loss: Loss,
        train: TrainingData,
        n_columns: int,
        goes_on: bool,
        schedule: Schedule,
    ) -> TrainingNet:
        n_outputs = loss.n_logits(n_columns)
        if goes_on:
            module = copy.deepcopy(self.net_.module_)
        elif self.module is None:
            layers = [train.X.shape[1], *hidden_layers(self.hidden_layer_sizes), n_outputs]
            dropout = 0.0 if self.solver == "lbfgs" else self.dropout
            module = MLP(layers, self.activation, dropout)
        else:
            module = self.module(train.X.shape[1], n_outputs)
        module = module.to(device=train.device, dtype=train.dtype)
        check_net(module, loss, train.batch(slice(0, 2)), n_outputs)
        alpha = self._alpha(len(train))
        factory, options = optimizer_factory(
            self.solver,
            alpha=alpha,
            momentum=self.momentum,
            nesterovs_momentum=self.nesterovs_momentum,
            beta_1=self.beta_1,
            beta_2=self.beta_2,
            epsilon=self.epsilon,
        )
        if goes_on:
            schedule.samples = self.t_
        return TrainingNet(
            module,
            loss,
            optimizer=factory,
            lr=schedule.rate,
            max_epochs=self._max_iter(),
            callbacks=self.callbacks,
            device=str(train.device),
            verbose=0,
            schedule=schedule,
            monitor=Monitor(self.tol, self.n_iter_no_change, int(self.verbose)),
            alpha=alpha,
            shuffle=self.shuffle,
            decay_weights=decays_weights(self.solver),
            lbfgs={"max_fun": self.max_fun, "tol": self.tol} if self.solver == "lbfgs" else None,
            **{f"optimizer__{name}": value for name, value in options.items()},
        ).initialize()

    def _batch_size(self, n_samples: int) -> int:
        if self.solver == "lbfgs":
            return n_samples
        if self.batch_size == "auto":
            return min(SMALL_BATCH, n_samples)
        if self.batch_size > n_samples:
            warnings.warn(
                f"batch_size={self.batch_size} is larger than the {n_samples} samples to train on. "
                "It is going to be clipped.",
                stacklevel=4,
            )
        return min(int(self.batch_size), n_samples)

    def _store(
        self,
        net: TrainingNet,
        targets: Targets,
        code: TargetCode,
        n_train: int,
        goes_on: bool,
        resumed: bool,
    ) -> None:
        train_losses, valid_losses = net.monitor.train_losses, net.monitor.valid_losses
        if goes_on and not resumed:
            train_losses = self.loss_curve_ + train_losses
            valid_losses = (self.validation_loss_curve_ or []) + valid_losses
        for name, value in _to_predict(net, targets, code).items():
            setattr(self, name, value)
        self.loss_curve_ = list(train_losses)
        self.validation_loss_curve_ = list(valid_losses) if self.early_stopping else None
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = net.monitor.best_loss
        self.n_iter_ = net.n_passes_
        self.t_ = (self.t_ if goes_on else 0) + n_train * net.n_passes_

    def _warn_if_not_converged(self, net: TrainingNet, incremental: bool) -> None:
        if incremental or self._is_planned() or net.converged_ or net.interrupted_:
            return
        warnings.warn(
            f"Maximum iterations ({self._max_iter()}) reached and the optimization hasn't "
            "converged yet: raise max_iter (lbfgs: also max_fun), or scale the data.",
            ConvergenceWarning,
            stacklevel=3,
        )

    # --- prediction ----------------------------------------------------------------------------

    def _confidence(self, X: Any) -> Array:
        """E[y given x] of each column: smoothing and target range undone, inside (0, 1)."""
        check_is_fitted(self)
        X = self._check_X(X, reset=False)
        return _inside(self._code.decode(self.net_.read(X, self.net_.criterion_.inverse_link)))

    def predict_log_proba(self, X: Any) -> Array:
        """Logarithm of `predict_proba`.

        Parameters
        ----------
        X : array-like or sparse matrix of shape (n_samples, n_features)
            Rows to predict.

        Returns
        -------
        ndarray of float64
            In nats, of the shape of `predict_proba`.
        """
        return np.log(self.predict_proba(X))

    @abstractmethod
    def predict_proba(self, X: Any) -> Array:
        """Probabilities; what the columns are, the subclass says."""

    # --- attributes of the fitted net ------------------------------------------------------------

    @property
    def coefs_(self) -> list[Array]:
        """Weight matrices of the built-in net, each of shape (n_in, n_out)."""
        return [_as_numpy(layer.weight).T for layer in self._built_in_net().linear_layers()]

    @property
    def intercepts_(self) -> list[Array]:
        """Bias vectors of the built-in net."""
        return [_as_numpy(layer.bias) for layer in self._built_in_net().linear_layers()]

    @property
    def validation_scores_(self) -> list[float] | None:
        """Negative validation loss of each pass, for readers of `MLPClassifier`'s attribute."""
        losses = self.validation_loss_curve_
        return None if losses is None else [-loss for loss in losses]

    @property
    def best_validation_score_(self) -> float | None:
        """Largest of `validation_scores_`; None without early stopping."""
        scores = self.validation_scores_
        return None if scores is None else float(np.fmax.reduce(scores))

    def _built_in_net(self) -> MLP:
        net = getattr(self, "net_", None)
        if net is None or not isinstance(net.module_, MLP):
            raise AttributeError(
                f"{type(self).__name__} has coefs_ and intercepts_ once it is fitted with the "
                "built-in net; a custom module is at net_.module_."
            )
        return net.module_

    def __sklearn_tags__(self) -> Tags:
        tags = super().__sklearn_tags__()
        tags.input_tags.sparse = True
        return tags


def _to_predict(net: TrainingNet, targets: Targets, code: TargetCode) -> dict[str, Any]:
    """The attributes that prediction reads."""
    return {"net_": net, "classes_": targets.classes, "_hard": targets.hard, "_code": code}


def _if_it_ended_now(net: TrainingNet, targets: Targets, code: TargetCode) -> dict[str, Any]:
    return _to_predict(net.frozen(), targets, code)


@contextmanager
def _unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give the estimator its attributes back if the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _draw_seed(random_state: Any) -> int:
    """A seed; None asks the operating system, since global generators are left alone."""
    if random_state is None:
        return int(np.random.SeedSequence().generate_state(1)[0])
    return int(check_random_state(random_state).randint(np.iinfo(np.int32).max))


def _inside(proba: Array) -> Array:
    """Probabilities strictly inside (0, 1)."""
    return np.minimum(np.maximum(proba, SMALLEST), LARGEST)


def _as_numpy(tensor: torch.Tensor) -> Array:
    return tensor.detach().cpu().numpy()
