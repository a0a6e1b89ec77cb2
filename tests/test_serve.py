"""The example server, as a process: requests in parallel, and wrong ones, over the loopback."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from cases import make_soft
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.export import to_onnx

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytestmark = pytest.mark.usefixtures("torch_looks_once")
SERVER = Path(__file__).parents[1] / "examples" / "serve.py"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A classifier, its rows and the address that answers for it."""
    X, Y = make_soft(n=60)
    with serving(X, Y, tmp_path_factory) as found:
        yield found


@pytest.fixture(scope="module")
def served_table(tmp_path_factory):
    """The same of rows that are a table."""
    X, Y = make_soft(n=60)
    frame = pd.DataFrame({"size": X[:, 0], "kind": np.where(X[:, 1] > 0, "up", "down")})
    frame["count"] = np.arange(60) % 5
    frame.loc[::7, ["size", "kind"]] = None
    with serving(frame, Y, tmp_path_factory) as found:
        yield found


@contextmanager
def serving(X, Y, tmp_path_factory):
    clf = SoftTargetMLPClassifier((8,), alpha=0.1, max_iter=5, random_state=0)
    clf.fit(X, np.array(["a", "b", "c"])[Y.argmax(axis=1)])
    path = tmp_path_factory.mktemp("served") / "model.onnx"
    path.write_bytes(to_onnx(clf, X).SerializeToString())
    process = subprocess.Popen(
        [sys.executable, SERVER, path, "--port", "0"], stdout=subprocess.PIPE, text=True
    )
    try:
        yield clf, X, process.stdout.readline().strip()
    finally:
        process.terminate()
        process.wait(timeout=30)
        process.stdout.close()


def ask(address, body):
    with urllib.request.urlopen(urllib.request.Request(address, body), timeout=30) as answer:
        return json.load(answer)


def test_requests_in_parallel_are_answered_each_with_its_row(served):
    clf, X, address = served

    def one(row):
        return ask(address, json.dumps({"rows": [row.tolist()]}).encode())

    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(one, X))
    proba = np.array([answer["probabilities"][0] for answer in answers])
    np.testing.assert_allclose(proba, clf.predict_proba(X), atol=1e-12)
    assert [answer["label"][0] for answer in answers] == clf.predict(X).tolist()


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b"no json", "send"),
        (b"", "send"),
        (b'{"X": [[1, 2]]}', "send"),
        (b'{"rows": [[1, 2]]}', "shape"),
        (b'{"rows": [1, 2, 3, 4, 5]}', "shape"),
        (b'{"rows": [["a", 1, 2, 3, 4]]}', "send"),
        (b'{"rows": [[NaN, 1, 2, 3, 4]]}', "finite"),
    ],
)
def test_a_wrong_request_is_told_why_and_the_next_is_answered(served, body, message):
    clf, X, address = served
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(address, body)
    with refused.value as answer:
        assert answer.code == 400
        assert message in json.load(answer)["error"]
    good = ask(address, json.dumps({"rows": X[:2].tolist()}).encode())
    assert good["label"] == clf.predict(X[:2]).tolist()


def test_rows_of_a_table_are_given_by_the_names_of_its_columns(served_table):
    clf, frame, address = served_table
    new = pd.DataFrame({"size": [None, 1.0], "kind": ["sideways", None], "count": [3, 2]})
    for rows in (frame.head(9), new.astype({"size": float})):
        told = rows[["count", "kind", "size"]].astype(object).where(rows.notna(), None)
        answer = ask(address, json.dumps({"rows": told.to_dict("records")}).encode())
        np.testing.assert_allclose(answer["probabilities"], clf.predict_proba(rows), atol=1e-12)


@pytest.mark.parametrize(
    ("body", "message"),
    [
        (b'{"rows": [[1, "up", 2]]}', "columns must be"),
        (b'{"rows": [{"size": 1, "kind": "up"}]}', "columns must be"),
        (b'{"rows": [{"size": 1, "kind": 3, "count": 2}]}', "kind must be a text"),
        (b'{"rows": [{"size": "a", "kind": "up", "count": 2}]}', "send"),
        (b'{"rows": [{"size": 1e999, "kind": "up", "count": 2}]}', "finite"),
        (b'{"rows": [{"size": 1, "kind": "up", "count": 2.5}]}', "count must be whole"),
        (b'{"rows": [{"size": 1, "kind": "up", "count": null}]}', "count must be whole"),
    ],
)
def test_a_wrong_row_of_a_table_is_told_why(served_table, body, message):
    with pytest.raises(urllib.error.HTTPError) as refused:
        ask(served_table[2], body)
    with refused.value as answer:
        assert answer.code == 400
        assert message in json.load(answer)["error"]
