"""For tests and the examples of docstrings alike."""

import pytest


@pytest.fixture(autouse=True)
def _fresh_registry(monkeypatch):
    """Losses that a test or an example registers are forgotten after it."""
    from sklearn_softloss.losses import _base

    monkeypatch.setattr(_base, "_REGISTRY", dict(_base._REGISTRY))
