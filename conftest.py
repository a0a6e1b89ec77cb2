"""For tests and the examples of docstrings alike."""

from zlib import crc32

import pytest


def pytest_addoption(parser):
    parser.addoption(
        "--one-in", type=int, default=1, help="of the cases of each test, one in so many alone"
    )


def pytest_collection_modifyitems(config, items):
    """Leave of each test its first case, and others by the hash of their names."""
    one_in, kept, left_out, seen = config.getoption("one_in"), [], [], set()
    for item in items:
        test = item.nodeid.partition("[")[0]
        is_first = test not in seen
        seen.add(test)
        chosen = is_first or crc32(item.nodeid.encode()) % one_in == 0
        (kept if chosen else left_out).append(item)
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = kept


@pytest.fixture(autouse=True)
def _fresh_registry(monkeypatch):
    """Losses that a test or an example registers are forgotten after it."""
    from sklearn_softloss.losses import _base

    monkeypatch.setattr(_base, "_REGISTRY", dict(_base._REGISTRY))
