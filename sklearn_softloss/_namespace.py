"""The functions of arrays, which are NumPy's, or those of tensors, in a graph that is written."""

from __future__ import annotations

from typing import Any

import numpy as np
import scipy.special


def namespaces(values: Any) -> tuple[Any, Any]:
    """NumPy and scipy.special, for a tensor torch and torch.special: much has one name in both."""
    if isinstance(values, np.ndarray):
        return np, scipy.special
    import torch  # loads only where it is needed

    return torch, torch.special
