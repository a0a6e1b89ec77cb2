"""ONNX models of nets that read tables: texts, gaps, categories and bent columns."""

import json

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.calibration import CalibratedClassifierCV
from sklearn.compose import make_column_transformer
from sklearn.ensemble import VotingClassifier
from sklearn.frozen import FrozenEstimator
from sklearn.impute import SimpleImputer
from sklearn.model_selection import (
    FixedThresholdClassifier,
    GridSearchCV,
    TunedThresholdClassifierCV,
)
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, OneHotEncoder, StandardScaler

from export_cases import EXACT, FEW_PASSES, agree
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss.annotators import AnnotatorMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.export import check, to_onnx

onnx = pytest.importorskip("onnx")
onnxruntime = pytest.importorskip("onnxruntime")
skl2onnx = pytest.importorskip("skl2onnx")
pytestmark = [
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
    pytest.mark.usefixtures("torch_looks_once"),
]

NET = SoftTargetMLPClassifier(**{**FEW_PASSES, "encoding": "piecewise"})
TYPES = onnx.TensorProto


def table(n=150, texts=True, gaps=True, seed=0):
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"petal width (cm)": rng.normal(50, 9, n), "b": rng.exponential(size=n)})
    frame["whole"] = rng.integers(0, 5, n)
    frame["flag"] = rng.random(n) > 0.5
    frame["number"] = pd.Categorical(rng.integers(3, 6, n))
    if texts:
        frame["kind"] = rng.choice(["x", "é y", ""], n)
        frame["declared"] = pd.Categorical(rng.choice(["low", "high"], n))
    if gaps:
        for i, name in enumerate(frame):
            if name not in ("b", "whole", "flag"):
                frame.loc[i :: 7 + i, name] = None
    return frame


def codes(frame, n=3):
    """Something that follows from the columns."""
    value = frame["b"].rank() + 40 * frame["flag"] + frame["petal width (cm)"].fillna(0)
    if "kind" in frame:
        value += 60 * (frame["kind"] == "x")
    return pd.qcut(value, n, labels=False).to_numpy()


def inputs_of(model):
    return {found.name: found.type.tensor_type.elem_type for found in model.graph.input}


def unlike_training(frame):
    """Rows with texts that training has not seen, and gaps in other places."""
    rows = frame[::-1].reset_index(drop=True)
    rows.loc[::5, "petal width (cm)"] = None
    rows.loc[1::5, "b"] = None
    if "kind" in rows:
        rows.loc[::4, "kind"] = "unseen"
        rows.loc[1::4, "kind"] = None
        rows["declared"] = rows["declared"].astype(object).where(rows.index % 3 > 0, "middling")
    return rows


# --- every estimator, every kind of column -------------------------------------------------------


def fitted(Estimator, frame, **params):
    y = codes(frame)
    if Estimator is MultiLabelSigmoidClassifier:
        y = np.eye(3, dtype=int)[y]
    return Estimator(**{**FEW_PASSES, **params}).fit(frame, y)


KINDS = [(texts, gaps) for texts in (False, True) for gaps in (False, True)]


@pytest.mark.parametrize("encoding", ["piecewise", "standard"])
@pytest.mark.parametrize(
    ("Estimator", "texts", "gaps"),
    [
        *((SoftTargetMLPClassifier, *kind) for kind in KINDS),
        (MultiLabelSigmoidClassifier, True, True),
        (SoftLossMLPRegressor, True, True),
    ],
)
def test_tables_of_every_kind(Estimator, encoding, texts, gaps):
    frame = table(texts=texts, gaps=gaps)
    estimator = fitted(Estimator, frame, encoding=encoding)
    rows = unlike_training(frame) if gaps or encoding == "piecewise" else None
    if encoding == "standard" and rows is not None:
        rows["b"] = frame["b"]
    model = agree(estimator, frame, rows=rows)
    names = [found.name for found in model.graph.input]
    assert names == (list(frame) if texts else ["X"])


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_precision_of_the_net(dtype):
    frame = table().astype({"b": np.float32})
    net = clone(NET).set_params(dtype=dtype).fit(frame, codes(frame))
    model = agree(net, frame, 1e-6 if dtype == "float32" else EXACT)
    assert inputs_of(model) == {
        "petal width (cm)": TYPES.DOUBLE, "b": TYPES.FLOAT, "whole": TYPES.INT64,
        "flag": TYPES.INT64, "number": TYPES.DOUBLE, "kind": TYPES.STRING,
        "declared": TYPES.STRING,
    }  # fmt: skip


def test_levels_that_are_rare_share_an_entry():
    rng = np.random.default_rng(0)
    frame = table(400)
    frame["kind"] = [f"level {i}" for i in rng.integers(0, 90, 400)]
    net = clone(NET).fit(frame, codes(frame))
    assert "kind rare" in net.encoded_names_
    agree(net, frame, rows=unlike_training(frame))


@pytest.mark.filterwarnings("ignore:Column.*:UserWarning")
def test_a_column_that_was_empty_takes_numbers_and_texts():
    frame = table()
    frame["empty"] = pd.Categorical([None] * len(frame))
    frame["void"] = np.nan
    net = clone(NET).fit(frame, codes(frame))
    assert inputs_of(agree(net, frame))["empty"] == TYPES.DOUBLE
    later = frame.assign(empty=np.where(frame["flag"], "new", None), void=3.0)
    assert inputs_of(agree(net, later))["empty"] == TYPES.STRING


def test_texts_of_which_the_rows_given_have_none():
    frame = table()
    net = clone(NET).fit(frame, codes(frame))
    few = frame.assign(kind=None)[:20]
    assert inputs_of(agree(net, few, rows=frame))["kind"] == TYPES.STRING


def test_nullable_columns_and_those_of_other_libraries():
    frame = table()
    frame["count"] = pd.array(np.arange(len(frame)) % 7, dtype="Int64")
    frame["known"] = pd.array(np.arange(len(frame)) % 5 > 1, dtype="boolean")
    frame["text"] = pd.Series(np.where(frame["flag"], "u", "v"), dtype="string")
    frame.loc[3::9, ["count", "known", "text"]] = pd.NA
    agree(clone(NET).fit(frame, codes(frame)), frame)


@pytest.mark.parametrize("library", ["polars", "pyarrow"])
def test_tables_of_other_libraries(library):
    frame = table()
    y = codes(frame)
    if library == "polars":
        polars = pytest.importorskip("polars")
        cells = frame.astype(object).where(frame.notna(), None)
        made = polars.DataFrame({name: cells[name].tolist() for name in cells})
        made = made.with_columns(polars.col("declared").cast(polars.Categorical))
    else:
        made = pytest.importorskip("pyarrow").Table.from_pandas(frame)
    net = clone(NET).fit(made, y)
    model = to_onnx(net, made)
    assert list(inputs_of(model)) == list(frame)
    found = check(model, net, made)
    assert found.n_rows == len(frame)
    assert found.differences["probabilities"] <= EXACT


def test_a_gap_that_the_rows_given_do_not_show():
    polars = pytest.importorskip("polars")
    whole = [None, *range(1, 100)]
    frame = polars.DataFrame({"kind": ["a", "b"] * 50, "whole": whole, "other": range(100)})
    net = clone(NET).fit(frame, np.arange(100) > 40)
    model = to_onnx(net, frame[1:])
    assert inputs_of(model) == {
        "kind": TYPES.STRING, "whole": TYPES.DOUBLE, "other": TYPES.INT64
    }  # fmt: skip
    assert check(model, net, frame).differences["probabilities"] <= EXACT
    rows = frame.with_columns(other=polars.lit(None, dtype=polars.Int64))
    with pytest.raises(ValueError, match="'other' of the ONNX model takes whole numbers; row 0"):
        check(model, net, rows)


# --- arrays --------------------------------------------------------------------------------------


def test_arrays_with_categories_that_are_numbers_are_one_matrix():
    rng = np.random.default_rng(0)
    X = np.column_stack([rng.normal(size=(90, 2)), rng.integers(0, 4, 90)])
    X[::7, 0] = X[::8, 2] = np.nan
    net = clone(NET).set_params(categorical_features=[2]).fit(X, rng.random(90) > 0.5)
    model = to_onnx(net, X)
    assert list(inputs_of(model)) == ["X"]
    rows = X.copy()
    rows[::3, 2], rows[1::3, 2] = 9, np.nan
    assert check(model, net, rows).differences["probabilities"] <= EXACT


def test_arrays_with_texts_have_an_input_a_column():
    rng = np.random.default_rng(0)
    X = np.empty((90, 3), dtype=object)
    X[:, 0], X[:, 1] = rng.normal(size=90), rng.choice(["a", "b"], 90)
    X[:, 2] = rng.integers(0, 3, 90)
    X[::7, 1] = X[::9, 0] = None
    net = clone(NET).set_params(categorical_features=[1]).fit(X, rng.random(90) > 0.5)
    assert list(inputs_of(agree(net, X))) == ["x0", "x1", "x2"]


def test_columns_that_are_called_by_numbers():
    frame = table().set_axis(range(7), axis=1)
    net = clone(NET).fit(frame, codes(table()))
    assert list(inputs_of(agree(net, frame))) == list("0123456")


# --- what a server does --------------------------------------------------------------------------


def test_order_does_not_matter_and_a_text_that_is_new_answers_as_in_the_model():
    frame = table()
    net = clone(NET).fit(frame, codes(frame))
    model = to_onnx(net, frame)
    metadata = {entry.key: json.loads(entry.value) for entry in model.metadata_props[1:]}
    assert metadata["missing_text"] == "nan"
    assert metadata["feature_names_in"] == list(frame)
    session = onnxruntime.InferenceSession(model.SerializeToString())
    given = {
        "kind": [["unseen"], ["nan"], ["é y"], ["x\0"], ["x "]], "declared": [["low"]] * 5,
        "number": [[4.0]] * 5, "whole": [[3]] * 5, "flag": [[1]] * 5, "b": [[0.5]] * 5,
        "petal width (cm)": [[np.nan]] * 5,
    }  # fmt: skip
    arrays = {name: np.array(cells) for name, cells in given.items()}
    arrays["kind"] = np.array(given["kind"], dtype=object)
    arrays["declared"] = np.array(given["declared"], dtype=object)
    rows = pd.DataFrame({name: np.ravel(given[name]) for name in frame})
    rows["kind"] = ["unseen", None, "é y", "x\0", "x "]
    rows["flag"] = True
    found = session.run(["probabilities"], arrays)[0]
    np.testing.assert_allclose(found, net.predict_proba(rows), rtol=0, atol=EXACT)
    np.testing.assert_array_equal(found[0], found[3])


# --- what stands around --------------------------------------------------------------------------


def around():
    binary, text = clone(NET), make_pipeline("passthrough", clone(NET))
    some = ["petal width (cm)", "b", "flag"]
    searched = GridSearchCV(text, {f"{text.steps[-1][0]}__alpha": [0.1]}, cv=2)
    picked = make_column_transformer(("passthrough", ["kind", "b", "flag"]))
    mixed = make_column_transformer(
        (StandardScaler(), some),
        ("passthrough", ["kind", "whole"]),
        (OneHotEncoder(sparse_output=False), ["flag"]),
        remainder="drop",
    )
    imputed = make_column_transformer(
        (make_pipeline(SimpleImputer(), StandardScaler()), some),
        (SimpleImputer(missing_values="x", strategy="most_frequent"), ["kind"]),
    )
    for n_classes, name, estimator in (
        (3, "passthrough", text),
        (3, "search", searched),
        (3, "identity", make_pipeline(FunctionTransformer(), clone(NET))),
        (3, "calibrated", SoftCalibratedClassifierCV(clone(NET), cv=2, ensemble=False)),
        (3, "calibrated by scikit-learn", CalibratedClassifierCV(text, cv=2, ensemble=False)),
        (3, "tuned", TunedDecisionClassifierCV(clone(NET), cv=2)),
        (2, "threshold", FixedThresholdClassifier(text, threshold=0.4)),
        (2, "tuned threshold", TunedThresholdClassifierCV(binary, scoring="f1", cv=2)),
        (3, "all", TunedDecisionClassifierCV(SoftCalibratedClassifierCV(text, cv=2), cv=2)),
        (3, "voting", VotingClassifier([("net", NET)], voting="soft", flatten_transform=False)),
        (3, "picked", make_pipeline(picked.set_output(transform="pandas"), clone(NET))),
        (3, "mixed", make_pipeline(mixed.set_output(transform="pandas"), clone(NET))),
        (3, "mixed and tuned", make_pipeline(
            clone(mixed).set_output(transform="pandas"),
            TunedDecisionClassifierCV(clone(NET), cv=2),
        )),
        (3, "imputed", make_pipeline(imputed.set_output(transform="pandas"), clone(NET))),
    ):  # fmt: skip
        yield pytest.param(estimator, n_classes, id=name)


@pytest.mark.parametrize(("estimator", "n_classes"), list(around()))
def test_estimators_around(estimator, n_classes):
    frame = table(gaps=False)
    frame.loc[::7, "petal width (cm)"] = None
    estimator = clone(estimator).fit(frame, codes(frame, n_classes))
    model = agree(estimator, frame, rows=frame.assign(kind="unseen"))
    assert inputs_of(model)["kind"] == TYPES.STRING


@pytest.mark.parametrize("missing", [None, np.nan, pd.NA], ids=str)
def test_missing_texts_that_a_step_passes_on(missing):
    frame = table()
    frame["kind"] = pd.Series([missing, "x", "y"] * 50, dtype=object)
    ct = make_column_transformer(("passthrough", ["kind", "b"])).set_output(transform="pandas")
    agree(make_pipeline(ct, clone(NET)).fit(frame, codes(frame)), frame)


def test_a_column_that_is_picked_away_may_be_called_as_an_output():
    frame = table().rename(columns={"b": "label"})
    y = codes(table())
    ct = make_column_transformer(("passthrough", ["kind", "whole"])).set_output(transform="pandas")
    model = agree(make_pipeline(ct, clone(NET)).fit(frame, y), frame)
    assert set(inputs_of(model)) == {"kind", "whole"}
    with pytest.raises(ValueError, match="Column 'label' of X has the name of an output"):
        to_onnx(clone(NET).fit(frame, y), frame)


# --- refusals ------------------------------------------------------------------------------------


def test_a_text_that_stands_for_a_missing_one():
    frame = table(gaps=False)
    frame.loc[::4, "kind"] = "nan"
    net = clone(NET).fit(frame, codes(frame))
    agree(net, frame)  # the column has no gaps, so that this is a text like others
    rows = frame.copy()
    rows.loc[3, "kind"] = None
    with pytest.raises(ValueError, match="Column 'kind' of X is missing in row 3, which an ONNX"):
        to_onnx(net, rows)
    with pytest.raises(ValueError, match="Column 'kind' of X is missing in row 3, which an ONNX"):
        check(to_onnx(net, frame), net, rows)
    net = clone(NET).fit(rows, codes(rows))
    with pytest.raises(ValueError, match="Column 'kind' was missing in rows of `fit`, which an"):
        to_onnx(net, frame)


def test_names_that_an_input_cannot_have():
    frame = table().rename(columns={"whole": ""})
    net = clone(NET).fit(frame, codes(frame))
    with pytest.raises(ValueError, match="Columns of X need names"):
        to_onnx(net, frame)


def test_answers_of_annotators_are_refused_by_name():
    frame = table(60)
    y = codes(frame, 2)
    votes = np.column_stack([y, 1 - y, y])
    clf = AnnotatorMLPClassifier((4,), alpha=0.1, max_iter=4, random_state=0).fit(frame, votes)
    with pytest.raises(ValueError, match="AnnotatorMLPClassifier cannot be exported"):
        to_onnx(clf, frame)


# --- skl2onnx by itself --------------------------------------------------------------------------


def test_skl2onnx_takes_columns_in_any_order():
    frame = table(gaps=False)[["b", "kind", "flag", "whole"]]
    frame["kind"] = frame["kind"].astype(object)
    y = codes(frame.assign(**{"petal width (cm)": 0.0}))
    net = clone(NET).fit(frame, y)
    model = skl2onnx.to_onnx(net, frame[:1], options={id(net): {"zipmap": False}})
    arrays = {name: frame[[name]].to_numpy() for name in frame}
    other = skl2onnx.convert_sklearn(
        net,
        initial_types=[
            (name, skl2onnx.common.data_types.guess_data_type(arrays[name])[0][1])
            for name in ("kind", "whole", "flag", "b")
        ],
    )
    for found in (model, other):
        assert check(found, net, frame).differences["probabilities"] <= EXACT
    numbers = frame[["b", "whole"]]
    net = clone(NET).fit(numbers, y)
    types = [("whole", skl2onnx.common.data_types.Int64TensorType([None, 1])),
             ("b", skl2onnx.common.data_types.DoubleTensorType([None, 1]))]  # fmt: skip
    model = skl2onnx.convert_sklearn(net, initial_types=types)
    assert check(model, net, numbers).differences["probabilities"] <= EXACT


def wrong_types():
    kinds = skl2onnx.common.data_types
    text, number = kinds.StringTensorType([None, 1]), kinds.DoubleTensorType([None, 1])
    for types, message in (
        ([("X", kinds.StringTensorType([None, 2]))], "'b' holds numbers, as in `fit`, but is"),
        ([("X", kinds.DoubleTensorType([None, 2]))], "'kind' holds texts, as in `fit`, but is"),
        ([("X", kinds.DoubleTensorType([None, None]))], "an unknown number of columns"),
        ([("b", text), ("kind", text)], "'b' holds numbers"),
        ([("b", number), ("kind", number)], "'kind' holds texts"),
        ([("u", text), ("v", number)], "'b' holds numbers"),
        ([("b", number)], "one by one, texts as strings and all others as numbers; got 1 col"),
        ([("b", number), ("kind", text), ("c", number)], "; got 3 columns"),
        ([("b", number), ("kind", text), ("c", text)], "Column 2 holds numbers"),
    ):
        yield pytest.param(types, message, id=f"{message} {len(types)} {types[0][1]}")


@pytest.mark.parametrize(("types", "message"), list(wrong_types()))
def test_types_of_skl2onnx_that_the_columns_do_not_have(types, message):
    frame = table(gaps=False)[["b", "kind"]]
    net = clone(NET).fit(frame, frame["b"] > 1)
    with pytest.raises(ValueError, match=message):
        skl2onnx.convert_sklearn(net, initial_types=types)


def test_a_matrix_of_texts():
    rng = np.random.default_rng(0)
    X = rng.choice(["a", "b", "c"], (90, 2)).astype(object)
    net = clone(NET).set_params(categorical_features=[0, 1]).fit(X, X[:, 0] == X[:, 1])
    assert list(inputs_of(agree(net, X))) == ["x0", "x1"]
    model = skl2onnx.to_onnx(net, X)
    assert check(model, net, X).differences["probabilities"] <= EXACT


def test_a_frozen_net_beside_gaps_of_a_step_before():
    frame = table()
    net = FrozenEstimator(clone(NET).fit(frame, codes(frame)))
    agree(SoftCalibratedClassifierCV(net, cv="prefit").fit(frame, codes(frame)), frame)
