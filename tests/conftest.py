"""Set before anything imports scipy: the array API checks run only with SCIPY_ARRAY_API=1."""

import gc
import os
from functools import cache

os.environ["SCIPY_ARRAY_API"] = "1"
# Threads of processes that tests start sleep while they wait: they share the cores with others.
os.environ.setdefault("OMP_WAIT_POLICY", "PASSIVE")

import pytest
from hypothesis import settings

gc.set_threshold(50_000, 20, 20)  # looking for garbage took a sixth of the time of torch's exports

# Equal examples in every run; HYPOTHESIS_PROFILE=random draws others.
settings.register_profile("fixed", deadline=None, derandomize=True)
settings.register_profile("random", deadline=None, derandomize=False)
settings.load_profile(os.environ.get("HYPOTHESIS_PROFILE", "fixed"))


@pytest.fixture(scope="session", autouse=True)
def _one_thread():
    """Nets in tests are small; one thread is faster than two, in torch as in BLAS."""
    import torch  # not where pytest-xdist hands out the tests, which waits for it
    from threadpoolctl import threadpool_limits

    before = torch.get_num_threads()
    torch.set_num_threads(1)
    with threadpool_limits(1):
        yield
    torch.set_num_threads(before)


@pytest.fixture
def few_epochs(monkeypatch):
    """Fits that plan their epochs train for eight."""
    from sklearn_softloss import SoftLossMLPRegressor
    from sklearn_softloss._estimators.estimator import NetEstimator

    for kind in (NetEstimator, SoftLossMLPRegressor):
        monkeypatch.setattr(kind, "_planned_epochs", 8)


@pytest.fixture(scope="session")
def torch_looks_once():
    """Lists of all operators, which torch makes anew for each export, are half of its time."""
    try:
        from torch._export.utils import _collect_all_valid_cia_ops as operators
        from torch.export import decomp_utils, exported_program
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:  # pragma: no cover
        yield
        return
    with pytest.MonkeyPatch.context() as patch:
        found = cache(operators)
        for module in (decomp_utils, exported_program):
            patch.setattr(module, operators.__name__, lambda: set(found()), raising=False)
        read_once = cache(ONNXRegistry.from_torchlib)
        patch.setattr(ONNXRegistry, "from_torchlib", staticmethod(read_once))
        yield
