"""The pipeline around our nets that every benchmark with default parameters uses."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler


def scaled(clf: Any, limit: float = 3) -> Any:
    """Standardised features, cut at so many standard deviations: a rare word is no outlier."""
    cut = FunctionTransformer(np.clip, kw_args={"a_min": -limit, "a_max": limit})
    return make_pipeline(StandardScaler(), cut, clf)
