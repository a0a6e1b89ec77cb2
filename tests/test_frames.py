"""Frames of texts, categories and gaps in all that holds or surrounds our estimators."""

import pickle

import numpy as np
import pandas as pd
import pytest
import scipy.sparse as sp
import sklearn
import torch
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
from sklearn.utils.fixes import parse_version

from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
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

N = 60
DRAW = np.random.default_rng(0)
NUMBERS = DRAW.normal(size=(4, N))
CITY = DRAW.choice(["lima", "oslo", "rome"], N).tolist()
CITY[5] = CITY[17] = None
COUNT = [None if row % 7 == 3 else row % 9 for row in range(N)]
GAP = np.where(DRAW.random(N) < 0.2, np.nan, 5 * NUMBERS[2] + 3)
GRADE, GRADES = DRAW.choice(["low", "high"], N).tolist(), ["low", "mid", "high"]
ENTRIES = ["size", "short", "whole", "flag", "count", "gap", "empty"]
ENTRIES += [f"{name} missing" for name in ("count", "gap", "city", "empty")]
ENTRIES += ["city=lima", "city=oslo", "city=rome", "grade=high", "grade=low"]


def pandas_frame():
    return pd.DataFrame(
        {
            "size": NUMBERS[0],
            "short": NUMBERS[1].astype("float32"),
            "whole": np.arange(N) * 7 % 50,
            "flag": NUMBERS[3] > 0,
            "count": pd.array(COUNT, dtype="Int64"),
            "gap": GAP,
            "city": CITY,
            "grade": pd.Categorical(GRADE, GRADES, ordered=True),
            "empty": pd.Series([None] * N, dtype=object),
        }
    )


def polars_frame():
    pl = pytest.importorskip("polars")
    if parse_version(sklearn.__version__) < parse_version("1.9"):
        pytest.skip("scikit-learn 1.8 does not see the names of columns of this polars")
    frame = pandas_frame()
    return pl.DataFrame(
        {
            **{name: frame[name].to_numpy() for name in ("size", "short", "whole", "flag")},
            "count": COUNT,
            "gap": pl.Series(GAP, nan_to_null=True),
            "city": CITY,
            "grade": pl.Series(GRADE, dtype=pl.Enum(GRADES)),
            "empty": pl.Series([None] * N, dtype=pl.String),
        }
    )


def arrow_frame():
    pytest.importorskip("pyarrow")
    return pandas_frame().convert_dtypes(dtype_backend="pyarrow")


FRAMES = {
    "pandas": pandas_frame,
    "objects": lambda: pandas_frame().astype({"city": object, "grade": object, "count": object}),
    "nullable": lambda: pandas_frame().convert_dtypes(),
    "arrow": arrow_frame,
    "polars": polars_frame,
}
FRAME = pandas_frame()
COMPLETE = FRAME[["size", "gap", "grade"]].assign(gap=NUMBERS[2], city=FRAME["city"].fillna("x"))
over_libraries = pytest.mark.parametrize("make", [pandas_frame, polars_frame])

SCORE = np.nan_to_num(GAP) / 5 + 2 * (np.array(CITY) == "oslo") + NUMBERS[0]
LABELS = np.where(SCORE > 0.7, "yes", "no")
SOFT = np.column_stack([1 / (1 + np.exp(SCORE)), 1 - 1 / (1 + np.exp(SCORE))])
SETS = np.column_stack([SCORE > 0.7, NUMBERS[0] > 0]).astype(int)
EVEN = np.arange(N) % 2
PARTLY = np.where(EVEN, LABELS, None)
FEW = {"hidden_layer_sizes": (8,), "max_iter": 4, "alpha": 0.1, "random_state": 0}
FULL = {**FEW, "solver": "lbfgs", "dtype": "float64"}

soft = SoftTargetMLPClassifier(**FEW)
sets = MultiLabelSigmoidClassifier(**FEW)
CASES = {
    "soft": (soft, LABELS),
    "sets": (sets, SETS),
    "numbers": (SoftLossMLPRegressor(**FEW), SCORE),
    "annotators": (
        AnnotatorMLPClassifier(**FEW),
        np.column_stack([LABELS, np.where(NUMBERS[0] > 0, "yes", "no"), LABELS]),
    ),
}
over_cases = pytest.mark.parametrize("kind", CASES)


def fitted(kind, X=FRAME, **params):
    estimator, y = CASES[kind]
    return clone(estimator).set_params(**params).fit(X, y[: len(X)])


def said(estimator, X):
    """The numbers behind what an estimator predicts."""
    name = "predict_proba" if hasattr(estimator, "predict_proba") else "predict"
    return np.asarray(getattr(estimator, name)(X), dtype=float)


def entries(X, **params):
    return fitted("soft", X, **params).encoded_names_.tolist()


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


# --- kinds of numbers, and weights ----------------------------------------------------------------


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_a_memory_mapped_table(dtype, tmp_path):
    X = FRAME[["size", "whole", "gap"]].to_numpy().astype(dtype)
    np.save(tmp_path / "X.npy", X)
    mapped = np.load(tmp_path / "X.npy", mmap_mode="r")
    params = {"categorical_features": [1], "encoding": "piecewise"}
    clf, other = fitted("soft", mapped, **params), fitted("soft", X, **params)
    assert "x1=7" in clf.encoded_names_
    assert "x2 missing" in clf.encoded_names_
    assert clf.coefs_[0].dtype == dtype
    assert_array_equal(said(clf, mapped), said(other, X))
    X[7, 2] = -np.inf
    np.save(tmp_path / "bad.npy", X)
    bad = np.load(tmp_path / "bad.npy", mmap_mode="r")
    for call in (lambda: fitted("soft", bad), lambda: clf.predict(bad), lambda: clf.predict(X)):
        with pytest.raises(ValueError, match="infinity; row 7, column 2 is -inf"):
            call()


def test_more_rows_than_a_block():
    n = 2**18
    rows = np.arange(n)
    X = pd.DataFrame({"x": np.where(rows == n - 1, np.nan, rows % 11), "c": rows % 3})
    X["t"] = pd.Categorical(np.where(rows == n - 2, "late", np.where(rows % 2, "a", "b")))
    clf = SoftTargetMLPClassifier(**{**FEW, "max_iter": 1, "batch_size": 2**14}).fit(X, rows % 2)
    assert clf.encoded_names_.tolist() == ["x", "c", "x missing", "t=a", "t=b", "t=late"]
    some = np.r_[:3, n - 3 : n]
    assert_allclose(clf.predict_proba(X)[some], clf.predict_proba(X.iloc[some]), atol=1e-12)


MANY = 400
LEVELS = DRAW.zipf(1.3, MANY) % 120
WIDE = pd.DataFrame(
    {"x": np.where(DRAW.random(MANY) < 0.1, np.nan, DRAW.normal(size=MANY)),
     "zip": pd.Categorical([f"z{level}" for level in LEVELS])}
)  # fmt: skip
WEIGHT = DRAW.integers(0, 3, MANY)


@pytest.mark.parametrize("encoding", ["standard", "piecewise", None])
@pytest.mark.parametrize("kind", ["soft", "sets", "numbers"])
def test_weights_are_rows_and_their_order_is_nothing(kind, encoding):
    y = {"soft": LEVELS % 2, "sets": np.eye(2)[LEVELS % 2], "numbers": LEVELS + WIDE["x"].fillna(0)}
    y = np.asarray(y[kind])
    estimator = type(CASES[kind][0])(**{**FULL, "encoding": encoding})
    weighted = clone(estimator).fit(WIDE, y, sample_weight=WEIGHT)
    assert "zip rare" in weighted.encoded_names_
    order = np.repeat(np.arange(MANY), WEIGHT)
    moved = np.random.default_rng(1).permutation(MANY)
    declared = WIDE["zip"].cat.categories[::-1]
    other = WIDE.assign(zip=WIDE["zip"].cat.set_categories(declared)).iloc[moved]
    for found in (
        clone(estimator).fit(WIDE.iloc[order], y[order]),
        clone(estimator).fit(other, y[moved], sample_weight=WEIGHT[moved]),
    ):
        assert found.encoded_names_.tolist() == weighted.encoded_names_.tolist()
        rows = WIDE.iloc[order]
        assert_allclose(said(found, rows), said(weighted, rows), atol=1e-9)


def test_a_row_of_no_weight_teaches_no_level_and_no_gap():
    X = pd.DataFrame({"x": [*np.linspace(0, 1, N - 1), np.nan], "c": ["a", "b"] * (N // 2)})
    X.loc[N - 1, "c"] = "alone"
    unknown = np.where(np.arange(N)[:, None] == N - 1, np.nan, SETS)
    for clf in (
        SoftTargetMLPClassifier(**FULL).fit(X, LABELS, sample_weight=np.arange(N) < N - 1),
        MultiLabelSigmoidClassifier(**FULL).fit(X, unknown),
    ):
        assert clf.encoded_names_.tolist() == ["x", "c=a", "c=b"]
        assert_array_equal(said(clf, X[-1:].assign(x=0)), said(clf, X[-1:].assign(x=0, c="new")))


# --- what is refused ------------------------------------------------------------------------------


@over_cases
def test_tables_that_do_not_fit_are_refused(kind):
    clf, y = fitted(kind), CASES[kind][1]
    for bad, message in (
        (FRAME[FRAME.columns[::-1]], "names must be in the same order"),
        (FRAME.drop(columns="city"), "now missing:\n- city"),
        (FRAME.assign(more=1), "unseen at fit time:\n- more"),
        (FRAME.rename(columns={"city": "town"}), "unseen at fit time:\n- town"),
        (FRAME.assign(gap=np.where(np.arange(N) == 3, -np.inf, np.inf)), "row 0, column 5 is inf"),
        (FRAME[:0], "0 sample"),
        (FRAME.iloc[0], r"must be a table of rows and columns; got a Series.*iloc\[\[0\]\]"),
        (FRAME.iloc[0].to_dict(), "got a dict. pandas.DataFrame"),
        ([FRAME.iloc[0].to_dict()], "got a list. pandas.DataFrame makes one of a list of records"),
        (polars_frame().lazy(), r"LazyFrame. Call its collect\(\)"),
    ):
        with pytest.raises(ValueError, match=message):
            clf.predict(bad)
        if "names" not in message and "fit time" not in message and "missing" not in message:
            with pytest.raises(ValueError, match=message):
                clone(clf).fit(bad, y)
    for call in (clf.predict, lambda bad: clone(clf).fit(bad, y)):
        with pytest.raises(TypeError, match=r"Column 'size' of X must hold numbers; row 0.*2020"):
            call(FRAME.assign(size=pd.Timestamp("2020-01-01")))
    record = pd.DataFrame([FRAME.iloc[0].to_dict()])
    assert_array_equal(said(clf, record), said(clf, FRAME[:1]))


def test_arrays_after_frames():
    clf, nameless = fitted("soft"), "X does not have valid feature names"
    with pytest.warns(UserWarning, match=nameless):
        found = clf.predict_proba(FRAME.to_numpy(dtype=object))
    assert_array_equal(found, clf.predict_proba(FRAME))
    with pytest.raises(ValueError, match="'city' of X must hold texts, as in the first fit"):
        clf.predict(np.ones((3, len(FRAME.columns))))
    with pytest.raises(ValueError, match="'short' of X must hold numbers; row 0"):
        clf.predict(FRAME[FRAME.columns[::-1]].to_numpy(dtype=object))
    numbers = fitted("soft", FRAME[["size", "gap"]])
    with pytest.warns(UserWarning, match=nameless):
        found = numbers.predict_proba(FRAME[["size", "gap"]].to_numpy())
    assert_array_equal(found, numbers.predict_proba(FRAME[["size", "gap"]]))


def test_a_module_takes_numbers_and_says_so():
    clf = SoftTargetMLPClassifier(module=torch.nn.Linear, max_iter=2, random_state=0)
    assert not get_tags(clf).input_tags.allow_nan
    assert get_tags(soft).input_tags.allow_nan
    message = "'{}' of X must hold numbers; row 0 is .*categorical_features is for the built-in net"
    for name in ("city", "grade"):
        for listed in ("from_dtype", [name]):
            own = clone(clf).set_params(categorical_features=listed)
            with pytest.raises(ValueError, match=message.format(name)):
                own.fit(FRAME[["size", name]], LABELS)
    for name in ("gap", "count"):
        with pytest.raises(ValueError, match="SoftTargetMLPClassifier does not accept missing"):
            clf.fit(FRAME[["size", name]], LABELS)
    clf.fit(FRAME[["size", "whole", "flag"]], LABELS)
    with pytest.raises(ValueError, match="'whole' of X must hold numbers; row 0 is 'a'"):
        clf.predict(FRAME[["size", "whole", "flag"]].assign(whole="a"))


@pytest.mark.parametrize("encoding", ["piecewise", "standard", None])
def test_the_first_gap_may_come_in_a_prediction(encoding):
    X = FRAME[["size", "whole"]]
    found = fitted("soft", X, encoding=encoding).predict_proba(X[:1].assign(size=np.nan))
    assert np.isfinite(found).all()


def test_frames_of_narwhals_keep_their_names():
    narwhals = pytest.importorskip("narwhals")
    clf = fitted("soft", narwhals.from_native(FRAME))
    assert clf.feature_names_in_.tolist() == list(FRAME)
    assert_array_equal(clf.predict_proba(narwhals.from_native(FRAME)), clf.predict_proba(FRAME))


# --- habits ---------------------------------------------------------------------------------------

NUMBER = FRAME[["size"]]
TWO = FRAME[["size", "grade"]]
READ = {
    "dummies": (pd.get_dummies(TWO, columns=["grade"])[["size", "grade_low"]], "size grade_low"),
    "a parameter's name": (TWO.set_axis(["size", "alpha"], axis=1), "size alpha=high alpha=low"),
    "pairs as names": (
        TWO.set_axis(pd.MultiIndex.from_tuples([("a", 1), ("a", 2)]), axis=1),
        "x0 x1=high x1=low",
    ),
    "numbers as names": (TWO.set_axis([7, 9], axis=1), "x0 x1=high x1=low"),
    "a sparse column": (TWO.assign(s=pd.arrays.SparseArray(EVEN)), "size s grade=high grade=low"),
    "a sparse frame": (pd.DataFrame.sparse.from_spmatrix(sp.eye_array(N, 2)), "x0 x1"),
    "the text nan": (NUMBER.assign(c=["nan", "NA"] * 30), "size c=NA c=nan"),
    "bins with names": (
        NUMBER.assign(c=pd.cut(NUMBER["size"], [-9, 0, 9], labels=["l", "h"])),
        "size c=h c=l",
    ),
}
REFUSED = {
    "bins without names": (NUMBER.assign(c=pd.cut(GAP, 3)), r"of type Interval.*astype\(str\)"),
    "names of two kinds": (TWO.set_axis(["a", 1], axis=1), "Feature names are only supported"),
    "numbers too large": (
        NUMBER.assign(c=pd.Series([10**400] * N, dtype=object)),
        "'c' of X .*row 0 is 1000",
    ),
    "infinity of a division": (NUMBER / 0, "infinity; row 0, column 0"),
}


@pytest.mark.parametrize("habit", READ)
def test_habits_that_are_read(habit):
    X, names = READ[habit]
    assert entries(X) == names.split()


@pytest.mark.parametrize("habit", REFUSED)
def test_habits_that_are_refused(habit):
    X, message = REFUSED[habit]
    with pytest.raises((ValueError, TypeError, OverflowError), match=message):
        entries(X)


def test_habits_of_boosting():
    mask = (FRAME.dtypes == "category") | (FRAME.columns == "city")
    for listed in (mask, mask.to_numpy(), pd.Index(["city", "grade"])):
        assert entries(FRAME, categorical_features=listed) == ENTRIES
    with pytest.raises(TypeError, match=r"'cat_features'. Did you mean 'categorical_features'"):
        SoftTargetMLPClassifier(cat_features=["city"])
    declared = NUMBER.assign(c=pd.Categorical(EVEN))
    clf = fitted("soft", declared)
    for other in (EVEN, EVEN + 0.0, pd.Categorical(EVEN, [2, 1, 0])):
        assert_array_equal(said(clf, NUMBER.assign(c=other)), said(clf, declared))
