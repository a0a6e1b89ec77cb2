"""What tests of the export share."""

import functools

import pytest


@pytest.fixture(scope="module", autouse=True)
def _one_registry():
    """torch reads its list of ONNX functions for each export, which is half of one here."""
    try:
        from torch.onnx._internal.exporter._registration import ONNXRegistry
    except ImportError:  # pragma: no cover
        yield
        return
    read_once = staticmethod(functools.cache(ONNXRegistry.from_torchlib))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ONNXRegistry, "from_torchlib", read_once)
        yield
