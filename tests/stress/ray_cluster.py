"""Searches on Ray find what they find in one process; for where ray is installed (240 MB).

pip install ray && python tests/stress/ray_cluster.py
"""

import joblib
import numpy as np
from sklearn.base import clone
from sklearn.model_selection import GridSearchCV, cross_validate

from sklearn_softloss import MultiLabelSigmoidClassifier
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.model_selection import MultiLabelStratifiedKFold


def found(n_jobs):
    """What each way of running many fits ends with."""
    draw = np.random.RandomState(0)
    X = draw.normal(size=(300, 6))
    Y = (X[:, :3] + draw.normal(size=(300, 3)) > 0.3).astype(int)
    net = MultiLabelSigmoidClassifier((16,), max_iter=5, random_state=0)
    cv = MultiLabelStratifiedKFold(3, shuffle=True, random_state=0)
    tuned = TunedDecisionClassifierCV(net, cv=3, random_state=0, n_jobs=n_jobs)
    search = GridSearchCV(net, {"alpha": [0.01, 1.0, 100.0]}, cv=cv)
    yield search.fit(X, Y).cv_results_["mean_test_score"]
    yield cross_validate(clone(net), X, Y, cv=cv)["test_score"]
    yield tuned.fit(X, Y).predict(X)


def main():
    import ray
    from ray.util.joblib import register_ray

    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False)
    register_ray()
    alone = list(found(None))
    with joblib.parallel_config("ray"):
        spread = list(found(2))
    for one, other in zip(alone, spread, strict=True):
        np.testing.assert_array_equal(one, other)
    print("GridSearchCV, cross_validate and TunedDecisionClassifierCV: equal")


if __name__ == "__main__":
    main()
