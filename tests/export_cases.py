"""What tests of the export share."""

import pytest
from sklearn.utils.validation import _num_samples

from cases import SMALL

onnx = pytest.importorskip("onnx")
pytest.importorskip("onnxruntime")
pytest.importorskip("skl2onnx")

from sklearn_softloss.export import check, to_onnx  # noqa: E402

FEW_PASSES = {**SMALL, "max_iter": 4}
EXACT = 1e-12


def agree(estimator, X, within=EXACT, rows=None):
    """The model of an estimator, which answers alike on these rows, on one, and on those given."""
    model = to_onnx(estimator, X)
    onnx.checker.check_model(model, full_check=True)
    for given in (X, X[:1], *([] if rows is None else [rows])):
        found = check(model, estimator, given)
        assert found.n_rows == _num_samples(given)
        assert found.n_other_labels == 0
        assert max(found.differences.values()) <= within
    return model
