"""A net for the shares of annotators' answers, and for what each annotator makes of them."""

from __future__ import annotations

import copy
from collections.abc import Iterator
from numbers import Integral
from typing import Any, Self

import numpy as np
from scipy.special import softmax
from sklearn.utils.validation import check_consistent_length, check_is_fitted

from .._checks import require_y, weight_or_ones
from .._estimators.candidates import Candidate, params_of
from .._estimators.classifier import NetClassifier
from .._estimators.course import Call, Course
from .._estimators.documented import documented
from .._estimators.equal_rows import groups_of_equal
from .._estimators.estimator import unchanged_on_error
from .._estimators.keywords import public_fit
from .._estimators.parameters import AnnotatorParameters
from .._targets.annotations import (
    Annotations,
    annotator_names,
    are_same,
    read_annotations,
    refuse_other_rows,
    refuse_other_type,
)
from .._targets.domains import DISTRIBUTION
from .._targets.encoding import Array, Targets
from .._training.batches import read_net
from ..distributed import refuse_processes
from ._camps import camps_of
from ._effects import fit_effects

FOLDS = 2
"""Nets that each see the rows of the others, to say what annotators make of unseen items."""

SMALLEST_SHARE = 1e-6
AGREEMENT_ENTRIES, READ_ENTRIES = 2**19, 2**20
"""Most probabilities of annotators that agreement is the mean of, and that are held at once."""


@documented
class AnnotatorMLPClassifier(AnnotatorParameters, NetClassifier):
    """Neural net for annotators' answers: the share of each, and who says what.

    Parameters
    ----------
    n_camps : int or 'auto', default="auto"
        Groups of annotators that see things alike, each with a share of its own. 'auto' counts
        those that chance does not explain, at most 4; see Notes.
    random_state : int or RandomState instance, default=None
        Seeds weights, order, dropout, folds and the search for camps.
    early_stopping : bool, default=False
        Whether to hold rows out and keep the weights of the epoch that is best on them.
    callbacks : list of skorch callbacks, default=None
        Called at each epoch of the net that is kept.

    Attributes
    ----------
    classes_ : ndarray of shape (n_classes,)
        The answers.
    annotators_ : ndarray of shape (n_annotators,)
        Their names: the columns of a frame, or 0, 1, ...
    n_answers_ : ndarray of shape (n_annotators,), int
        How many there are of each.
    annotator_agreement_ : ndarray of shape (n_annotators,)
        Probability, in [0, 1], that the annotator gives the most probable answer of the population,
        over items of `fit`, as said by nets that did not see them.
    camps_ : ndarray of shape (n_annotators,), int
        The camp of each; 0 is the largest.
    embedding_ : ndarray of shape (n_annotators, n_camps)
        How strongly each shares what all have in common, and what sets the camps apart. The product
        of two rows is the covariance of the two annotators' answers over items.
    scale_ : ndarray of shape (n_annotators,)
        How far answers follow the share of the camp: 1 as everyone's, 0 not at all.
    bias_ : ndarray of shape (n_annotators, n_classes)
        What is added to the log share of each class, in nats.

    See Also
    --------
    SoftTargetMLPClassifier : The share alone, from rows of shares.
    sklearn_softloss.targets.annotation_matrix : The matrix of a long table.
    DawidSkene : Votes without X.

    Notes
    -----
    One net is trained on the joint share of camp and answer, each row weighing alike; with a single
    camp this is `SoftTargetMLPClassifier` on `vote_shares`. Then ``P(answer of a) =
    softmax(scale_a * log share of a's camp + bias_a)``. Scales and biases are the most probable
    ones for answers to items that the net behind the shares has not seen (two nets, each of half
    the rows, with what the first fit chose), under normal priors that are estimated with them: who
    answered little keeps what the group has. The mean of these over the annotators is a second
    estimate of the share.

    Camps are found by the factors of who agrees with whom beyond chance, without X: a further camp
    must exceed tables in which the annotators of each item are shuffled, and a twentieth of the
    first factor, what all share.

    References
    ----------
    Davani, Diaz and Prabhakaran, TACL 10 (2022) 92-110, doi:10.1162/tacl_a_00449.
    Leonardelli et al., "LeWiDi-2025 at NLPerspectives", 2025, arXiv:2510.08460 (both tasks).
    Raykar and Yu, JMLR 13 (2012) 491-518 (who answers at random, whatever the item).

    Examples
    --------
    >>> import numpy as np
    >>> from sklearn_softloss.annotators import AnnotatorMLPClassifier
    >>> X = np.linspace(-1, 1, 40).reshape(-1, 1)
    >>> Y = np.column_stack([X > -0.5, X > 0, X > 0.5]).astype(float)
    >>> Y[::4, 1] = np.nan  # the second annotator did not answer all
    >>> clf = AnnotatorMLPClassifier(random_state=0).fit(X, Y)
    >>> clf.predict_proba([[0.9]]).shape
    (1, 2)
    >>> clf.predict_annotator_proba([[0.9]], [0, 2]).shape
    (1, 2, 2)
    """

    _domains = (DISTRIBUTION,)

    annotators_: Array
    annotator_agreement_: Array
    camps_: Array
    embedding_: Array
    scale_: Array
    bias_: Array

    @public_fit
    def fit(self, X: Any, y: Any, sample_weight: Any = None) -> Self:
        """Train on who said what.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_annotators), Annotations, or (n_samples,)
            The class that each annotator gave; NaN, None or blank where they did not answer. A row
            without an answer teaches nothing. Columns of a DataFrame become `annotators_`; its
            index, or `Annotations.items`, must not contradict the index of X. A 1-D y holds the
            answers of one annotator.

        Raises
        ------
        ValueError
            If X, y, a weight or a parameter is illegal, or y is a long table with one answer a row;
            what was fitted before is kept.
        """
        refuse_processes(self)
        require_y(self, y)
        wanted: Any = self.n_camps
        if wanted != "auto" and not (isinstance(wanted, Integral) and int(wanted) >= 1):
            raise ValueError(f"n_camps must be 'auto' or an int >= 1; got {self.n_camps!r}.")
        refuse_other_rows(X, y)
        answers = read_annotations(y)
        weight = weight_or_ones(sample_weight, (len(answers),), name="sample_weight")
        answers = answers._kept(weight[answers.item] > 0)
        weight = np.where(np.bincount(answers.item, minlength=len(weight)) > 0, weight, 0.0)
        n, draw = len(answers.annotators), self._generators_for(Course.FRESH).numpy
        camps = camps_of(answers, self.n_camps, draw)
        with unchanged_on_error(self):
            self.annotators_, self.camps_ = answers.annotators, camps.of_annotator
            self.scale_, self.bias_ = np.ones(n), np.zeros((n, len(answers.classes)))
            population = np.bincount(answers.annotator, weight[answers.item], n)
            self._population = population / population.sum()
            self._fit(X, answers, _or_none(weight))
            self._fit_effects(X, answers, weight, draw)
            self.embedding_, self._explained = camps.loadings, camps.explained
            self.n_answers_ = np.bincount(answers.annotator, minlength=n)
        return self

    def _as_given(self, y: Any) -> Any:
        return y.given

    def _encode(self, y: Any, known: Targets, call: Call) -> Targets:
        values = y._shares(self.camps_, self._n_camps)
        return Targets(values, y.classes, len(y.annotators) == 1, processes=call.processes)

    def _fit_effects(self, X: Any, answers: Annotations, weight: Array, draw: Any) -> None:
        """How annotators depart from the shares, by nets that did not see their items."""
        n, k = len(answers.annotators), len(answers.classes)
        X = self._check_X(X, reset=False)
        rows = np.flatnonzero(weight)
        if n == 1 or k == 1:
            joint = read_net(self.net_.module_, X[rows], self._link)
            self.annotator_agreement_ = self._mean_agreement(joint)
            return
        joint = self._unseen(X, answers, weight, rows, draw)
        shares = self._shares(joint)[answers.item, self.camps_[answers.annotator]].T
        given = answers.label, answers.annotator, weight[answers.item]
        self.scale_, self.bias_ = fit_effects(np.log(shares), *given, n)
        n_items = min(len(rows), AGREEMENT_ENTRIES // (n * k) + 1)
        some = draw.choice(rows, n_items, replace=False)
        self.annotator_agreement_ = self._mean_agreement(joint[some])

    def _unseen(self, X: Any, answers: Annotations, weight: Array, rows: Array, draw: Any) -> Array:
        """What nets that did not see them say of these rows; equal rows are in one fold."""
        flat = X if X.ndim == 2 else X.reshape(len(X), -1)
        seed = int(draw.randint(2**31))
        fold = groups_of_equal(flat, rows, seed) % FOLDS
        n_columns = self._n_camps * len(answers.classes)
        found = np.full((len(weight), n_columns), 1 / n_columns)
        for i in range(FOLDS):
            seen, unseen = rows[fold != i], rows[fold == i]
            if not (len(seen) and len(unseen)):  # every row is the same
                continue
            member = copy.copy(self)
            member.__dict__.update(params_of(Candidate(*self._candidate), self, len(rows)))
            if self.module is None:
                member.categorical_features = self._columns.is_category  # X is in numbers here
            member.callbacks, member.verbose = None, 0
            member.__dict__["_warn_of_a_poor_end"] = lambda *_: None
            for name in ("_skl_callbacks", "_parent_callback_ctx"):
                member.__dict__.pop(name, None)
            member.random_state = int(draw.randint(2**31))
            member._fit(X[seen], answers.take(seen), _or_none(weight[seen]))
            found[unseen] = member._predicted(X[unseen])
        return found

    @property
    def _n_camps(self) -> int:
        return int(self.camps_.max()) + 1

    def _shares(self, joint: Array) -> Array:
        """Shares of each camp, (n_samples, n_camps, n_classes), from those of camp and class."""
        shares = joint.reshape(len(joint), self._n_camps, len(self.classes_))
        shares = np.maximum(shares / shares.sum(axis=2, keepdims=True), SMALLEST_SHARE)
        return shares / shares.sum(axis=2, keepdims=True)

    def _of_annotators(self, shares: Array, annotators: Array) -> Array:
        """P(label) of these annotators, (n_classes, n_samples, n_annotators)."""
        log_share = np.moveaxis(np.log(shares), 2, 0)[:, :, self.camps_[annotators]]
        logits = self.scale_[annotators] * log_share + self.bias_[annotators].T[:, None]
        return np.asarray(softmax(np.ascontiguousarray(logits), axis=0))

    def _blocks(self, joint: Array) -> Iterator[tuple[Array, Array]]:
        """P(label) of all annotators, and that of the population, a block of rows at a time."""
        everyone = np.arange(len(self.annotators_))
        size = max(1, READ_ENTRIES // (len(everyone) * len(self.classes_)))
        for start in range(0, len(joint), size):
            block = joint[start : start + size]
            proba = self._of_annotators(self._shares(block), everyone)
            of_net = block.reshape(len(block), self._n_camps, -1).sum(axis=1)  # over all camps
            yield proba, (of_net + (proba @ self._population).T) / 2

    def _population_share(self, joint: Array) -> Array:
        if len(self.annotators_) == 1:
            return joint
        return np.concatenate([population for _, population in self._blocks(joint)])

    def _mean_agreement(self, joint: Array) -> Array:
        total = np.zeros(len(self.annotators_))
        for proba, population in self._blocks(joint):
            best = population.argmax(axis=1)
            total += np.take_along_axis(proba, best[None, :, None], axis=0)[0].sum(axis=0)
        return total / len(joint)

    def predict_proba(self, X: Any) -> Array:
        """The share of each answer in the annotators of `fit`, each weighing its answers.

        Returns
        -------
        ndarray of shape (n_samples, n_classes), float64
            Rows sum to 1, columns follow `classes_`: the mean of what the net says of the share and
            of the mixture of `predict_annotator_proba`.
        """
        return self._population_share(self._predicted(X))

    def predict_annotator_proba(self, X: Any, annotators: Any = None) -> Array:
        """The probability of each answer of each annotator.

        Parameters
        ----------
        annotators : array-like of shape (n_asked,) or a name, default=None
            Names from `annotators_`; None is all of them. An annotator that is not among them
            answers as the population.

        Returns
        -------
        ndarray of shape (n_samples, n_asked, n_classes), float64
            The last axis sums to 1 and follows `classes_`. (n_samples, n_classes) of a name.
        """
        check_is_fitted(self)
        known = self.annotators_.tolist()
        names = np.asarray(known if annotators is None else annotators, dtype=object)
        if names.ndim > 1:
            raise ValueError(f"annotators must be a list of names; its shape is {names.shape}.")
        refuse_other_type(names.ravel().tolist(), known, "Names of annotators")
        place = {name: i for i, name in enumerate(known)}
        asked = np.array([place.get(name, -1) for name in names.ravel().tolist()], dtype=np.intp)
        joint = self._predicted(X)
        proba = self._of_annotators(self._shares(joint), asked)
        found = np.ascontiguousarray(np.moveaxis(proba, 0, 2))
        if (asked < 0).any():
            found[:, asked < 0] = self._population_share(joint)[:, None]
        return found if names.ndim else found[:, 0]

    def predict_annotator(self, X: Any, annotators: Any = None) -> Array:
        """The most probable answer of each annotator.

        Parameters
        ----------
        annotators : array-like of shape (n_asked,) or a name, default=None
            As for `predict_annotator_proba`.

        Returns
        -------
        ndarray of shape (n_samples, n_asked), or (n_samples,) of a name
        """
        best = self.predict_annotator_proba(X, annotators).argmax(axis=-1)
        return self.classes_[best]

    def score(self, X: Any, y: Any, sample_weight: Any = None) -> float:
        """Share of the answers that are the most probable ones of their annotators.

        Parameters
        ----------
        y : array-like of shape (n_samples, n_annotators) or (n_samples,)
            Answers; columns of a frame or of Annotations may be any annotators, those of an array
            must be those of `fit`. A 1-D y is compared with `predict`.

        Returns
        -------
        float
            In [0, 1].
        """
        check_is_fitted(self)
        refuse_other_rows(X, y)
        answers = read_annotations(y)
        if np.ndim(y) == 1:
            said = self.predict(X)[:, None]
        else:
            names = annotator_names(y)
            if names is None and len(answers.annotators) != len(self.annotators_):
                raise ValueError(
                    f"y must have a column for each of the {len(self.annotators_)} annotators of "
                    f"fit, or be a frame that names them; it has {len(answers.annotators)}."
                )
            said = self.predict_annotator(X, names)
        check_consistent_length(said, np.empty(len(answers)))
        right = are_same(answers.classes[answers.label], said[answers.item, answers.annotator])
        weight = weight_or_ones(sample_weight, (len(answers),), name="sample_weight")
        return float(np.average(right, weights=weight[answers.item]))

    def annotator_report(self) -> dict[str, Array]:
        """What there is to know of each annotator; ``pandas.DataFrame`` makes a table of it.

        Returns
        -------
        dict of str to ndarray of shape (n_annotators,)
            Under 'annotator' the name, 'answers' their number in `fit`, 'agreement', 'camp' and
            'scale' as in the attributes, 'favours' the class with the largest of `bias_` and 'bias'
            this, in nats above the mean. 'spammer' is 1 less the correlation of the answers with
            what they share with the others', in [0, 1]: near 1 is who answers at random, or always
            the same, near the mean of all who gave few, NaN who shares no item with another.
        """
        check_is_fitted(self)
        bias = self.bias_ - self.bias_.mean(axis=1, keepdims=True)
        return {
            "annotator": self.annotators_,
            "answers": self.n_answers_,
            "agreement": self.annotator_agreement_,
            "camp": self.camps_,
            "scale": self.scale_,
            "favours": self.classes_[bias.argmax(axis=1)],
            "bias": bias.max(axis=1),
            "spammer": 1 - self._explained,
        }


def _or_none(weight: Array) -> Array | None:
    """None where all weigh alike, which trains faster."""
    return None if (weight == 1).all() else weight
