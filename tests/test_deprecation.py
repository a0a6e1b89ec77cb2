"""Old names work for a while, warn where they are used, and say until when."""

import inspect
import sys
import types
import warnings

import pytest
from sklearn.base import BaseEstimator, clone

from sklearn_softloss._deprecation import renamed, renamed_argument


@renamed_argument("passes", "epochs", until="0.4")
def train(rows, *, epochs=3):
    return rows, epochs


class Estimator(BaseEstimator):
    @renamed_argument("passes", "epochs", until="0.4")
    def __init__(self, epochs=3):
        self.epochs = epochs


def test_the_old_name_of_an_argument_works_and_warns_at_the_caller():
    with pytest.warns(
        FutureWarning, match=r"passes= is called epochs= now.*in sklearn_softloss 0\.4"
    ) as caught:
        assert train(1, passes=5) == (1, 5)
    assert caught[0].filename == __file__


def test_the_new_name_is_silent_and_alone_in_the_signature():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert train(1, epochs=5) == (1, 5)
        assert train(1) == (1, 3)
    assert list(inspect.signature(train).parameters) == ["rows", "epochs"]


def test_both_names_at_once_are_refused():
    with pytest.raises(TypeError, match="passes is the old name of epochs: give epochs alone"):
        train(1, passes=5, epochs=5)


def test_an_estimator_has_the_new_parameter_alone():
    with pytest.warns(FutureWarning, match="passes="):
        old = Estimator(passes=5)
    assert old.get_params() == {"epochs": 5}
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert clone(old).epochs == 5


def test_the_old_name_of_a_function_is_found_in_its_module(monkeypatch):
    module = types.ModuleType("softloss_test_module")
    module.__getattr__ = renamed(module.__name__, {"fit_passes": train}, until="0.4")
    monkeypatch.setitem(sys.modules, module.__name__, module)
    with pytest.warns(FutureWarning, match=r"softloss_test_module\.fit_passes is called train now"):
        from softloss_test_module import fit_passes
    assert fit_passes is train
    with pytest.raises(AttributeError, match="has no attribute 'other'"):
        _ = module.other
