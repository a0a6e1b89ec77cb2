"""A scikit-learn estimator around a net: a fit from its call to its end, and reading the net."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import replace
from math import isnan
from typing import Any, Self

import numpy as np
import torch
from sklearn.exceptions import ConvergenceWarning
from sklearn.utils import Tags, check_random_state
from sklearn.utils.validation import check_consistent_length, check_is_fitted
from torch import Tensor

from .._checks import check_weight, require_y
from .._estimator_base import SoftlossEstimator
from .._targets.codes import TargetCode
from .._targets.domains import Domain
from .._targets.encoding import Array, Targets
from .._targets.numbers import TargetScale
from .._targets.weighting import WeightedEntries, WeightedRows
from .._training.batches import TrainingData, TrainingTargets, read_net
from .._training.divergence import divergence
from .._training.generators import Generators, lent_to_module
from .._training.loops import Loop
from .._training.mlp import MLP
from .._training.net import TrainingNet
from .._training.threads import leaves_process_as_found
from .._warn import warn
from ..distributed import ALONE, Processes, entered
from ..losses import Loss, get_loss
from .building import build_net, net_of_the_next_part
from .callbacks import CallbackSupportMixin, FitObserver, is_followed
from .candidates import MIDDLE
from .choice import Chosen, choose
from .course import Call, Course, Problem, check_call, course_of
from .data_parallel import check_same_data, check_sharing
from .parameters import check_parameters, torch_device, torch_dtype
from .reading import ReadsColumns
from .settings import Settings
from .validation import TRANSFORM_IT, hold_out, warn_if_far_out


class NetEstimator(ReadsColumns, CallbackSupportMixin, SoftlossEstimator, ABC):
    """Base of estimators that are a net: everything that does not depend on what y means.

    A subclass has a parameter `loss` beside those of all nets (`NetParameters`), says which domains
    of losses it serves (`_domains`, the preferred one first) and turns y into targets (`_encode`);
    it may weigh them (`_weigh`), code them (`_code_for`) and keep some of their attributes
    (`_kept_of_targets`). Its `fit` calls `_fit`, its predictions read the net by `_predicted`.
    """

    _planned_epochs = 32
    """Epochs of max_iter="auto" where the schedule plans them."""

    _most_steps = 10**9
    """Steps an epoch that batch_size="auto" keeps below by larger batches."""

    _kept_of_targets: tuple[str, ...] = ()
    """Attributes of the `Targets` that become fitted attributes, where they are not None."""

    _never_known: Array | None = None
    """Columns of y of which no entry was ever known, if there are such."""

    _candidate: tuple[Any, ...] = MIDDLE
    """What was chosen. Files that were written before it existed hold none."""

    net_: TrainingNet
    loss_curve_: list[float]
    validation_loss_curve_: list[float] | None
    t_: int
    _generators: Generators
    _from_vector: bool
    _code: Any

    # --- what a subclass says about its y ------------------------------------------------------

    @property
    @abstractmethod
    def _domains(self) -> tuple[Domain, ...]:
        """Domains of losses that the estimator can serve: a class attribute."""

    @abstractmethod
    def _encode(self, y: Any, known: Targets, call: Call) -> Targets:
        """Check y, that of the call or of its validation rows, against the domain of the loss and
        what is `known` of earlier targets."""

    def _as_given(self, y: Any) -> Any:
        """y as a caller gave it, for callbacks that score."""
        return y

    def _weigh(self, targets: Targets, call: Call) -> WeightedRows | WeightedEntries | None:
        """How the weights given, of which those of samples are checked, meet these targets; None
        where all weigh alike."""
        if call.sample_weight is None:
            return None
        return WeightedRows(call.loss.domain, sample_weight=call.sample_weight)

    def _code_for(
        self, targets: Targets, weighting: Any, call: Call
    ) -> TargetCode | TargetScale | None:
        """What the training sees in place of the targets, and predictions are put back from."""
        return None

    _check_parameters = check_parameters

    def _check_classes(self, call: Call) -> None:
        """Refuse a y, or classes declared, that the weights of the last fit cannot serve."""

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
            self._check_parameters()
            given = X, y, sample_weight, label_weight, declared, validation
            call = Call(*given, self._loss(), course_of(self, in_parts), processes)
            if processes.size > 1:
                check_sharing(self, call)
            require_y(self, y)
            check_call(self, call)
            self._check_classes(call)
            observer = None
            if is_followed(self) and not in_parts:
                observer = FitObserver(self, X, self._as_given(y), sample_weight)
            with unchanged_on_error(self):
                problem = self._read_problem(call)
                chosen = choose(self, problem)
                net, loop = self._train(problem, chosen, observer)
                self._keep(problem, chosen, net, loop)
            if observer is not None:
                observer.on_fit_end()
            if not (in_parts or loop.interrupted):
                self._warn_of_a_poor_end(net, loop, problem.train)
        return self

    def _read_problem(self, call: Call) -> Problem:
        """X and y checked, and as the training sees them; the rows that validate held out."""
        course, processes = call.course, call.processes
        X = self._check_X(call.X, reset=not course.goes_on, processes=processes)
        self._check_encoding(X, course)
        targets, encoded = self._read_targets(X, call)
        if processes.size > 1:
            check_same_data(X, targets)
        rows = encoded.rows_with_weight()
        if encoded.weighting is not None and not course.goes_on:
            self._columns = self._columns.seen_in(X, rows, processes)
        generators = self._generators_for(course, processes)
        dtype = torch_dtype(X.dtype if self.dtype is None else self.dtype)
        device, may_stay_sparse = torch_device(self.device), self.module is None
        train = TrainingData(X, encoded, rows, dtype, device, may_stay_sparse, processes)
        if not train.n_samples:
            raise ValueError(
                "No sample is left to fit: each has weight zero or only unknown labels (NaN, -1)."
            )
        valid, given_X, given_y = None, call.X, call.y
        if call.validation[0] is not None:
            valid = self._given_validation(train, targets, call)
            if self.cv is None:
                X, (given_X, given_y) = valid.X, call.validation
        elif self.early_stopping:
            parts = hold_out(train, targets, self.validation_fraction, generators.numpy)
            train, valid = map(train.restricted, parts)
        given_X = given_X if hasattr(given_X, "columns") else X
        return Problem(train, valid, targets, call.loss, course, generators, given_X, given_y)

    def _read_targets(self, X: Any, call: Call) -> tuple[Targets, TrainingTargets]:
        """y checked, and as the training sees it."""
        names = self._kept_of_targets if call.course.goes_on else ()
        known: Any = {name: getattr(self, f"{name}_", None) for name in names}
        targets = self._encode(call.y, Targets(None, **known), call)
        check_consistent_length(X, targets.values)
        weight = check_weight(call.sample_weight, (X.shape[0],), name="sample_weight")
        call = replace(call, sample_weight=weight)
        weighting = self._weigh(targets, call)
        code = self._code_for(targets, weighting, call)
        encoded = TrainingTargets(targets.values, code, weighting)
        if isinstance(weighting, WeightedEntries):
            self._find_never_known(targets, encoded, call)
        return targets, encoded

    def _find_never_known(self, targets: Targets, encoded: TrainingTargets, call: Call) -> None:
        """Keep, and name, the columns of which neither this y nor a part before knows an entry."""
        _, weight = encoded.mass_and_weight(np.arange(len(encoded)))
        never = call.processes.total(weight) == 0
        if call.course.goes_on:
            never &= False if self._never_known is None else self._never_known
        self._never_known = never if never.any() else None
        if never.any() and not never.all():  # then there is nothing to fit
            names = np.arange(len(never)) if targets.label_names is None else targets.label_names
            said = "as NaN" if isnan(call.loss.domain.never_known) else "absent"
            warn(
                f"Columns {names[never].tolist()} of y have no known entry, or none of weight > 0: "
                f"they are predicted {said}, "
                "whatever X holds. Pass rows in which they are known, or leave them out."
            )

    @leaves_process_as_found
    def _train(
        self, problem: Problem, chosen: Chosen, observer: FitObserver | None
    ) -> tuple[TrainingNet, Loop]:
        """Build a net, or take the one there, and train it."""
        train, course, generators = problem.train, problem.course, problem.generators
        settings = Settings.of(self, chosen.params)
        with nullcontext() if self.module is None else lent_to_module(generators):
            if course is Course.NEXT_PART and self.net_.lbfgs is None:
                net = net_of_the_next_part(settings, self.net_)
            else:
                net = build_net(settings, problem, self if course.goes_on else None)
            net.batch_size = settings.batch_size_of(train.n_samples)
            n_epochs = 1 if course.in_parts else settings.max_iter
            if observer is not None:
                observer.fitted = lambda: self._to_predict(net.frozen(), problem)
                observer.on_fit_begin(n_epochs)
            loop = net.train(train, problem.valid, n_epochs, generators.torch, observer)
            net.is_to_go_on = course.in_parts or self.warm_start
        return net, loop

    def _given_validation(self, train: TrainingData, targets: Targets, call: Call) -> TrainingData:
        """Rows of the user's own, with the code and the weighting of the training."""
        X, y = call.validation
        try:
            X = self._check_X(X, reset=False)
        except ValueError as error:
            raise ValueError(f"X_val is refused: {error} {TRANSFORM_IT}") from error
        warn_if_far_out(X, train, self._columns.is_category)
        given = self._encode(y, targets, call)
        check_consistent_length(X, given.values)
        weighting = train.targets.weighting
        if weighting is not None:
            weighting = weighting.without_samples()
        encoded = TrainingTargets(given.values, train.targets.code, weighting)
        like = train.dtype, train.device, self.module is None, train.processes
        valid = TrainingData(X, encoded, encoded.rows_with_weight(), *like)
        if not valid.n_samples:
            raise ValueError("y_val holds no known label to validate on.")
        return valid

    def _generators_for(self, course: Course, processes: Processes = ALONE) -> Generators:
        """Those of the last part, as copies that a refused one does not move; or new ones. A seed
        of None asks the operating system, since the global generators are left alone."""
        if course is Course.NEXT_PART:
            return self._generators.for_another_part()
        if self.random_state is None:
            seed = int(np.random.SeedSequence().generate_state(1)[0])
        else:
            seed = int(check_random_state(self.random_state).randint(np.iinfo(np.int32).max))
        return Generators.seeded(processes.from_first(seed))

    # --- what a fit leaves -----------------------------------------------------------------------

    def _keep(self, problem: Problem, chosen: Chosen, net: TrainingNet, loop: Loop) -> None:
        """What the fitted estimator is, from all that a fit has found."""
        for name in self._kept_of_targets:
            self.__dict__.pop(f"{name}_", None)
        self.__dict__.update(self._to_predict(net, problem))
        self._candidate, self._generators = tuple(chosen.candidate), problem.generators
        self.alpha_, self.dropout_ = chosen.params["alpha"], chosen.params["dropout"]
        self.encoding_ = None if self.module is not None else chosen.params["encoding"]
        self.selection_results_ = chosen.results
        train_losses, valid_losses = net.monitor.train_losses, net.monitor.valid_losses
        if problem.course is Course.WARM:
            train_losses = self.loss_curve_ + train_losses
            valid_losses = (self.validation_loss_curve_ or []) + valid_losses
        self.loss_curve_ = list(train_losses)
        self.validation_loss_curve_ = list(valid_losses) if self.early_stopping else None
        self.loss_, self.best_loss_ = self.loss_curve_[-1], net.monitor.best_loss
        self.n_iter_ = loop.n_epochs
        before = self.t_ if problem.course.goes_on else 0
        self.t_ = before + problem.train.n_samples * loop.n_epochs

    def _to_predict(self, net: Any, problem: Problem) -> dict[str, Any]:
        """The attributes that prediction reads."""
        targets = problem.targets
        kept = {name: getattr(targets, name) for name in self._kept_of_targets}
        kept = {f"{name}_": value for name, value in kept.items() if value is not None}
        code = problem.train.targets.code
        return {"net_": net, "_code": code, "_from_vector": targets.from_vector, **kept}

    def forget_training(self) -> None:
        """Keep what prediction reads: no state of the optimizer, generators, callbacks, history."""
        self.callbacks, self.cv, self.warm_start = None, None, False
        if hasattr(self, "net_"):
            self.net_ = self.net_.without_training()
            self.__dict__.pop("_generators", None)  # a copy of a copy has none

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


def says(method: str, losses: str) -> Any:
    """Whether the loss, or that of the fit, has a method of this name, as these losses have."""

    def check(estimator: Any) -> None:
        net = getattr(estimator, "net_", None)
        try:
            loss = estimator._loss() if net is None else net.criterion_
        except (TypeError, ValueError) as error:  # `fit` refuses it
            raise AttributeError(str(error)) from error
        if not hasattr(loss, method):
            raise AttributeError(
                f"predict_{method} needs a fit with loss={losses}; the loss is {loss!r}."
            )

    return check


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
