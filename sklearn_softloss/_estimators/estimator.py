"""A scikit-learn estimator around a net: parameters, a fit from call to end, reading the net."""

from __future__ import annotations

import copy
from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from math import isnan
from types import SimpleNamespace
from typing import Any, Self

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.metrics import check_scoring
from sklearn.utils import Tags, _safe_indexing, check_random_state
from sklearn.utils.validation import (
    check_consistent_length,
    check_is_fitted,
)
from torch import Tensor

from .._checks import check_weight
from .._estimator_base import SoftlossEstimator
from .._processes import entered, reading, reading_together
from .._targets.codes import TargetCode
from .._targets.domains import Domain
from .._targets.encoding import Array, Targets
from .._targets.numbers import TargetScale
from .._targets.weighting import WeightedEntries, WeightedRows
from .._training.batches import (
    TrainingData,
    TrainingTargets,
    read_net,
)
from .._training.divergence import divergence
from .._training.generators import Generators, lent_to_module
from .._training.loops import Loop
from .._training.mlp import MLP
from .._training.net import TrainingNet
from .._training.threads import leaves_process_as_found
from .._warn import warn
from ..losses import Loss, get_loss
from .building import build_net, net_of_the_next_part
from .choice import MIDDLE, Candidate, Choice, candidates_of, middle_of, params_of
from .compatibility import CallbackSupportMixin, FitObserver
from .course import Course, check_call, course_of
from .data_parallel import check_same_data, check_sharing
from .held_out import Split, splits_of
from .keywords import ModuleParameters
from .parameters import check_parameters, torch_device, torch_dtype
from .reading import ReadsColumns
from .settings import Settings
from .trials import minus_losses, trained, trial_width
from .validation import TRANSFORM_IT, hold_out, warn_if_far_out


class NetEstimator(ReadsColumns, ModuleParameters, CallbackSupportMixin, SoftlossEstimator, ABC):
    """Base of estimators that are a net: everything that does not depend on what y means.

    A subclass says which domains of losses it serves (`_domains`, the preferred one first) and
    turns y into targets (`_encode`); it may weigh them (`_weigh`) and keep some of their
    attributes (`_kept_of_targets`). Its `fit` calls `_fit`, its predictions read the net by
    `_predicted`.
    """

    _planned_epochs = 32
    """Epochs of max_iter="auto" where the schedule plans them."""

    _most_steps = 10**9
    """Steps an epoch that batch_size="auto" keeps below by larger batches."""

    _kept_of_targets: tuple[str, ...] = ()
    """Attributes of the `Targets` that become fitted attributes, where they are not None."""

    _never_known: Array | None = None
    """Columns of y of which no entry was ever known, if there are such."""

    cv: Any = None
    scoring: Any = None
    _candidate: tuple[Any, ...] = MIDDLE
    """What was chosen. Files that were written before these existed hold none of the three."""

    net_: TrainingNet
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    t_: int
    _generators: Generators

    def __init__(
        self,
        hidden_layer_sizes: Any = "auto",
        activation: str = "relu",
        *,
        loss: Any = "cross_entropy",
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
        """All are kept as given: `ModuleParameters`."""

    # --- what a subclass says about its y ------------------------------------------------------

    @property
    @abstractmethod
    def _domains(self) -> tuple[Domain, ...]:
        """Domains of losses that the estimator can serve: a class attribute."""

    @abstractmethod
    def _encode(self, y: Any, domain: Domain, known: Targets | None, declared: Any) -> Targets:
        """Check y against the domain, and against what is `known` of earlier targets.

        `declared` is what a first part says of the parts to come.
        """

    def _as_given(self, y: Any) -> Any:
        """y as a caller gave it, for callbacks that score."""
        return y

    def _weigh(
        self, targets: Targets, domain: Domain, sample_weight: Array | None, label_weight: Any
    ) -> WeightedRows | WeightedEntries | None:
        """How the weights given meet these targets; None where all weigh alike."""
        return None if sample_weight is None else WeightedRows(domain, None, sample_weight)

    def _code_for(
        self, targets: Targets, loss: Loss, weighting: Any, course: Course
    ) -> TargetCode | TargetScale | None:
        """What the training sees in place of the targets, and predictions are put back from."""
        if self.label_smoothing or self.target_range not in (None, (0, 1)):
            return loss.domain.code(self.label_smoothing, self.target_range, targets.n_columns)
        return None

    def _loss(self) -> Loss:
        """The loss that the parameters name."""
        return get_loss(self.loss, self._domains)

    # --- fitting -------------------------------------------------------------------------------

    def _fit(
        self,
        X: Any,
        y: Any,
        sample_weight: Any = None,
        label_weight: Any = None,
        *,
        in_parts: bool = False,
        declared: Any = None,
        validation: tuple[Any, Any] = (None, None),
    ) -> Self:
        processes = entered()
        with processes.failing_together():
            check_parameters(self)
            loss = self._loss()
            course = course_of(self, in_parts)
            given = {"sample_weight": sample_weight, "label_weight": label_weight}
            check_sharing(self, processes, loss, y, course, {**given, "X_val": validation[0]})
            check_call(self, y, loss, course, validation)
            observer = None
            # A search follows its estimators though they have no callback of their own.
            observed = getattr(self, "_skl_callbacks", None) or hasattr(
                self, "_parent_callback_ctx"
            )
            if observed and not in_parts:
                observer = FitObserver(self, X, self._as_given(y), sample_weight)
            with unchanged_on_error(self):
                given_X = X
                X = self._check_X(X, reset=not course.goes_on)
                self._check_encoding(X, course)
                with reading_together(processes):
                    targets, encoded = self._read_targets(
                        X, y, loss, course, declared, sample_weight, label_weight
                    )
                check_same_data(processes, X, targets)
                scored = _as_scored(given_X, X), y
                net, loop, train, chosen = self._train(
                    X, scored, targets, encoded, loss, course, validation, observer
                )
                for name in self._kept_of_targets:
                    self.__dict__.pop(f"{name}_", None)
                self.__dict__.update(self._to_predict(net, targets, encoded.code))
                self.__dict__.update(chosen)
                self._store_losses(net, loop, train.n_samples, course)
            if observer is not None:
                observer.on_fit_end()
            if not (in_parts or loop.interrupted):
                self._warn_of_a_poor_end(net, loop, train)
        return self

    def _read_targets(
        self,
        X: Any,
        y: Any,
        loss: Loss,
        course: Course,
        declared: Any,
        sample_weight: Any,
        label_weight: Any,
    ) -> tuple[Targets, TrainingTargets]:
        """y checked, and as the training sees it."""
        known = None
        if course.goes_on:
            kept: Any = {name: getattr(self, f"{name}_", None) for name in self._kept_of_targets}
            known = Targets(None, **kept)
        targets = self._encode(y, loss.domain, known, declared)
        check_consistent_length(X, targets.values)
        if sample_weight is not None:
            sample_weight = check_weight(sample_weight, (X.shape[0],), name="sample_weight")
        weighting = self._weigh(targets, loss.domain, sample_weight, label_weight)
        code = self._code_for(targets, loss, weighting, course)
        encoded = TrainingTargets(targets.values, code, weighting)
        if isinstance(weighting, WeightedEntries):
            self._find_never_known(targets, encoded, loss.domain, course)
        return targets, encoded

    def _find_never_known(
        self, targets: Targets, encoded: TrainingTargets, domain: Domain, course: Course
    ) -> None:
        """Keep, and name, the columns of which neither this y nor a part before knows an entry."""
        _, weight = encoded.mass_and_weight(np.arange(len(encoded)))
        never = reading().total(weight) == 0
        if course.goes_on:
            never &= False if self._never_known is None else self._never_known
        self._never_known = never if never.any() else None
        if never.any() and not never.all():  # then there is nothing to fit
            names = np.arange(len(never)) if targets.label_names is None else targets.label_names
            warn(
                f"Columns {names[never].tolist()} of y have no known entry, or none of weight > 0: "
                f"they are predicted {'as NaN' if isnan(domain.never_known) else 'absent'}, "
                "whatever X holds. Pass rows in which they are known, or leave them out."
            )

    @leaves_process_as_found
    def _train(
        self,
        X: Any,
        scored: tuple[Any, Any],
        targets: Targets,
        encoded: TrainingTargets,
        loss: Loss,
        course: Course,
        validation: tuple[Any, Any],
        observer: FitObserver | None,
    ) -> tuple[TrainingNet, Loop, TrainingData, dict[str, Any]]:
        """Hold rows out, settle what is "auto", build a net or take the one there, and train it.

        `scored` is X and y as a scorer takes them.
        """
        generators = self._generators_for(course)
        with nullcontext() if self.module is None else lent_to_module(generators):
            given = validation[0] is not None
            train, valid = self._training_data(X, encoded, targets, generators, given)
            if given:
                valid = self._given_validation(train, targets, loss.domain, *validation)
                if self.cv is None:
                    scored = _as_scored(validation[0], valid.X), validation[1]
            chosen = self._chosen(scored, targets, loss, train, valid, encoded, course)
            settings = Settings.of(self, chosen.pop("_params"))
            if course is Course.NEXT_PART and self.net_.lbfgs is None:
                net = net_of_the_next_part(settings, self.net_)
            else:
                before = self if course.goes_on else None
                n_columns = encoded.n_columns
                net = build_net(settings, loss, train, n_columns, course, generators, before)
            net.batch_size = settings.batch_size_of(train.n_samples)
            n_epochs = 1 if course.in_parts else settings.max_iter
            if observer is not None:
                observer.fitted = lambda: self._to_predict(net.frozen(), targets, encoded.code)
                observer.on_fit_begin(n_epochs)
            net.observer = observer
            loop = net.train(train, valid, n_epochs, generators.torch)
            net.observer = None
            net.is_to_go_on = course.in_parts or self.warm_start
        self._generators = generators
        return net, loop, train, chosen

    def _chosen(
        self,
        scored: tuple[Any, Any],
        targets: Targets,
        loss: Loss,
        train: TrainingData,
        valid: TrainingData | None,
        encoded: TrainingTargets,
        course: Course,
    ) -> dict[str, Any]:
        """Parameters in place of "auto", and the fitted attributes that tell of them."""
        n_samples, results = train.n_samples, None
        if course is not Course.FRESH:
            candidate = Candidate(*self._candidate)
            if not course.goes_on or (course.in_parts and candidate.is_linear):
                candidate = middle_of(self, train)  # by steps, as no part is the whole
        else:
            candidates = candidates_of(self, train)
            splits: list[Split] = []
            if len(candidates) > 1:
                splits = splits_of(train, valid, self.cv, *scored)
            weight = train.weight_sum() if splits else 0.0

            def fit(some: list[Candidate], part: TrainingData) -> tuple[Loss, list[Any]]:
                known = loss
                if loss.needs_mean_target:
                    known = loss.with_mean_target(part.mean_target())
                tried = (
                    params_of(one, self, n_samples, trial_width(one, len(splits))) for one in some
                )
                members = [Settings.of(self, {**one, "callbacks": None}) for one in tried]
                return known, trained(members, known, part, weight)

            score, middle = self._score_of(*scored, targets, encoded), middle_of(self, train)
            choice = Choice(candidates, splits, fit, score, middle)
            if self.scoring is not None and splits and choice.best is None:
                raise ValueError(f"scoring={self.scoring!r} gave no candidate a finite score.")
            choice = train.processes.from_first(choice)
            candidate = choice.candidate
            results = choice.results([params_of(one, self, n_samples) for one in candidates])
        params = params_of(candidate, self, n_samples)
        if self.verbose and results is not None and train.processes.rank == 0:
            print(choice.sentence(params))
        return {
            "alpha_": params["alpha"],
            "dropout_": params["dropout"],
            "selection_results_": results,
            "encoding_": None if self.module is not None else params["encoding"],
            "_candidate": tuple(candidate),
            "_params": params,
        }

    def _score_of(
        self, X: Any, y: Any, targets: Targets, encoded: TrainingTargets
    ) -> Callable[[Any, Loss, Split], tuple[Array, Array]]:
        """How a choice judges a module: by its losses, or by `scoring` as an estimator."""
        if self.scoring is None:
            return lambda module, loss, split: minus_losses(module, loss, split.held)
        scorer = check_scoring(self, self.scoring)
        twin = copy.copy(self)
        if not hasattr(X, "columns"):  # texts are numbers here
            twin.__dict__.pop("feature_names_in_", None)
            twin._columns = replace(self._columns, levels={})

        def score(module: Any, loss: Loss, split: Split) -> tuple[Array, Array]:
            net: Any = SimpleNamespace(module_=module, criterion_=loss)
            twin.__dict__.update(self._to_predict(net, targets, encoded.code))
            rows, wanted = (_safe_indexing(part, split.places) for part in (X, y))
            found = scorer(twin, rows, wanted)
            return np.array([float(found)]), np.ones(1)

        return score

    def _check_warm_start(self, y: Any) -> None:
        """Refuse a y that the weights of the last fit cannot serve."""

    def _training_data(
        self,
        X: Any,
        encoded: TrainingTargets,
        targets: Targets,
        generators: Generators,
        given_validation: bool,
    ) -> tuple[TrainingData, TrainingData | None]:
        rows, processes = encoded.rows_with_weight(), entered()
        if not processes.total(len(rows)):
            raise ValueError(
                "No sample is left to fit: each has weight zero or only unknown labels (NaN, -1)."
            )
        dtype = torch_dtype(X.dtype if self.dtype is None else self.dtype)
        device = torch_device(self.device)
        may_stay_sparse = self.module is None
        data = TrainingData(X, encoded, rows, dtype, device, may_stay_sparse, processes)
        if not self.early_stopping or given_validation:
            return data, None
        train, valid = hold_out(
            rows, targets, self.validation_fraction, generators.numpy, processes
        )
        return data.restricted(train), data.restricted(valid)

    def _given_validation(
        self, train: TrainingData, targets: Targets, domain: Domain, X: Any, y: Any
    ) -> TrainingData:
        """Rows of the user's own, with the code and the class weights of the training."""
        try:
            X = self._check_X(X, reset=False)
        except ValueError as error:
            raise ValueError(f"X_val is refused: {error} {TRANSFORM_IT}") from error
        warn_if_far_out(X, train, self._columns.is_category)
        given = self._encode(y, domain, targets, None)
        check_consistent_length(X, given.values)
        weighting = train.targets.weighting
        if weighting is not None:
            weighting = weighting.without_samples()
        encoded = TrainingTargets(given.values, train.targets.code, weighting)
        rows, processes = encoded.rows_with_weight(), train.processes
        if not processes.total(len(rows)):
            raise ValueError("y_val holds no known label to validate on.")
        may_stay_sparse = self.module is None
        return TrainingData(X, encoded, rows, train.dtype, train.device, may_stay_sparse, processes)

    def _generators_for(self, course: Course) -> Generators:
        """Those of the last part, as copies that a refused one does not move; or new ones.

        A seed of None asks the operating system, since the global generators are left alone.
        """
        if course is Course.NEXT_PART:
            return self._generators.for_another_part()
        if self.random_state is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        else:
            seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        return Generators.seeded(entered().from_first(seed))

    # --- what a fit leaves -----------------------------------------------------------------------

    def _to_predict(
        self, net: TrainingNet, targets: Targets, code: TargetCode | TargetScale | None
    ) -> dict[str, Any]:
        """The attributes that prediction reads."""
        kept = {name: getattr(targets, name) for name in self._kept_of_targets}
        kept = {f"{name}_": value for name, value in kept.items() if value is not None}
        return {"net_": net, "_code": code, "_from_vector": targets.from_vector, **kept}

    def forget_training(self) -> None:
        """Keep what prediction reads: no state of the optimizer, generators, callbacks, history."""
        self.callbacks, self.cv, self.warm_start = None, None, False
        if hasattr(self, "net_"):
            self.net_ = self.net_.without_training()
            self.__dict__.pop("_generators", None)  # a copy of a copy has none

    def _store_losses(self, net: TrainingNet, loop: Loop, n_train: int, course: Course) -> None:
        train_losses, valid_losses = net.monitor.train_losses, net.monitor.valid_losses
        if course is Course.WARM:
            train_losses = self.loss_curve_ + train_losses
            valid_losses = (self.validation_loss_curve_ or []) + valid_losses
        self.loss_curve_ = list(train_losses)
        self.validation_loss_curve_ = list(valid_losses) if self.early_stopping else None
        self.loss_ = self.loss_curve_[-1]
        self.best_loss_ = net.monitor.best_loss
        self.n_iter_ = loop.n_epochs
        self.t_ = (self.t_ if course.goes_on else 0) + n_train * loop.n_epochs

    def _warn_of_a_poor_end(self, net: TrainingNet, loop: Loop, train: TrainingData) -> None:
        """Say that a constant would have been better, or else that the training was cut short."""
        message = divergence(net, train) if len(net.monitor.train_losses) > 1 else None
        if message is None and not (net.schedule.is_planned or loop.converged):
            message = (
                f"Maximum iterations ({net.max_epochs}) reached and the optimization hasn't "
                "converged yet: raise max_iter (lbfgs: also max_fun), or scale the data."
            )
        if message is not None:
            warn(message, ConvergenceWarning)

    # --- prediction ----------------------------------------------------------------------------

    def _predicted(self, X: Any) -> Array:
        """E[y given x] of each column."""
        return self._read(X, self._link)

    def _link(self, logits: Tensor) -> Tensor:
        """E[y given x] from logits: the loss's inverse link, with what a code did to the targets
        undone, in the range of its domain."""
        loss = self.net_.criterion_
        return self._decoded(loss.inverse_link(logits)).clamp(*loss.domain.prediction_range)

    def _decoded(self, values: Tensor) -> Tensor:
        """Predictions (..., n_columns) of the targets as given, from those as trained."""
        return self._without_never_known(
            values if self._code is None else self._code.decode(values)
        )

    def _without_never_known(self, values: Tensor) -> Tensor:
        """The same, but for columns of y that nothing is known of."""
        if self._never_known is None:
            return values
        never = torch.as_tensor(self._never_known, device=values.device)
        return values.masked_fill(never, self.net_.criterion_.domain.never_known)

    def _read(self, X: Any, link: Callable[[Tensor], Tensor]) -> Array:
        """What the link makes of the logits of all rows."""
        if not hasattr(self, "net_"):
            check_is_fitted(self)
        X = self._check_X(X, reset=False)
        return read_net(self.net_.module_, X, link)

    # --- attributes of the fitted net ------------------------------------------------------------

    @property
    def coefs_(self) -> list[Array]:
        """Weight matrices of the built-in net, each of shape (n_in, n_out)."""
        return [_as_numpy(weight).T for weight in self._built_in_net().weights_and_biases()[0]]

    @property
    def intercepts_(self) -> list[Array]:
        """Bias vectors of the built-in net."""
        return [_as_numpy(bias) for bias in self._built_in_net().weights_and_biases()[1]]

    @property
    def validation_scores_(self) -> list[float] | None:
        """Negative validation loss of each epoch, for readers of `MLPClassifier`'s attribute."""
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
        tags.input_tags.allow_nan = self.module is None
        return tags


def _as_scored(given: Any, X: Any) -> Any:
    """Rows for a scorer: the table as it was given, or else the checked X."""
    return given if hasattr(given, "columns") else X


def trains_in_batches(estimator: Any) -> bool:
    """Whether there is a `partial_fit`."""
    if estimator.solver == "lbfgs":
        raise AttributeError("partial_fit needs a stochastic solver, not solver='lbfgs'.")
    return True


@contextmanager
def unchanged_on_error(estimator: Any) -> Iterator[None]:
    """Give the estimator its attributes back if the block raises."""
    before = dict(vars(estimator))
    try:
        yield
    except BaseException:
        vars(estimator).clear()
        vars(estimator).update(before)
        raise


def _as_numpy(tensor: Tensor) -> Array:
    return tensor.detach().cpu().numpy()
