"""Public names of version 0.1 work until 0.4, and warn of what is written now."""

from importlib import import_module

import numpy as np
import pytest
from sklearn.dummy import DummyClassifier

from sklearn_softloss import metrics
from sklearn_softloss.metrics import scorers

TRUTH = np.array([[0.7, 0.3, 0.0], [0.2, 0.2, 0.6]])
PROBA = np.array([[0.5, 0.25, 0.25], [0.1, 0.3, 0.6]])

OF_0_1 = {
    "metrics": """canberra_distance chebyshev_distance clark_distance cosine_similarity
        intersection_similarity jensen_shannon kl_divergence top_label_error_probability
        total_variation""",
    "metrics.scorers": """cosine_similarity intersection_similarity neg_calibration_loss
        neg_canberra_distance neg_chebyshev_distance neg_clark_distance neg_jensen_shannon
        neg_kl_divergence neg_labelwise_calibration_error neg_labelwise_calibration_loss
        neg_labelwise_refinement_loss neg_refinement_loss neg_top_label_error_probability
        neg_total_variation""",
}


@pytest.mark.parametrize(
    ("module", "name"),
    [(module, name) for module, names in OF_0_1.items() for name in names.split()],
)
def test_an_old_name_works_and_warns(module, name):
    with pytest.warns(FutureWarning, match=rf"{name} is .* now; 0\.4 will refuse the old name"):
        found = getattr(import_module(f"sklearn_softloss.{module}"), name)
    if module == "metrics":
        assert np.isfinite(found(TRUTH, PROBA))
    else:
        model = DummyClassifier(strategy="prior").fit(np.zeros((4, 1)), [0, 1, 1, 1])
        value = found(model, np.zeros((3, 1)), np.array([0, 1, 1]))
        assert np.isfinite(value)
        assert not name.startswith("neg_") or value <= 0


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("chebyshev_distance", (0.25 + 0.1) / 2),
        ("total_variation", (0.25 + 0.1) / 2),
        ("intersection_similarity", 1 - (0.25 + 0.1) / 2),
        ("top_label_error_probability", 1 - (0.7 + 0.6) / 2),
    ],
)
def test_an_old_metric_has_its_value(name, value):
    with pytest.warns(FutureWarning):
        metric = getattr(metrics, name)
    assert metric(TRUTH, PROBA) == pytest.approx(value)


@pytest.mark.parametrize("module", [metrics, scorers])
def test_other_names_are_unknown(module):
    with pytest.raises(AttributeError, match="has no attribute 'chebishev'"):
        module.chebishev  # noqa: B018
