"""Parameters can be set, searched over and shown, as can public names."""

import inspect
from importlib import import_module

import numpy as np
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_val_score
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import StandardScaler
from sklearn.utils import estimator_html_repr

import sklearn_softloss
from cases import (
    QUICK,
    THREE_FOLDS,
    X_HARD,
    X_SETS,
    X_SOFT,
    Y_HARD,
    Y_SETS,
    Y_SOFT,
    over_estimators,
)
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier
from sklearn_softloss.losses import (
    BinaryCrossEntropy,
    BinarySquaredError,
    CrossEntropy,
    SquaredError,
)

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")


# --- parameters ------------------------------------------------------------------------------


@over_estimators
def test_every_parameter_of_mlp_classifier_exists(Estimator):
    """With its default, except where another one is better on real data."""
    fitted = {"hidden_layer_sizes", "solver", "alpha", "learning_rate", "learning_rate_init"}
    fitted |= {"max_iter", "beta_2"}
    theirs = inspect.signature(MLPClassifier).parameters
    ours = inspect.signature(Estimator).parameters
    for name, parameter in theirs.items():
        assert (ours[name].default == parameter.default) == (name not in fitted), name
        assert ours[name].kind == parameter.kind, name
    assert list(ours)[:2] == list(theirs)[:2]
    Estimator(**MLPClassifier(alpha=0.5, activation="tanh").get_params())


MLP_GRID = {
    "hidden_layer_sizes": [(4,), (6, 3)],
    "activation": ["tanh", "relu"],
    "solver": ["sgd", "lbfgs"],
    "alpha": [1e-3],
    "batch_size": ["auto"],
    "learning_rate": ["adaptive"],
    "learning_rate_init": [0.01],
    "power_t": [0.5],
    "max_iter": [4],
    "shuffle": [True],
    "random_state": [0],
    "tol": [1e-4],
    "verbose": [False],
    "warm_start": [False],
    "momentum": [0.9],
    "nesterovs_momentum": [True],
    "early_stopping": [False, True],
    "validation_fraction": [0.2],
    "beta_1": [0.9],
    "beta_2": [0.999],
    "epsilon": [1e-8],
    "n_iter_no_change": [10],
    "max_fun": [15000],
}


@over_estimators
def test_a_grid_written_for_mlp_classifier_runs_unchanged(Estimator):
    assert set(MLP_GRID) == set(MLPClassifier().get_params())
    search = GridSearchCV(Estimator(), MLP_GRID, cv=2, error_score="raise")
    search.fit(X_HARD, Y_HARD)
    assert len(search.cv_results_["params"]) == 16
    assert np.isfinite(search.cv_results_["mean_test_score"]).all()
    assert search.best_estimator_.n_iter_ <= 4
    reference = clone(search).set_params(estimator=MLPClassifier()).fit(X_HARD, Y_HARD)
    assert search.cv_results_["params"] == reference.cv_results_["params"]


def test_losses_can_be_searched_over():
    net = SoftTargetMLPClassifier(**QUICK)
    losses = [CrossEntropy(), SquaredError(), BinaryCrossEntropy(), BinarySquaredError()]
    search = GridSearchCV(net, {"loss": losses}, cv=THREE_FOLDS).fit(X_SOFT, Y_SOFT)
    assert search.best_params_["loss"] in losses
    for j, loss in enumerate(losses):
        by_hand = [
            SoftTargetMLPClassifier(**QUICK, loss=loss)
            .fit(X_SOFT[train], Y_SOFT[train])
            .score(X_SOFT[test], Y_SOFT[test])
            for train, test in THREE_FOLDS.split(X_SOFT)
        ]
        assert_allclose(search.cv_results_["mean_test_score"][j], np.mean(by_hand))
    assert len(set(search.cv_results_["mean_test_score"])) == 4


def test_loss_names_can_be_searched_over():
    names = ["binary_cross_entropy", "squared_error"]
    net = MultiLabelSigmoidClassifier(**QUICK)
    search = GridSearchCV(net, {"loss": names}, cv=THREE_FOLDS).fit(X_SETS, Y_SETS)
    objects = clone(search).set_params(
        param_grid={"loss": [BinaryCrossEntropy(), BinarySquaredError()]}
    )
    objects.fit(X_SETS, Y_SETS)
    assert_allclose(search.cv_results_["mean_test_score"], objects.cv_results_["mean_test_score"])


@pytest.mark.parametrize("in_pipeline", [False, True])
def test_parameters_of_a_loss_can_be_searched_over(in_pipeline):
    net = MultiLabelSigmoidClassifier(**QUICK, loss=BinaryCrossEntropy())
    model, name = net, "loss__pos_weight"
    if in_pipeline:
        model, name = Pipeline([("mlp", net)]), "mlp__loss__pos_weight"
    weights = [None, 4.0]
    search = GridSearchCV(model, {name: weights}, cv=THREE_FOLDS).fit(X_SETS, Y_SETS)
    assert search.best_params_[name] in weights
    by_hand = [
        np.mean(
            cross_val_score(
                MultiLabelSigmoidClassifier(**QUICK, loss=BinaryCrossEntropy(pos_weight=weight)),
                X_SETS,
                Y_SETS,
                cv=THREE_FOLDS,
            )
        )
        for weight in weights
    ]
    assert_allclose(search.cv_results_["mean_test_score"], by_hand)
    assert by_hand[0] != by_hand[1]
    assert net.loss.pos_weight is None


def test_parameters_of_the_loss_are_parameters_of_the_estimator():
    net = MultiLabelSigmoidClassifier(loss=BinaryCrossEntropy(pos_weight=2.0))
    assert net.get_params()["loss__pos_weight"] == 2.0
    assert "loss__pos_weight" not in net.get_params(deep=False)
    with pytest.raises(ValueError, match="pos_wait"):
        net.set_params(loss__pos_wait=2.0)


# --- what is shown ---------------------------------------------------------------------------


@over_estimators
def test_html_repr(Estimator):
    net = Estimator(alpha=0.625, loss=BinaryCrossEntropy(pos_weight=3.5))
    html = net._repr_html_()
    assert Estimator.__name__ in html
    assert "0.625" in html
    assert "pos_weight" in html
    pipeline = make_pipeline(StandardScaler(), net)
    unfitted = estimator_html_repr(pipeline)
    assert Estimator.__name__ in unfitted
    assert "StandardScaler" in unfitted
    pipeline.set_params(**{f"{Estimator.__name__.lower()}__max_iter": 2})
    fitted = estimator_html_repr(pipeline.fit(X_HARD, Y_HARD))
    assert Estimator.__name__ in fitted
    assert fitted != unfitted


@over_estimators
def test_repr_shows_what_differs_from_the_defaults(Estimator):
    assert repr(Estimator()) == f"{Estimator.__name__}()"
    assert repr(Estimator(alpha=0.5)) == f"{Estimator.__name__}(alpha=0.5)"
    shown = repr(Estimator(loss=BinaryCrossEntropy(pos_weight=2.0)))
    assert shown == f"{Estimator.__name__}(loss=BinaryCrossEntropy(pos_weight=2.0))"


@over_estimators
def test_feature_names(Estimator):
    pd = pytest.importorskip("pandas")
    names = ["a", "b", "c", "d"]
    frame = pd.DataFrame(X_HARD, columns=names)
    net = Estimator(**QUICK).fit(frame, Y_HARD)
    assert_array_equal(net.feature_names_in_, names)
    assert net.n_features_in_ == 4
    assert_allclose(
        net.predict_proba(frame),
        Estimator(**QUICK).fit(X_HARD, Y_HARD).predict_proba(X_HARD),
        rtol=1e-12,
    )
    with pytest.raises(ValueError, match="feature names should match"):
        net.predict(frame[names[::-1]])
    with pytest.warns(UserWarning, match="does not have valid feature names"):
        net.predict(X_HARD)
    assert not hasattr(net.fit(X_HARD, Y_HARD), "feature_names_in_")


def test_the_package_lists_public_names_and_all_of_them_resolve():
    names = dir(sklearn_softloss)
    assert {"SoftTargetMLPClassifier", "MultiLabelSigmoidClassifier", "__version__"} <= set(names)
    assert [name for name in names if name.startswith("_") and name != "__version__"] == []
    assert sorted(names) == sorted(sklearn_softloss.__all__)
    for name in names:
        assert getattr(sklearn_softloss, name) is not None
    with pytest.raises(AttributeError, match="no_such_name"):
        _ = sklearn_softloss.no_such_name


@pytest.mark.parametrize(
    "name", [name for name in dir(sklearn_softloss) if name.islower() and name[0] != "_"]
)
def test_public_modules_import_by_name(name):
    assert import_module(f"sklearn_softloss.{name}") is getattr(sklearn_softloss, name)
