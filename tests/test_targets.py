"""What y may be, what is refused and in which words, and the map of smoothing and range."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
import scipy.sparse as sp
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn.exceptions import DataConversionWarning

import sklearn_softloss.targets
from sklearn_softloss import (
    MultiLabelSigmoidClassifier,
    SoftLossMLPRegressor,
    SoftTargetMLPClassifier,
)
from sklearn_softloss._targets.domains import DISTRIBUTION, DOMAINS, INDEPENDENT
from sklearn_softloss._targets.encoding import encode_classes
from sklearn_softloss._targets.labels import encode_labels
from sklearn_softloss.targets import annotation_matrix, vote_shares

ROWS = np.array([[0.2, 0.8], [0.5, 0.5], [1.0, 0.0]])


@pytest.mark.parametrize(
    "labels",
    [["b", "a", "b"], np.array(["b", "a", "b"], dtype=object), [3, 1, 3], [True, False, True]],
    ids=["str", "object", "int", "bool"],
)
def test_hard_labels_become_one_hot_rows(labels):
    targets = encode_classes(labels)
    assert targets.from_vector
    assert targets.classes.tolist() == sorted(set(np.asarray(labels).tolist()))
    np.testing.assert_array_equal(targets.values, [[0, 1], [1, 0], [0, 1]])


def test_one_hot_rows_are_hard_labels_bit_for_bit():
    hard = encode_classes([1, 0, 1]).values
    soft = encode_classes(np.array([[0, 1], [1, 0], [0, 1]])).values
    np.testing.assert_array_equal(hard, soft)


def test_columns_of_frames_become_classes_and_are_put_in_order():
    first = encode_classes(pd.DataFrame(ROWS, columns=["no", "maybe"]))
    assert first.classes.tolist() == ["maybe", "no"]
    np.testing.assert_array_equal(first.values, ROWS[:, ::-1])
    turned = pd.DataFrame(ROWS[:, ::-1], columns=["maybe", "no"])
    again = encode_classes(turned, classes=first.classes)
    np.testing.assert_array_equal(again.values, first.values)
    polars = encode_classes(pl.DataFrame(ROWS, schema=["no", "maybe"]))
    np.testing.assert_array_equal(polars.classes, ["maybe", "no"])
    np.testing.assert_array_equal(polars.values, first.values)


def test_wrong_columns_are_refused():
    wrong = pd.DataFrame(ROWS, columns=["no", "perhaps"])
    with pytest.raises(ValueError, match="must be the classes"):
        encode_classes(wrong, classes=np.array(["no", "maybe"]))
    with pytest.raises(ValueError, match="one column for each of the 3 classes"):
        encode_classes(ROWS, classes=np.arange(3))
    twice = pd.DataFrame(ROWS, columns=["a", "a"])
    with pytest.raises(ValueError, match="distinct names"):
        encode_classes(twice)


def test_nearly_normalised_rows_are_normalised():
    rows = np.array([[0.333, 0.333, 0.333], [0.2, 0.3, 0.5]], dtype=np.float32)
    np.testing.assert_allclose(encode_classes(rows).values.sum(axis=1), 1)


def test_independent_rows_need_not_sum_to_one():
    rows = np.array([[0.9, 0.1, 0.1], [0.9, 0.9, 0.1]])
    np.testing.assert_array_equal(encode_classes(rows, INDEPENDENT).values, rows)


REFUSED_CLASSES = {
    "sum": ([[0.5, 0.5], [0.5, 0.43]], r"row 1 sums to 0.93; divide the row.*binary_cross_entropy"),
    "zero row": ([[0.5, 0.5], [0.0, 0.0]], r"row 1 sums to 0; drop it"),
    "negative": ([[0.5, 0.5], [1.25, -0.25]], r"row 1, column 0 is 1.25"),
    "nan": ([[0.5, 0.5], [np.nan, 1.0]], r"row 1, column 0 is nan.*Input y contains NaN"),
    "inf": ([[0.5, 0.5], [np.inf, 1.0]], r"row 1, column 0 is inf"),
    "codes": ([[0, 1], [14, 6]], r"row 1, column 0 is 14.*cross_val_predict_proba"),
    "minus one": ([[0, 1], [-1, 1]], r"row 1, column 0 is -1"),
    "continuous": ([0.2, 0.7, 0.1], r"Unknown label type"),
    "1-D nan": ([0.0, np.nan, 1.0], r"Input y contains NaN"),
    "strings": ([["a", "b"], ["c", "d"]], r"A 2-D y must hold numbers"),
    "3-D": (np.zeros((2, 2, 2)), r"one or two dimensions"),
    "sets": ([("a", "b"), ("c",)], r"MultiLabelBinarizer"),
    "one column": (np.array([[0.2], [0.7]]), r"np.column_stack\(\[1 - p, p\]\)"),
    "one column flat": (np.array([0.2, 0.7]), r"np.column_stack\(\[1 - p, p\]\)"),
    "no column": (np.zeros((3, 0)), r"a column for each class or label; it has shape \(3, 0\)"),
    "complex": (np.array([1j, 0]), r"Complex data not supported"),
    "masked": (np.ma.array([0, 1], mask=[False, True]), r"y must not be a masked array: row 1"),
    "mixed": (["a", 1, "b"], r"all text or all numbers; row 0 holds 'a' and row 1 holds 1"),
    "mixed objects": (np.array(["a", 1], dtype=object), r"all text or all numbers"),
    "nan among text": (["a", np.nan, "b"], r"Input y contains NaN: row 1 holds nan"),
    "none among text": (np.array(["a", None], dtype=object), r"row 1 holds None"),
    "pandas NA": (pd.Series(["a", pd.NA], dtype="string"), r"row 1 holds <NA>"),
    "arrays": (pd.Series([np.array([0, 1]), np.array([1, 0])]), r"np.stack"),
    "levels": (
        pd.DataFrame([[0, 1]], columns=pd.MultiIndex.from_tuples([("a", 1), ("a", 2)])),
        r"MultiIndex",
    ),
    "mixed names": (pd.DataFrame([[0, 1]], columns=["a", 1]), r"all text or all numbers"),
}


@pytest.mark.parametrize(("y", "message"), REFUSED_CLASSES.values(), ids=REFUSED_CLASSES)
def test_refused_classes(y, message):
    with pytest.raises(ValueError, match=message):
        encode_classes(y)


def test_unseen_labels_name_the_row():
    with pytest.raises(ValueError, match=r"classes not in `classes_`: row 1 holds .*'c'"):
        encode_classes(["a", "c"], classes=np.array(["a", "b"]))


def test_a_column_is_flattened_with_a_warning():
    with pytest.warns(DataConversionWarning, match="column-vector"):
        assert encode_classes([[1], [0]]).from_vector


@pytest.mark.parametrize("unknown", [np.nan, -1])
@pytest.mark.parametrize("container", [np.asarray, pd.DataFrame, sp.csr_array, sp.coo_matrix])
def test_unknown_labels_become_nan(unknown, container):
    y = np.array([[1.0, unknown, 0.0], [0.0, 0.25, 1.0]])
    values = encode_labels(container(y)).values
    values = values.toarray() if sp.issparse(values) else values
    np.testing.assert_array_equal(values, [[1, np.nan, 0], [0, 0.25, 1]])


def test_frames_with_missing_values_and_names():
    frame = pd.DataFrame({"a": [1, None], "b": [0, 1]}, dtype="Int64")
    targets = encode_labels(frame)
    np.testing.assert_array_equal(targets.values, [[1, 0], [np.nan, 1]])
    assert targets.label_names.tolist() == ["a", "b"]
    assert targets.classes.tolist() == [0, 1]


def test_sparse_labels_stay_sparse():
    targets = encode_labels(sp.random_array((50, 40), density=0.05, rng=0) > 0)
    assert sp.issparse(targets.values)


REFUSED_LABELS = {
    "codes": (np.array([[0, 1], [2, 1]]), r"row 1, column 0 is 2.*cross_val_predict_proba"),
    "range": (np.array([[0, 1], [0.5, 1.5]]), r"NaN or -1.*row 1, column 1 is 1.5"),
    "minus two": (np.array([[0, 1], [-2, 1]]), r"row 1, column 0 is -2"),
    "multiclass": ([0, 1, 2], r"Only binary classification is supported\."),
    "one class": ([1, 1, 1], r"1 class only"),
    "continuous": ([0.1, 0.5, 0.2], r"Unknown label type"),
    "sparse": (sp.csr_array([[0, 1, 0], [0, 0, 7]]), r"row 1, column 2 is 7"),
    "signs": (np.array([[1, -1], [-1, 1]]), r"\(y \+ 1\) / 2; if it means unknown.*NaN"),
    "sparse signs": (sp.csr_array([[1, -1], [-1, 1]]), r"\(y \+ 1\) / 2"),
    "no column": (np.zeros((3, 0)), r"a column for each class or label"),
    "masked": (np.ma.array([[0, 1]], mask=[[False, True]]), r"masked array: row 0"),
}


@pytest.mark.parametrize(("y", "message"), REFUSED_LABELS.values(), ids=REFUSED_LABELS)
def test_refused_labels(y, message):
    with pytest.raises(ValueError, match=message):
        encode_labels(y)


@pytest.mark.parametrize(
    "y",
    [[[0.2], [0.9]], [[1.0], [np.nan], [0.0]], [[1], [-1], [0]], sp.csr_array([[1], [-1], [0]])],
)
def test_a_column_of_soft_or_unknown_entries_is_one_label(y):
    targets = encode_labels(y if sp.issparse(y) else np.array(y))
    assert targets.values.shape[1] == 1
    assert not targets.from_vector
    assert targets.classes.tolist() == [0]


def test_a_column_of_two_hard_classes_is_flattened_with_a_warning():
    for y in ([[0], [1]], [[-1], [1]]):
        with pytest.warns(DataConversionWarning, match="column-vector"):
            assert encode_labels(np.array(y)).from_vector


# --- smoothing and range -------------------------------------------------------------------------


def test_smoothing_gives_the_published_targets():
    """k = 0.1 gives 0.05 and 0.95 with two classes, 0.01 and 0.91 with ten."""
    for n_columns, domain, low, high in (
        (2, "distribution", 0.05, 0.95),
        (10, "distribution", 0.01, 0.91),
        (10, "independent", 0.05, 0.95),
    ):
        code = DOMAINS[domain].code(0.1, None, n_columns)
        np.testing.assert_allclose(code.encode(np.array([0.0, 1.0])), [low, high])


def test_a_range_must_leave_distributions_distributions():
    code = DISTRIBUTION.code(0.0, (0.1, 0.9), 2)
    np.testing.assert_allclose(code.encode(np.array([0.0, 1.0])), [0.1, 0.9])
    with pytest.raises(ValueError, match=r"sum to 1.1 with 3 classes.*label_smoothing"):
        DISTRIBUTION.code(0.0, (0.1, 0.9), 3)


CODES = st.one_of(
    st.floats(0.01, 0.5).map(lambda e: INDEPENDENT.code(e, None, 4)),
    st.floats(0.01, 0.5).map(lambda e: DISTRIBUTION.code(e, None, 4)),
    st.tuples(st.floats(0.01, 0.3), st.floats(0.6, 0.99)).map(lambda r: INDEPENDENT.code(0, r, 4)),
)


def decode(code, values):
    return code.decode(torch.as_tensor(values, dtype=torch.float64)).numpy()


@given(CODES, st.lists(st.floats(0, 1), min_size=2, max_size=20))
def test_decoding_increases_and_stays_inside_the_unit_interval(code, predictions):
    predictions = np.sort([*predictions, 0.0, 1.0])
    decoded = decode(code, predictions)
    assert (np.diff(decoded) >= -1e-15).all()
    assert decoded[0] > 0
    assert decoded[-1] < 1


@given(CODES, st.floats(0, 1))
def test_decoding_undoes_encoding_away_from_the_ends(code, value):
    room = max(code.offset, 1 - code.scale - code.offset) / code.scale
    if 3 * room <= value <= 1 - 3 * room:
        np.testing.assert_allclose(decode(code, code.encode(value)), value, atol=1e-3)


@given(CODES)
def test_decoding_meets_in_the_middle(code):
    middle = code.encode(0.5)
    np.testing.assert_allclose(
        decode(code, [middle - 1e-12, middle + 1e-12]), 0.5, rtol=0, atol=1e-10
    )


def test_decoding_is_the_plain_inverse_where_the_code_leaves_no_room():
    code = INDEPENDENT.code(0.0, (0.0, 0.9), 4)
    values = np.array([0.0, 0.2, 0.5])
    np.testing.assert_allclose(decode(code, code.encode(values)), values, atol=1e-9)


def test_two_smoothed_classes_sum_to_one():
    code = DISTRIBUTION.code(0.1, None, 2)
    first = np.linspace(0, 1, 11)
    np.testing.assert_allclose(decode(code, first) + decode(code, 1 - first), 1)


# --- votes ---------------------------------------------------------------------------------------


@given(
    st.lists(
        st.lists(st.sampled_from(["a", "b", "c", None]), min_size=3, max_size=3).filter(any),
        min_size=1,
        max_size=8,
    )
)
def test_vote_shares_count_votes(votes):
    shares, classes = vote_shares(votes)
    for row, share in zip(votes, shares, strict=True):
        cast = [vote for vote in row if vote is not None]
        np.testing.assert_allclose(share, [cast.count(c) / len(cast) for c in classes])


def test_vote_shares_with_numbers_and_given_classes():
    shares, classes = vote_shares([[0, 2, -1], [2, np.nan, -1]], classes=[0, 1, 2])
    np.testing.assert_array_equal(shares, [[0.5, 0, 0.5], [0, 0, 1]])
    assert classes.tolist() == [0, 1, 2]


@pytest.mark.parametrize(
    ("votes", "message"),
    [
        ([[1, 2], [-1, -1]], "row 1 has none"),
        ([1, 2], "shape"),
        ([[2, 1], [1, 5]], r"row 1 holds 5, which is not among \[1, 2\]"),
    ],
)
def test_votes_refused(votes, message):
    with pytest.raises(ValueError, match=message):
        vote_shares(votes, classes=[1, 2])


NULLABLE = [[0, 1], [1, None], [1, 1]]


@pytest.mark.parametrize(
    "votes",
    [
        pd.DataFrame(NULLABLE, dtype="Int64"),
        pd.DataFrame([[0, 1], [1, pd.NA], [1, 1]], dtype=object),
        [[0, 1], [1, pd.NaT], [1, 1]],
        pl.DataFrame(NULLABLE, orient="row"),
    ],
    ids=["Int64", "object", "list", "polars"],
)
def test_votes_of_frames_with_gaps(votes):
    shares, classes = vote_shares(votes)
    np.testing.assert_array_equal(shares, [[0.5, 0.5], [0, 1], [0, 1]])
    assert classes.tolist() == [0, 1]


def test_a_mark_is_no_vote_unless_it_may_be_one():
    classes = vote_shares([["a", " n/a"], ["b", "b"]], missing="n/a ")[1]
    assert classes.tolist() == ["a", "b"]
    for signs in ([[1, -1], [-1, 1]], [[-5, 3], [-1, 2]]):
        with pytest.raises(ValueError, match=r"may be a vote or none: .* missing=-1"):
            vote_shares(signs)
        assert -1 in vote_shares(signs, missing=None)[1]
        assert vote_shares(signs, classes=[-5, -1, 1, 2, 3])[0].shape == (2, 5)
    np.testing.assert_array_equal(vote_shares([[1, -1]], classes=[0, 1])[0], [[0, 1]])
    words = np.array([["yes", -1], ["no", "yes"]])  # NumPy makes '-1' of -1
    with pytest.raises(ValueError, match=r"'-1' beside .'no', 'yes'. may be a vote or none"):
        vote_shares(words)
    assert vote_shares(words, missing="-1")[1].tolist() == ["no", "yes"]
    assert vote_shares(words, classes=["yes", "no", "-1"])[0].tolist() == [
        [0.5, 0, 0.5],
        [0.5, 0.5, 0],
    ]
    assert vote_shares([["1", "-1"], ["0", "1"]])[1].tolist() == ["-1", "0", "1"]
    found = annotation_matrix([0, 0, 1, 1], [0, 1, 0, 1], [0, -1, 1, 1])
    np.testing.assert_array_equal(vote_shares(found)[0], [[1, 0], [0, 1]])
    with pytest.raises(ValueError, match="dense matrix"):
        vote_shares(sp.csr_array(np.eye(2)))


@pytest.mark.parametrize("answers", [[[0.0, 0.0], [0.0, 1.0]], [[1.0, 1.0], [0.0, 1.0]]])
def test_answers_taken_for_classes_are_told_to_be_votes(answers):
    with pytest.raises(ValueError, match=r"columns are annotators, turn .*targets\.vote_shares"):
        SoftTargetMLPClassifier().fit([[0.0], [1.0]], answers)


@pytest.mark.parametrize("as_frame", [False, True])
@pytest.mark.parametrize("answers", [[0, 1, 2], [1.5, 2.0, 4.0], ["a", "b", "c"], [True, False]])
def test_a_long_table_becomes_a_matrix_and_its_shares(answers, as_frame):
    rng = np.random.default_rng(0)
    pairs = [(i, a) for i in range(30) for a in range(6) if rng.random() < 0.6 or a == i % 6]
    order = rng.permutation(len(pairs))
    item, annotator = np.array(pairs)[order].T
    given = np.array(answers)[rng.integers(len(answers), size=len(pairs))]
    columns = item, np.array(list("uvwxyz"))[annotator], given
    if as_frame:
        frame = pd.DataFrame(dict(zip(("item", "annotator", "answer"), columns, strict=True)))
        columns = frame["item"], frame["annotator"], frame["answer"]
    found = annotation_matrix(*columns)
    assert found.matrix.shape == (30, 6)
    assert found.annotators.tolist() == list("uvwxyz")
    assert found.classes.tolist() == sorted(answers)
    shares, classes = vote_shares(found)
    assert classes.tolist() == sorted(answers)
    for i in range(30):
        of_item = given[item == i]
        expected = [np.mean(of_item == name) for name in classes]
        np.testing.assert_allclose(shares[i], expected)
    for i, a, name in zip(item, annotator, given, strict=True):
        value = found.matrix[i, a]
        assert (found.classes[int(value)] if isinstance(name, str) else value) == name
    assert np.isnan(found.matrix).sum() == 180 - len(pairs)


def test_rows_of_the_matrix_in_the_order_of_x():
    found = annotation_matrix(["b", "a", "b"], [1, 1, 2], [0, 1, None], items=["c", "b", "a"])
    np.testing.assert_array_equal(found.matrix, [[np.nan], [0], [1]])
    assert found.items.tolist() == ["c", "b", "a"]
    with pytest.raises(ValueError, match="row 0 has none"):
        vote_shares(found)


@pytest.mark.parametrize(
    ("columns", "kwargs", "message"),
    [
        (([1, 2], [1, 2], [0]), {}, "columns of one length"),
        (([1, 1, 1], ["a", "b", "a"], [0, 1, 1]), {}, "'a' answered item 1 twice, in rows 0 and 2"),
        (([2, 1, 2, 1], list("aaaa"), [0] * 4), {}, "'a' answered item 2 twice, in rows 0 and 2"),
        (([1, None], [1, 2], [0, 1]), {}, "needs its item; row 1"),
        (([1, 2], [np.nan, 2], [0, 1]), {}, "needs its annotator; row 0"),
        (([1, 2], [1, 2], [None, np.nan]), {}, "no answer"),
        (([1, 2], [1, 2], [0, 1]), {"items": [1]}, "2 is not among them"),
        (([1, 2], [1, 2], [0, 1]), {"items": ["1", "2"]}, "of one type: 1 is not '1'"),
        ((["1", "2"], [1, 2], [0, 1]), {"items": [1.0, 2.0]}, "of one type: '1' is not 1.0"),
        (([1, "1"], [1, 2], [0, 1]), {}, "item must be all text or all numbers"),
        (([1, 2], ["3", 3], [0, 1]), {}, "annotator must be all text or all numbers"),
        (([1, 2], ["a", " "], [0, 1]), {}, "needs its annotator; row 1"),
        (([1, 2], [1, 2], [0, 1]), {"items": [1, 2, 1]}, "1 is there more than once"),
        (([1, 2], [1, 2], ["a", 1]), {}, "answer must be all text or all numbers"),
        (([1, 2], [1, 2], [0, 1]), {"repeated": "mean"}, "repeated must be one of"),
    ],
)
def test_long_tables_refused(columns, kwargs, message):
    with pytest.raises(ValueError, match=message):
        annotation_matrix(*columns, **kwargs)


def test_of_repeated_answers_one_is_kept_where_it_is_said_which():
    columns = [1, 2, 1, 1], ["a", "a", "b", "a"], ["x", "y", "y", "z"]
    first = annotation_matrix(*columns, repeated="first")
    last = annotation_matrix(*columns, repeated="last")
    np.testing.assert_array_equal(first.matrix, [[0, 1], [1, np.nan]])
    np.testing.assert_array_equal(last.matrix, [[2, 1], [1, np.nan]])


def test_annotations_hold_the_answers_alone_and_give_rows_in_any_order():
    """A table of all pairs would take 80 gigabytes."""
    many = np.arange(100_000)
    found = annotation_matrix(many, many, many % 3)
    turned = found.take(many[::-1])
    assert turned.items[0] == 99_999
    np.testing.assert_array_equal(vote_shares(turned)[0][:, 1], many[::-1] % 3 == 1)
    few = annotation_matrix([0, 0, 1, 2], list("abbc"), [1, 2, 3, 1], items=[3, 2, 1, 0])
    for rows in ([2, 0, 2, 3], slice(None, None, -1), [True, False, True, True], [], 3):
        expected = few.matrix[np.atleast_1d(np.arange(4)[rows if rows != [] else slice(0)])]
        np.testing.assert_array_equal(few.take(rows).matrix, expected)


def test_a_vote_counts_as_much_as_its_annotator():
    votes = [["a", "b", None], ["b", "b", "a"]]
    shares, _ = vote_shares(votes, annotator_weight=[3.0, 1.0, 0.0])
    np.testing.assert_allclose(shares, [[0.75, 0.25], [0, 1]])
    with pytest.raises(ValueError, match="row 0 has none"):
        vote_shares([[None, None, "a"], *votes], annotator_weight=[3.0, 1.0, 0.0])
    with pytest.raises(ValueError, match="annotator_weight"):
        vote_shares(votes, annotator_weight=[1.0])


def test_counts_are_counts():
    shares, classes = vote_shares([[3, 1], [0, 2]], counts=True)
    np.testing.assert_array_equal(shares, [[0.75, 0.25], [0, 1]])
    assert classes.tolist() == [0, 1]
    frame = pd.DataFrame([[3, 1], [0, 2]], columns=["no", "yes"])
    assert vote_shares(frame, counts=True)[1].tolist() == ["no", "yes"]
    for bad, message in (
        ([[1, -1]], "row 0 has -1 in column 1"),
        ([[0, 0]], "row 0 has none"),
        ([1, 2], "shape"),
    ):
        with pytest.raises(ValueError, match=message):
            vote_shares(bad, counts=True)
    with pytest.raises(ValueError, match="name 2 columns"):
        vote_shares([[1, 1]], counts=True, classes=[0])
    with pytest.raises(ValueError, match="single votes"):
        vote_shares([[1, 1]], counts=True, annotator_weight=[1, 1])


def long_frame(columns=("item", "annotator", "answer"), n_items=40):
    rows = [(f"t{i}", f"w{a}", int((i + a) % 3 == 0)) for i in range(n_items) for a in range(4)]
    return pd.DataFrame(rows, columns=list(columns))


LONG = [
    long_frame(),
    long_frame(("Task_ID", "workers", "Label")),
    long_frame(("a", "b", "c")),
    long_frame().assign(item=np.repeat(np.arange(40), 4)),
    long_frame().assign(seconds=1.5),
    pl.DataFrame(long_frame().to_dict("list")),
]


@pytest.mark.parametrize("frame", LONG, ids=lambda frame: str(list(frame.columns)))
def test_a_long_frame_is_refused_with_the_line_that_pivots_it(frame):
    X = np.zeros((len(frame), 2))
    for call in (
        lambda: vote_shares(frame),
        lambda: SoftTargetMLPClassifier().fit(X, frame),
        lambda: MultiLabelSigmoidClassifier().fit(X, frame),
        lambda: SoftLossMLPRegressor().fit(X, frame),
    ):
        with pytest.raises(ValueError, match="long table") as refused:
            call()
    line = str(refused.value).rsplit(": ", 1)[1]
    matrix = eval(line, {"frame": frame, "sklearn_softloss": sklearn_softloss})
    assert matrix.shape == (40, 4)


@pytest.mark.parametrize(
    "estimator", [SoftTargetMLPClassifier, MultiLabelSigmoidClassifier, SoftLossMLPRegressor]
)
def test_annotations_are_no_targets(estimator):
    found = annotation_matrix([0, 0, 1, 1], ["a", "b"] * 2, [0, 1, 1, 0])
    with pytest.raises(ValueError, match="vote_shares"):
        estimator().fit(np.eye(2), found)


def test_three_columns_of_numbers_are_targets():
    rng = np.random.default_rng(0)
    X, Y = rng.normal(size=(40, 2)), rng.dirichlet(np.ones(3), size=40)
    SoftTargetMLPClassifier((4,), alpha=1.0, max_iter=1).fit(
        X, pd.DataFrame(Y, columns=list("abc"))
    )
    ids = pd.DataFrame({"a": np.arange(40), "b": np.arange(40) % 4, "c": np.arange(40) % 2})
    SoftLossMLPRegressor((4,), alpha=1.0, max_iter=1).fit(X, ids)


def test_long_arrays_are_refused_and_wide_tables_are_not():
    with pytest.raises(ValueError, match=r"annotation_matrix\(table\[:, 0\]"):
        vote_shares(long_frame().to_numpy())
    rng = np.random.default_rng(0)
    for wide in (
        rng.integers(3, size=(50, 3)),
        rng.integers(40, size=(50, 3)),  # many classes
        np.array(list("abcdefghij"))[rng.integers(10, size=(30, 3))],
        np.array([["a", "b", "c"]] * 8),  # annotators who never agree
        np.c_[np.arange(200) // 4, rng.integers(3, size=200), rng.integers(2, size=200)],  # twice
    ):
        shares, _ = vote_shares(pd.DataFrame(wide, columns=["ann", "bob", "cem"]))
        np.testing.assert_allclose(shares.sum(axis=1), 1)


def test_sparse_labels_stay_as_they_were():
    """Entries out of order and twice stored are sorted and summed in a copy."""
    y = sp.csr_array((np.array([1.0, 0.5, 0.25]), np.array([2, 0, 0]), np.array([0, 3])), (1, 3))
    before = [part.copy() for part in (y.data, y.indices, y.indptr)]
    np.testing.assert_array_equal(encode_labels(y).dense(), [[0.75, 0, 1]])
    for part, kept in zip((y.data, y.indices, y.indptr), before, strict=True):
        np.testing.assert_array_equal(part, kept)
