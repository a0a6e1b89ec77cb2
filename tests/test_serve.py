"""The example server, as a process: requests in parallel, and wrong ones, over the loopback."""

import json
import subprocess
import sys
import urllib.error
import urllib.request
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from cases import make_soft
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.export import to_onnx

pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
SERVER = Path(__file__).parents[1] / "examples" / "serve.py"


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    """A classifier, its rows and the address that answers for it."""
    X, Y = make_soft(n=60)
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
