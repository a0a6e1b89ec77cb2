"""Random calls of all estimators; `fuzz.py` says what they are, and has a long form."""

import numpy as np
import pytest

from fuzz import one_call


@pytest.mark.parametrize("seed", range(4))
def test_every_call_ends_in_a_valid_result_or_a_named_refusal(seed):
    rng = np.random.default_rng(seed)
    refused = [one_call(rng)[1] for _ in range(150)]
    assert 0.3 < np.mean(refused) < 0.9
