"""What users write; test_typing.py runs `mypy --strict` on it, and then the file."""

import numpy as np
from numpy.typing import NDArray
from sklearn.model_selection import GridSearchCV
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler
from torch import Tensor

import sklearn_softloss
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV, TemperatureScaling
from sklearn_softloss.decision import (
    CostMatrix,
    Thresholds,
    TopK,
    TunedDecisionClassifierCV,
    optimal_thresholds,
)
from sklearn_softloss.display import LossShapeDisplay, ReliabilityDisplay
from sklearn_softloss.losses import (
    BinaryFocal,
    IndependentLoss,
    Loss,
    get_loss,
    loss_names,
    register_loss,
    sum_entries,
)
from sklearn_softloss.metrics import multilabel_log_loss, multilabel_report, soft_log_loss
from sklearn_softloss.metrics.scorers import Scorer, make_scorer, neg_soft_log_loss
from sklearn_softloss.model_selection import (
    MultiLabelStratifiedKFold,
    SoftStratifiedKFold,
    as_proba_matrix,
    cross_val_predict_proba,
)
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier
from sklearn_softloss.targets import vote_shares

Floats = NDArray[np.float64]


@register_loss
class Cubic(IndependentLoss):
    """A loss of one's own."""

    name = "cubic_of_typical_use"
    properness = "neither"
    scale: float = 1.0

    def per_sample(self, logits: Tensor, target: Tensor, entry_weight: Tensor | None) -> Tensor:
        return sum_entries((logits.sigmoid() - target).abs() ** 3 * self.scale, entry_weight)


def soft_targets(X: Floats, votes: NDArray[np.int64]) -> float:
    Y, _ = vote_shares(votes)
    net = SoftTargetMLPClassifier((16,), max_iter=3, label_smoothing=0.1, random_state=0)
    proba: Floats = net.fit(X, Y, sample_weight=np.ones(len(X))).predict_proba(X)
    net.partial_fit(X, Y)
    losses: list[float] = [net.score(X, Y), soft_log_loss(Y, proba), *net.loss_curve_]
    search = GridSearchCV(
        make_pipeline(StandardScaler(), net),
        {"softtargetmlpclassifier__alpha": [0.1, 1.0]},
        cv=SoftStratifiedKFold(2),
        scoring=neg_soft_log_loss,
    )
    losses.append(search.fit(X, Y).best_score_)
    calibrated = SoftCalibratedClassifierCV(net, method=TemperatureScaling(), cv=2).fit(X, Y)
    out_of_fold = cross_val_predict_proba(net, X, Y, cv=2)
    scorer: Scorer = make_scorer(soft_log_loss, greater_is_better=False)
    losses += [scorer(calibrated, X, Y), soft_log_loss(Y, out_of_fold)]
    CostMatrix([[0, 1], [5, 0]]).fit(Y, proba).decide(proba)
    return min(losses)


def label_sets(X: Floats, Y: Floats) -> NDArray[np.int64]:
    net = MultiLabelSigmoidClassifier(
        loss=BinaryFocal(gamma=1.0), max_iter=3, threshold=0.4, random_state=0
    )
    net.fit(X, Y, label_weight=np.ones(Y.shape)).partial_fit(X, Y)
    own = MultiLabelSigmoidClassifier(loss=Cubic(scale=2.0), max_iter=3, random_state=0).fit(X, Y)
    proba: Floats = as_proba_matrix(own.predict_proba(X))
    thresholds, best = optimal_thresholds(Y, proba, objective="f1")
    rule = Thresholds(shrinkage=5.0).fit(Y, proba)
    taken = rule.decide(proba) + TopK(1).fit(Y, proba).decide(proba)
    tuned = TunedDecisionClassifierCV(net, cv=MultiLabelStratifiedKFold(2)).fit(X, Y)
    print(tuned.decision_report(), multilabel_report(Y, proba, threshold=thresholds))
    print(float(best), multilabel_log_loss(Y, proba), taken.sum())
    ReliabilityDisplay.from_estimator(net, X, Y).plot()
    LossShapeDisplay.from_losses("binary_cross_entropy", Cubic(), target=0.9).plot()
    return np.asarray(own.set_params(threshold=thresholds).predict(X), dtype=np.int64)


def few_labels(X: Floats, y: NDArray[np.int64]) -> Floats:
    labeler = GraphLabelSpreading(n_neighbors=3).fit(X, y)
    student = SoftPseudoLabelClassifier(SoftTargetMLPClassifier(max_iter=3, random_state=0))
    return np.maximum(labeler.predict_proba(X), student.fit(X, y).predict_proba(X))


if __name__ == "__main__":
    rng = np.random.default_rng(0)
    X = rng.normal(size=(60, 3))
    votes = (X[:, :1] + rng.normal(size=(60, 5)) > 0).astype(np.int64)
    print(soft_targets(X, votes))
    print(label_sets(X, (X > 0).astype(np.float64)))
    print(few_labels(X, np.where(np.arange(60) < 20, votes[:, 0], -1)))
    loss: Loss = get_loss(loss_names()[0])
    print(loss, sklearn_softloss.losses.ZLPR().domain, sklearn_softloss.__version__)
