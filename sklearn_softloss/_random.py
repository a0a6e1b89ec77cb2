"""Random generators that leave the global one alone."""

from __future__ import annotations

from typing import Any

import numpy as np
from sklearn.utils import check_random_state


def generator_from(random_state: Any) -> np.random.RandomState:
    """As scikit-learn's, but None asks the operating system for a seed."""
    return check_random_state(np.random.RandomState() if random_state is None else random_state)
