"""Set before anything imports scipy: the array API checks run only with SCIPY_ARRAY_API=1."""

import os

os.environ["SCIPY_ARRAY_API"] = "1"
# Threads of processes that tests start sleep while they wait: they share the cores with others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
import torch
from hypothesis import settings
from threadpoolctl import threadpool_limits

# Equal examples in every run; HYPOTHESIS_PROFILE=random draws others.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Nets in tests are small; one thread is faster than two, in torch as in BLAS."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)
