"""Every public name is documented in full, by the checks of numpydoc."""

import ast
import inspect
from importlib import import_module

import pytest
from numpydoc.docscrape import ClassDoc
from numpydoc.validate import validate

import sklearn_softloss
from sklearn_softloss._estimators.documented import documented

OFF = {
    "ES01": "a summary that says it all needs no second paragraph",
    "SA01": "See Also is for names that a reader would miss; many have none",
    "SA04": "a name in See Also may explain itself",
    "RT02": "a return value has a name where that tells more than its type, as in scikit-learn",
    "RT03": "`self`, or a value that the summary names, needs no second description",
    "SS05": "the check takes nouns that end in s for verbs, as in 'Class probabilities'",
}
OFF_FOR_MEMBERS = {"EX01": "the example of the class shows its methods together"}
RESULT = {"PR01": "made by a function; its Attributes tell", "EX01": "see that function's example"}
BASE = {"EX01": "a base class: the example stands in the classes derived from it"}
EXCEPTIONS = {
    "calibration._base.Calibrator": BASE,
    "decision._base.DecisionRule": BASE,
    "losses._base.DistributionLoss": BASE,
    "losses._base.IndependentLoss": BASE,
    "losses._base.Loss": BASE,
    "losses._counts.NonnegativeLoss": BASE,
    "metrics._decomposition.CalibrationDecomposition": RESULT,
    "metrics._report.MultilabelReport": RESULT,
}


def public_objects():
    """Public functions and classes: everything in `__all__` of the package and its modules."""
    exported = [getattr(sklearn_softloss, name) for name in sklearn_softloss.__all__]
    modules = [found for found in exported if inspect.ismodule(found)]
    modules.append(import_module("sklearn_softloss.metrics.scorers"))
    exported += [getattr(module, name) for module in modules for name in module.__all__]
    return [found for found in exported if inspect.isclass(found) or inspect.isfunction(found)]


def public_members(cls):
    """Names of methods and properties, each where the docstring stands that help() shows."""
    for name in dir(cls):
        owners = [owner for owner in cls.__mro__ if name in vars(owner)]
        if name.startswith("_") or not owners[-1].__module__.startswith("sklearn_softloss"):
            continue
        owner = next((owner for owner in owners if vars(owner)[name].__doc__), owners[0])
        found = vars(owner)[name]
        if inspect.isroutine(getattr(owner, name)) or isinstance(found, property):
            yield f"{owner.__module__}.{owner.__qualname__}.{name}"


OBJECTS = {f"{found.__module__}.{found.__qualname__}": found for found in public_objects()}
MEMBERS = {name for cls in OBJECTS.values() if inspect.isclass(cls) for name in public_members(cls)}


def check(name, off):
    off = {**OFF, **off, **EXCEPTIONS.get(name.removeprefix("sklearn_softloss."), {})}
    assert [error for error in validate(name)["errors"] if error[0] not in off] == []


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_functions_and_classes(name):
    check(name, {})


@pytest.mark.parametrize("name", sorted(MEMBERS))
def test_methods_and_properties(name):
    check(name, OFF_FOR_MEMBERS)


@pytest.mark.parametrize("name", EXCEPTIONS)
def test_exceptions_exist(name):
    assert f"sklearn_softloss.{name}" in OBJECTS


@pytest.mark.parametrize("name", sorted(OBJECTS))
def test_a_tool_that_reads_the_source_finds_the_docstring(name):
    """Not one that the module computes, as an f-string; but for entries that nets share."""
    found = OBJECTS[name]
    tree = ast.parse(inspect.getsource(inspect.getmodule(found)))
    (node,) = (node for node in tree.body if getattr(node, "name", None) == found.__name__)
    whole, in_source = inspect.cleandoc(found.__doc__), ast.get_docstring(node)
    if "documented" in [getattr(one, "id", None) for one in node.decorator_list]:
        assert set(in_source.split("\n")) <= set(whole.split("\n"))
    else:
        assert in_source == whole


NETS = [
    sklearn_softloss.MultiLabelSigmoidClassifier,
    sklearn_softloss.SoftLossMLPRegressor,
    sklearn_softloss.SoftTargetMLPClassifier,
    sklearn_softloss.annotators.AnnotatorMLPClassifier,
]


@pytest.mark.parametrize("net", NETS)
def test_nets_list_their_parameters_in_order_with_their_defaults(net):
    parameters = inspect.signature(net).parameters
    entries = ClassDoc(net)["Parameters"]
    assert [name for entry in entries for name in entry.name.split(", ")] == list(parameters)
    for entry in entries:
        defaults = [parameters[name].default for name in entry.name.split(", ")]
        shown = ", ".join(f'"{one}"' if isinstance(one, str) else repr(one) for one in defaults)
        assert entry.type.endswith(f"default={shown}")
    described = {name for entry in ClassDoc(net)["Attributes"] for name in entry.name.split(", ")}
    assert {"net_", "coefs_", "alpha_", "loss_curve_", "n_features_in_", "encoding_"} <= described


def test_a_class_without_a_docstring_gets_none():
    """As under python -OO."""
    bare = documented(type("Bare", (NETS[0],), {}))
    assert bare.__doc__ is None
