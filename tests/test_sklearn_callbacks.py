"""scikit-learn's own callbacks are told of each epoch (from scikit-learn 1.9 on)."""

import numpy as np
import pytest
from sklearn.model_selection import GridSearchCV

from cases import SMALL, make_clean, over_estimators, targets_for
from sklearn_softloss import SoftTargetMLPClassifier

callback = pytest.importorskip("sklearn.callback")

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


class Follower:
    """Keeps what it is told, and the fitted estimator of each epoch; may stop the training."""

    def __init__(self, stop_after=np.inf):
        self.stop_after = stop_after
        self.begun, self.ended, self.fitted = [], [], []
        self.set_up = 0

    def setup(self, estimator, context):
        self.set_up += 1

    def teardown(self, estimator, context):
        self.set_up -= 1

    def on_fit_task_begin(self, estimator, context):
        self.begun.append(context.task_name)

    def on_fit_task_end(self, estimator, context, *, X=None, y=None, fitted_estimator=None):
        self.ended.append(context.task_name)
        if context.task_name == "epoch":
            self.fitted.append(fitted_estimator)
            return len(self.fitted) >= self.stop_after


@over_estimators
@pytest.mark.parametrize("solver", ["adam", "lbfgs"])
def test_every_epoch_is_told_with_the_net_as_it_was(Estimator, solver):
    X, Y = targets_for(Estimator)
    follower = Follower()
    clf = Estimator(**{**SMALL, "max_iter": 4, "solver": solver}).set_callbacks(follower)
    clf.fit(X, Y)
    assert follower.begun == ["fit"] + ["epoch"] * 4
    assert follower.ended == ["epoch"] * 4 + ["fit"]
    assert follower.set_up == 0
    proba = [fitted.predict_proba(X) for fitted in follower.fitted]
    np.testing.assert_allclose(proba[-1], clf.predict_proba(X), rtol=1e-12)
    by_hand = Estimator(**{**SMALL, "max_iter": 2, "solver": solver}).fit(X, Y)
    np.testing.assert_allclose(proba[1], by_hand.predict_proba(X), rtol=1e-9)


def test_as_many_epochs_are_told_as_a_choice_asks_for():
    follower = Follower()
    clf = SoftTargetMLPClassifier(random_state=0).set_callbacks(follower).fit(*make_clean(300))
    assert follower.begun.count("epoch") == clf.n_iter_ > 32


@over_estimators
def test_a_callback_may_stop_the_training(Estimator):
    X, Y = targets_for(Estimator)
    clf = Estimator(**SMALL).set_callbacks(Follower(stop_after=3)).fit(X, Y)
    assert clf.n_iter_ == 3


@over_estimators
def test_a_refused_fit_is_torn_down(Estimator):
    X, Y = targets_for(Estimator)
    follower = Follower()
    clf = Estimator(**SMALL).set_callbacks(follower)
    with pytest.raises(ValueError, match="infinity"):
        clf.fit(np.where(X > 1, np.inf, X), Y)
    assert follower.set_up == 0
    assert not [name for name in vars(clf) if "callback_fit" in name]


@over_estimators
def test_scoring_monitor(Estimator):
    X, Y = targets_for(Estimator)
    monitor = callback.ScoringMonitor(scoring={"score": Estimator.score})
    clf = Estimator(**SMALL).set_callbacks(monitor).fit(X, Y)
    rows = [row for row in monitor.get_logs().data if row["task_name"] == "epoch"]
    assert len(rows) == clf.n_iter_
    assert rows[-1]["score"] == clf.score(X, Y)


def test_progress_bar_alone_and_through_a_search(capsys):
    pytest.importorskip("rich")
    X, Y = targets_for(SoftTargetMLPClassifier)
    clf = SoftTargetMLPClassifier(**SMALL)
    clf.set_callbacks(callback.ProgressBar()).fit(X, Y)
    assert "SoftTargetMLPClassifier - fit" in capsys.readouterr().out
    search = GridSearchCV(SoftTargetMLPClassifier(**SMALL), {"alpha": [0.1, 1.0]}, cv=2)
    search.set_callbacks(callback.ProgressBar(max_propagation_depth=None)).fit(X, Y)
    assert "SoftTargetMLPClassifier" in capsys.readouterr().out
