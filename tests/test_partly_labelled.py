"""A y in which some rows have no label: what is read as one, and what is refused."""

import numpy as np
import pandas as pd
import polars as pl
import pytest
from sklearn.datasets import make_blobs

from semi_supervised_cases import moons
from sklearn_softloss.semi_supervised import (
    GraphLabelSpreading,
    LabelledStratifiedKFold,
    SoftPseudoLabelClassifier,
)
from sklearn_softloss.semi_supervised._partly_labelled import read_partly_labelled

pytestmark = pytest.mark.filterwarnings("ignore:Every row of y has a label:UserWarning")


def test_hard_labels_and_their_one_hot_rows_are_the_same():
    X, y = moons()
    rows = np.where((y >= 0)[:, None], np.eye(2)[y], np.nan)
    np.testing.assert_array_equal(
        GraphLabelSpreading().fit(X, rows).label_distributions_,
        GraphLabelSpreading().fit(X, y).label_distributions_,
    )


def test_soft_labels_are_linear():
    """Propagation of a mixture of labels is the mixture of the propagated labels."""
    X, y = moons()
    labelled = (y >= 0)[:, None]
    one = np.where(labelled, np.eye(2)[y], np.nan)
    other = 1 - one
    fits = [
        GraphLabelSpreading(mode="propagation").fit(X, rows).label_distributions_
        for rows in (one, other, 0.3 * one + 0.7 * other)
    ]
    np.testing.assert_allclose(fits[2], 0.3 * fits[0] + 0.7 * fits[1], atol=1e-8)


@pytest.mark.parametrize("frame", [pd.DataFrame, pl.DataFrame], ids=["pandas", "polars"])
def test_columns_of_a_frame_are_the_classes(frame):
    X, y = moons()
    rows = np.where((y >= 0)[:, None], np.eye(2)[y], np.nan)
    clf = GraphLabelSpreading().fit(X, frame({"no": rows[:, 0], "ah": rows[:, 1]}))
    assert clf.classes_.tolist() == ["ah", "no"]
    assert set(clf.predict(X)) == {"no", "ah"}
    swapped = frame({"ah": rows[:, 1], "no": rows[:, 0]})
    assert clf.score(X, swapped) == clf.score(X, rows[:, ::-1])


def test_text_labels_with_the_number_minus_one():
    X, y = moons()
    labels = np.array([{-1: -1, 0: "left", 1: "right"}[label] for label in y], dtype=object)
    clf = GraphLabelSpreading().fit(X, labels)
    assert clf.classes_.tolist() == ["left", "right"]
    assert clf.transduction_[y == 1].tolist() == ["right"] * (y == 1).sum()


def test_minus_one_and_one_alone_are_two_classes():
    X, y = make_blobs(40, centers=2, random_state=0)
    with pytest.warns(UserWarning, match="read as two classes"):
        clf = GraphLabelSpreading().fit(X, np.where(y == 0, -1, 1))
    assert clf.classes_.tolist() == [-1, 1]
    with pytest.warns(UserWarning, match="read as two classes"):
        clf = GraphLabelSpreading().fit(X, np.where(y == 0, -1, 1).astype(object))
    assert clf.classes_.tolist() == [-1, 1]
    assert clf.score(X, np.where(y == 0, -1, 1)) > 0.95
    known_otherwise = read_partly_labelled(np.array([-1, 1, 1]), np.array([0, 1]))
    np.testing.assert_array_equal(np.isnan(known_otherwise.values[:, 0]), [True, False, False])


@pytest.mark.parametrize(
    ("y", "message"),
    [
        (np.full(80, -1), "no labelled row: all 80 rows"),
        (np.full((80, 2), np.nan), "no labelled row: all 80 rows"),
        (np.r_[np.zeros(79), np.inf], "infinity"),
        (np.r_[[[np.nan, 0.5]], np.full((79, 2), 0.5)], "row 0 is NaN in some columns only"),
        (np.r_[np.full((79, 2), 0.5), [[0.2, 0.3]]], "row 79 sums to 0.5"),
        (np.r_[np.full((79, 2), 0.5), [[1.2, -0.2]]], "row 79, column 0 is 1.2"),
        (np.r_[[[np.nan, np.nan]], np.full((79, 2), 0.6)], "row 1 sums to 1.2"),
        (np.array(["a", "-1"] * 40), "the text '-1' in row 1"),
        (np.linspace(0, 1, 80), "Unknown label type"),
        (np.zeros(79), "inconsistent numbers"),
        (None, "requires y to be passed"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_refused_y(y, message):
    X, fine = moons()
    clf = GraphLabelSpreading().fit(X, fine)
    before = clf.label_distributions_
    with pytest.raises(ValueError, match=message):
        clf.fit(X[:, :1], y)
    assert clf.n_features_in_ == 2
    assert clf.label_distributions_ is before


@pytest.mark.parametrize("mark", ["-1", "-1.0", " -1 ", "", "nan"])
@pytest.mark.parametrize("kind", [object, str, "pandas"])
def test_text_marks_for_no_label_are_refused(mark, kind):
    """A column of a CSV file that was read as text."""
    X, y = moons()
    text = [{-1: mark, 0: "left", 1: "right"}[label] for label in y]
    labels = pd.Series(text, dtype="string") if kind == "pandas" else np.array(text, dtype=kind)
    for call in (
        GraphLabelSpreading().fit,
        SoftPseudoLabelClassifier().fit,
        lambda X, y: list(LabelledStratifiedKFold(2).split(X, y)),
    ):
        with pytest.raises(ValueError, match=r"looks like a mark for 'no label'.*None"):
            call(X, labels)


@pytest.mark.parametrize("mark", [None, np.nan, pd.NA, -1])
def test_gaps_in_a_column_of_labels_count_as_unlabelled(mark):
    X, y = moons()
    wanted = GraphLabelSpreading().fit(X, y)
    text = pd.Series([{-1: mark, 0: "left", 1: "right"}[label] for label in y], dtype=object)
    for labels in (text, text.tolist()):
        clf = GraphLabelSpreading().fit(X, labels)
        assert clf.classes_.tolist() == ["left", "right"]
        np.testing.assert_array_equal(clf.label_distributions_, wanted.label_distributions_)
    numbers = [mark if label == -1 else int(label) for label in y]
    clf = GraphLabelSpreading().fit(X, pd.Series(numbers, dtype=object))
    assert clf.classes_.tolist() == [0, 1]
    np.testing.assert_array_equal(clf.label_distributions_, wanted.label_distributions_)
    if mark is not pd.NA and mark != -1:
        numbers = np.where(y == -1, np.nan, y)
        np.testing.assert_array_equal(
            GraphLabelSpreading().fit(X, numbers).label_distributions_,
            wanted.label_distributions_,
        )


def test_a_y_without_an_unlabelled_row_is_said():
    X, y = make_blobs(20, centers=2, random_state=0)
    with pytest.warns(UserWarning, match="Every row of y has a label"):
        GraphLabelSpreading().fit(X, y)


def test_label_sets_are_refused_in_words_of_their_own():
    X, _ = moons()
    sets = np.tile([[1.0, 1.0, 0.0], [np.nan] * 3], (len(X) // 2, 1))
    with pytest.raises(ValueError, match=r"row 0 sums to 2.*label sets are not supported"):
        GraphLabelSpreading().fit(X, sets)
