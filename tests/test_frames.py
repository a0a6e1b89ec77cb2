"""Frames of texts, categories and gaps in all that holds or surrounds our estimators."""

import pickle

import numpy as np
import pandas as pd
import pytest
from numpy.testing import assert_allclose, assert_array_equal
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import BaggingClassifier, StackingClassifier, VotingClassifier
from sklearn.feature_selection import RFE, SelectFromModel, SequentialFeatureSelector
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.inspection import PartialDependenceDisplay, partial_dependence, permutation_importance
from sklearn.model_selection import (
    GridSearchCV,
    GroupKFold,
    KFold,
    TunedThresholdClassifierCV,
    cross_validate,
    learning_curve,
)
from sklearn.multiclass import OneVsOneClassifier, OneVsRestClassifier
from sklearn.multioutput import ClassifierChain, MultiOutputClassifier
from sklearn.pipeline import Pipeline, make_pipeline
from sklearn.preprocessing import OneHotEncoder, StandardScaler
from sklearn.semi_supervised import SelfTrainingClassifier
from sklearn.utils import get_tags

from frames import (
    CASES,
    COMPLETE,
    ENTRIES,
    EVEN,
    FEW,
    FRAME,
    FRAMES,
    LABELS,
    PARTLY,
    SETS,
    SOFT,
    N,
    fitted,
    over_cases,
    over_libraries,
    pandas_frame,
    polars_frame,
    said,
    sets,
    soft,
)
from sklearn_softloss import (
    SoftRowsClassifier,
    SoftTargetMLPClassifier,
    persistence,
)
from sklearn_softloss.annotators import AnnotatorMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV, VoteConformal
from sklearn_softloss.export import for_prediction
from sklearn_softloss.model_selection import cross_val_predict_proba
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

# --- in pipelines, searches and folds -------------------------------------------------------------


@over_cases
@pytest.mark.parametrize("library", FRAMES)
def test_frames_of_all_libraries_are_read_alike(kind, library):
    clf, frame = fitted(kind), FRAMES[library]()
    assert clf.encoded_names_.tolist() == ENTRIES
    assert_array_equal(said(clf, frame), said(clf, FRAME))
    assert_array_equal(said(fitted(kind, frame), FRAME), said(clf, FRAME))


@over_cases
@over_libraries
def test_steps_before_hand_frames_on(kind, make):
    frame, (estimator, y) = make(), CASES[kind]
    alone = clone(estimator).fit(frame, y)
    through = Pipeline([("nothing", "passthrough"), ("net", clone(estimator))]).fit(frame, y)
    assert_array_equal(said(through, frame), said(alone, frame))
    names = ["city", "grade", "gap"]
    steps = make_column_transformer(
        (StandardScaler(), ["size"]), ("passthrough", names), verbose_feature_names_out=False
    )
    library = "pandas" if make is pandas_frame else "polars"
    steps.set_output(transform=library)
    net = make_pipeline(steps, clone(estimator)).fit(frame, y)[-1]
    assert net.feature_names_in_.tolist() == ["size", *names]
    assert net.encoded_names_.tolist()[-5:] == ENTRIES[-5:]
    steps.set_output(transform="default")
    with pytest.raises(ValueError, match=r"Column 1 of X must hold numbers; row 0 is .*DataFrame"):
        make_pipeline(steps, clone(estimator)).fit(frame, y)


@over_cases
@pytest.mark.filterwarnings("ignore:Label:UserWarning")  # of four rows
def test_searches_and_folds(kind):
    estimator, y = CASES[kind]
    grid = {"encoding": ["standard", "piecewise", None]}
    search = GridSearchCV(estimator, grid, cv=KFold(3), error_score="raise").fit(FRAME, y)
    assert search.best_estimator_.encoding_ == search.best_params_["encoding"]
    folds = cross_validate(estimator, FRAME, y, cv=KFold(3), error_score="raise")
    assert np.isfinite(folds["test_score"]).all()
    sizes = [4, 30]  # 4 rows lack levels, classes, and what fills a bin
    _, scores, _ = learning_curve(
        estimator, FRAME, y, cv=KFold(3), train_sizes=sizes, error_score="raise"
    )
    assert np.isfinite(scores).all()


@over_libraries
@pytest.mark.parametrize(("estimator", "y"), [(soft, SOFT), (sets, SETS)])
def test_out_of_fold_probabilities(estimator, y, make):
    found = cross_val_predict_proba(estimator, make(), y, cv=3)
    assert_array_equal(found, cross_val_predict_proba(estimator, FRAME, y, cv=3))


# --- around another estimator ---------------------------------------------------------------------

AROUND = {
    "tuned": (TunedDecisionClassifierCV(soft, cv=3, random_state=0), LABELS),
    "tuned on sets": (TunedDecisionClassifierCV(sets, cv=3, random_state=0), SETS),
    "calibrated": (SoftCalibratedClassifierCV(soft, cv=3), SOFT),
    "calibrated on sets": (SoftCalibratedClassifierCV(sets, cv=3), SETS),
    "calibrated by sklearn": (CalibratedClassifierCV(soft, cv=3), LABELS),
    "threshold by sklearn": (TunedThresholdClassifierCV(soft, cv=3, scoring="f1"), LABELS == "yes"),
    "frozen": (CalibratedClassifierCV(FrozenEstimator(fitted("soft")), cv=3), LABELS),
    "stacked": (StackingClassifier([("a", soft), ("b", soft)], cv=3), LABELS),
    "voting": (VotingClassifier([("a", soft), ("b", soft)], voting="soft"), LABELS),
    "one against the rest": (OneVsRestClassifier(soft), LABELS),
    "one for each label": (MultiOutputClassifier(soft), SETS),
    "soft rows": (SoftRowsClassifier(soft), SOFT),
    "self-training": (SoftPseudoLabelClassifier(soft, "estimator", n_rounds=2), PARTLY),
}


@pytest.mark.parametrize("name", AROUND)
def test_what_is_around_hands_frames_on(name):
    estimator, y = AROUND[name]
    found = clone(estimator).fit(FRAME, y)
    other = polars_frame()
    assert_array_equal(said(found, other), said(found, FRAME))
    if name != "frozen":  # which was fitted to pandas
        assert_array_equal(said(clone(estimator).fit(other, y), other), said(found, FRAME))
    moved = FRAME.assign(city=FRAME["city"].map({"lima": "oslo", "oslo": "rome", "rome": "lima"}))
    assert (said(found, moved) != said(found, FRAME)).any()
    with pytest.raises(ValueError, match="feature names should match"):
        found.predict(FRAME[FRAME.columns[::-1]])


INTO_ARRAYS = {
    "bagging": BaggingClassifier(soft, 2),
    "pairs": OneVsOneClassifier(soft),
    "chain": ClassifierChain(soft),
    "self-training": SelfTrainingClassifier(soft),
    "recursive": RFE(soft, importance_getter=lambda net: np.abs(net.coefs_[0]).sum(axis=1)),
    "selection": SequentialFeatureSelector(soft, n_features_to_select=1, cv=KFold(2)),
}


@over_libraries
@pytest.mark.parametrize("name", INTO_ARRAYS)
def test_what_turns_frames_into_arrays_refuses_texts(name, make):
    y = {"chain": SETS, "self-training": np.where(EVEN, LABELS == "yes", -1)}.get(name, LABELS)
    refusal = "Column [01] of X must hold numbers; row . is|could not convert string to float"
    with pytest.raises(ValueError, match=refusal):
        INTO_ARRAYS[name].fit(make()[["size", "grade"]], y)


@over_libraries
def test_bagging_reads_texts_whose_places_are_listed(make):
    frame = make()
    bag = BaggingClassifier(clone(soft).set_params(categorical_features=[6, 7]), 2, random_state=0)
    member = bag.fit(frame, LABELS).estimators_[0]
    assert member.encoded_names_.tolist()[-2:] == ["x7=high", "x7=low"]
    assert np.isfinite(bag.predict_proba(frame)).all()


def test_conformal_sets_hold_votes():
    proba = cross_val_predict_proba(soft, FRAME, SOFT, cv=3)
    rule = VoteConformal(0.8).fit(SOFT, proba)
    held = rule.predict_sets(clone(soft).fit(FRAME, SOFT).predict_proba(polars_frame()))
    assert 0.5 < (SOFT * held).sum(axis=1).mean() <= 1


# --- rows without a label, and annotators ---------------------------------------------------------


def test_a_graph_needs_numbers_and_says_what_does_not():
    message = "'city' of X must hold numbers; row 0 is .* OneHotEncoder .*labeler='estimator'"
    for clf in (GraphLabelSpreading(), SoftPseudoLabelClassifier(soft)):
        with pytest.raises(ValueError, match=message):
            clf.fit(FRAME, PARTLY)
    with pytest.raises(ValueError, match="NaN"):
        GraphLabelSpreading().fit(FRAME[["size", "gap"]], PARTLY)
    clf = SoftPseudoLabelClassifier(soft, "estimator")
    with pytest.raises(ValueError, match=r"Column 6 of X must hold .*Pass a DataFrame"):
        clf.fit(FRAME.to_numpy(dtype=object), PARTLY)


@over_libraries
def test_a_pipeline_encodes_for_the_graph_alone(make):
    frame = make()
    steps = make_column_transformer(
        (OneHotEncoder(), ["city", "grade"]), (SimpleImputer(), ["size", "gap"])
    )
    clf = SoftPseudoLabelClassifier(soft, make_pipeline(steps, GraphLabelSpreading(5)))
    clf.fit(frame, PARTLY)
    assert clf.estimator_.encoded_names_.tolist() == ENTRIES
    graph = GraphLabelSpreading(5).fit(steps.fit_transform(frame), PARTLY)
    assert_allclose(clf.labeler_[-1].label_distributions_, graph.label_distributions_)


def test_gaps_of_arrays_reach_an_estimator_and_a_labeler_that_read_them():
    X = FRAME[["size", "gap"]].to_numpy()
    imputed = make_pipeline(SimpleImputer(), GraphLabelSpreading(5))
    for labeler, allows in ((None, False), ("estimator", True), (imputed, True)):
        clf = SoftPseudoLabelClassifier(soft, labeler)
        assert get_tags(clf).input_tags.allow_nan == allows
        if allows:
            assert "x1 missing" in clf.fit(X, PARTLY).estimator_.encoded_names_
        else:
            with pytest.raises(ValueError, match="NaN"):
                clf.fit(X, PARTLY)


@pytest.mark.parametrize("listed", ["from_dtype", ["city", "grade"], [6, 7]], ids=str)
def test_annotators_of_frames(listed):
    answers = pd.DataFrame(CASES["annotators"][1], columns=list("abc"))
    clf = AnnotatorMLPClassifier(**{**FEW, "categorical_features": listed})
    clf.fit(FRAME, answers)
    found = clf.predict_annotator_proba(polars_frame(), ["a", "c"])
    assert_allclose(found.sum(axis=2), 1)
    city, grade = (pd.Categorical(FRAME[name].astype("str")) for name in ("city", "grade"))
    codes = FRAME.assign(city=pd.Series(city.codes).where(FRAME["city"].notna()), grade=grade.codes)
    by_code = AnnotatorMLPClassifier(**FEW, categorical_features=[6, 7]).fit(codes, answers)
    assert_allclose(by_code.scale_, clf.scale_)
    named = FRAME.set_axis([f"item {row}" for row in range(N)])
    with pytest.raises(ValueError, match="in another order"):
        clf.fit(named, answers.set_axis(named.index[::-1]))


@pytest.mark.parametrize("y", [LABELS, np.full((N, 2), "same")], ids=["one annotator", "one class"])
def test_annotators_that_cannot_differ(y):
    clf = AnnotatorMLPClassifier(**FEW).fit(FRAME, y)
    assert np.isfinite(clf.annotator_agreement_).all()


# --- inspection and selection ---------------------------------------------------------------------


def test_importance_by_permutation():
    clf = fitted("soft", max_iter=100)
    found = permutation_importance(clf, FRAME, LABELS, n_repeats=3, random_state=0)
    importance = dict(zip(FRAME.columns, found.importances_mean, strict=True))
    assert importance["city"] > importance["empty"] == 0


def test_partial_dependence_of_categories():
    clf = SoftTargetMLPClassifier(**FEW).fit(COMPLETE, LABELS)
    for name, n_levels in (("city", 4), ("grade", 2)):
        found = partial_dependence(clf, COMPLETE, [name], categorical_features=[name])
        assert found["average"].shape == (1, n_levels)
        rows = COMPLETE.assign(**{name: found["grid_values"][0][0]})
        assert_allclose(found["average"][0, 0], clf.predict_proba(rows)[:, 1].mean())
    pytest.importorskip("matplotlib").use("Agg")
    shown = [("city", "grade"), "size"]
    PartialDependenceDisplay.from_estimator(
        clf, COMPLETE, shown, categorical_features=["city", "grade"], grid_resolution=3
    ).figure_.clear()


def importance_of_columns(net):
    """Of each column, over what it becomes in the net."""
    weight = np.abs(net.coefs_[0]).sum(axis=1)
    names = net.encoded_names_
    return np.array([weight[[n.startswith(c) for n in names]].sum() for c in net.feature_names_in_])


@over_libraries
def test_selection_by_what_columns_become(make):
    select = SelectFromModel(soft, importance_getter=importance_of_columns, max_features=3)
    kept = select.fit(make(), LABELS).get_feature_names_out()
    assert len(kept) <= 3
    assert set(kept) < set(FRAME.columns)


# --- parameters of our own, and trainings that go on ----------------------------------------------


@over_cases
def test_a_choice_by_score_and_groups(kind):
    estimator, y = CASES[kind]
    scoring = {"soft": "accuracy", "numbers": "r2"}.get(kind)
    groups = list(GroupKFold(2).split(FRAME, groups=np.arange(N) // 5))
    clf = clone(estimator).set_params(alpha="auto", max_iter=1, cv=groups, scoring=scoring)
    clf.fit(FRAME, y)
    assert clf.encoding_ in ("standard", "piecewise")
    assert np.isfinite(clf.selection_results_["mean_test_score"]).all()
    assert np.isfinite(said(clf, polars_frame())).all()


@pytest.mark.parametrize("kind", ["soft", "sets", "numbers"])
def test_rows_to_validate_on(kind):
    estimator, y = CASES[kind]
    clf = clone(estimator).set_params(early_stopping=True)
    assert np.isfinite(clf.fit(FRAME, y).validation_loss_curve_).all()
    X_val, y_val = FRAME[:20].copy(), y[:20]
    X_val.loc[0, "city"], X_val.loc[1, "size"] = "tokyo", np.nan
    assert np.isfinite(clf.fit(FRAME, y, X_val=X_val, y_val=y_val).validation_loss_curve_).all()
    for bad, message in (
        (X_val[X_val.columns[::-1]], "X_val is refused: The feature names should match.*\n.*order"),
        (X_val.drop(columns="city"), r"X_val is refused: .*names(.*\n)*- city"),
        (X_val.assign(gap=np.inf), "X_val is refused: X must not hold infinity; row 0, column 5"),
        (X_val.assign(city=1.0), "X_val is refused: Column 'city' of X must hold texts"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.fit(FRAME, y, X_val=bad, y_val=y_val)


def test_a_warm_start_keeps_its_levels():
    clf = fitted("soft", warm_start=True)
    before = said(clf, FRAME.assign(city="plum"))
    clf.set_params(max_iter=1).fit(FRAME.assign(city="tokyo"), LABELS)
    assert clf.encoded_names_.tolist() == ENTRIES
    assert_array_equal(said(clf, FRAME.assign(city="tokyo")), said(clf, FRAME.assign(city="plum")))
    assert (said(clf, FRAME.assign(city="plum")) != before).any()
    with pytest.raises(ValueError, match="feature names should match"):
        clf.fit(FRAME[FRAME.columns[::-1]], LABELS)
    with pytest.raises(ValueError, match="'city' of X must hold texts, as in the first fit"):
        clf.fit(FRAME.assign(city=1), LABELS)


@pytest.mark.parametrize(
    ("given", "changed"),
    [("from_dtype", None), ("from_dtype", ["city"]), (["city", "whole", "grade"], [6, 7])],
    ids=str,
)
def test_another_choice_of_categories_is_no_warm_start(given, changed):
    clf = fitted("soft", warm_start=True, categorical_features=given)
    alike = ["city", "grade"] if given == "from_dtype" else [6, 2, 7]
    clf.set_params(categorical_features=alike).fit(FRAME, LABELS)
    before = said(clf, FRAME)
    clf.set_params(categorical_features=changed)
    for call in (clf.fit, clf.partial_fit):
        with pytest.raises(
            ValueError, match=r"categorical_features=.*has the categories .*fit anew"
        ):
            call(FRAME, LABELS)
    assert_array_equal(said(clf, FRAME), before)


@pytest.mark.parametrize("encoding", ["standard", "piecewise"])
def test_the_first_part_says_what_columns_are(encoding):
    clf = SoftTargetMLPClassifier(**{**FEW, "encoding": encoding})
    first = FRAME[:20].assign(whole=np.arange(20.0))
    clf.partial_fit(first, LABELS[:20], classes=["no", "yes"])
    names = clf.encoded_names_.tolist()
    assert "whole missing" not in names
    later = FRAME.assign(city="tokyo", whole=np.nan)
    clf.partial_fit(later, LABELS)
    assert clf.encoded_names_.tolist() == names
    rows = first[:2].assign(whole=first["whole"].mean())
    proba = clf.predict_proba(first[:2].assign(whole=np.nan))
    if encoding == "standard":
        assert_allclose(proba, clf.predict_proba(rows), atol=1e-12)
    assert_array_equal(
        clf.predict_proba(later), clf.predict_proba(FRAME.assign(city="new", whole=np.nan))
    )


def test_texts_after_a_first_part_without_any():
    clf = SoftTargetMLPClassifier(**FEW)
    clf.partial_fit(FRAME[:20].assign(city=None), LABELS[:20], classes=["no", "yes"])
    with pytest.raises(ValueError, match=r"'city' of X must hold numbers.*missing then"):
        clf.partial_fit(FRAME, LABELS)


# --- files ----------------------------------------------------------------------------------------


@over_cases
@pytest.mark.parametrize("way", ["pickle", "joblib", "skops", "for prediction"])
def test_what_is_read_back_predicts_the_same(kind, way, tmp_path):
    clf = fitted(kind, encoding="piecewise")
    if way == "pickle":
        again = pickle.loads(pickle.dumps(clf))
    elif way == "joblib":
        persistence.dump(clf, tmp_path / "clf")
        again = persistence.load(tmp_path / "clf")
    elif way == "skops":
        skops = pytest.importorskip("skops.io")
        written = skops.dumps(clf)
        types = skops.get_untrusted_types(data=written)
        assert all(name.startswith("sklearn_softloss.") for name in types)
        again = skops.loads(written, trusted=types)
    else:
        again = for_prediction(clf)
    assert_array_equal(said(again, polars_frame()), said(clf, FRAME))
    assert again.encoded_names_.tolist() == clf.encoded_names_.tolist()


@over_cases
def test_estimators_of_before_predict(kind):
    X = FRAME[["size", "short"]].to_numpy()
    clf = fitted(kind, X)
    before = said(clf, X)
    for name in ("encoding", "categorical_features", "_columns", "encoding_"):
        vars(clf).pop(name, None)
    assert_array_equal(said(clf, X), before)
    with pytest.raises(ValueError, match="Column 1 of X must hold numbers"):
        clf.predict(np.array([[1.0, "oslo"]], dtype=object))
