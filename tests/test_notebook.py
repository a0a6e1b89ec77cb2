"""What a notebook shows of an estimator: a link to its page, and what a fit settled."""

import inspect

import numpy as np
import pytest
from sklearn import __version__ as sklearn_version
from sklearn.base import BaseEstimator
from sklearn.utils.fixes import parse_version

import sklearn_softloss
from sklearn_softloss import SoftTargetMLPClassifier, _estimator_base
from sklearn_softloss.decision import Thresholds

PARTS = [getattr(sklearn_softloss, name) for name in sklearn_softloss.__all__]
ROOMS = [sklearn_softloss, *filter(inspect.ismodule, PARTS)]
PUBLIC = {
    f"{room.__name__}.{name}": getattr(room, name)
    for room in ROOMS
    for name in room.__all__
    if inspect.isclass(found := getattr(room, name))
    and issubclass(found, BaseEstimator)
    and not inspect.isabstract(found)
}


@pytest.fixture
def on_a_site(monkeypatch):
    """The address that an installed package names in its metadata."""
    monkeypatch.setattr(_estimator_base, "site", lambda: "https://docs.test/softloss")


@pytest.mark.parametrize("name", PUBLIC)
def test_every_estimator_links_to_its_page(name, on_a_site):
    estimator = object.__new__(PUBLIC[name])  # some need an estimator
    assert estimator._get_doc_link() == f"https://docs.test/softloss/generated/{name}.html"


def test_the_link_is_in_the_representation(on_a_site):
    html = SoftTargetMLPClassifier()._repr_html_()
    assert 'href="https://docs.test/softloss/generated/' in html
    assert "https://scikit-learn.org" not in html


def test_a_class_of_the_user_has_no_page_here(on_a_site):
    class Mine(Thresholds):
        pass

    assert Mine()._get_doc_link() == ""


@pytest.mark.parametrize(
    ("urls", "site"),
    [
        (None, ""),
        (["Source, https://code.test/x"], ""),
        (["Source, https://code.test/x", "Documentation, https://docs.test/a,b/"],
         "https://docs.test/a,b"),
    ],
)  # fmt: skip
def test_the_address_is_that_of_the_metadata(urls, site, monkeypatch):
    class Metadata:
        def get_all(self, name):
            assert name == "Project-URL"
            return urls

    monkeypatch.setattr(_estimator_base, "metadata", lambda name: Metadata())
    _estimator_base.site.cache_clear()
    try:
        assert _estimator_base.site() == site
        assert bool(SoftTargetMLPClassifier()._get_doc_link()) == bool(site)
    finally:
        _estimator_base.site.cache_clear()


@pytest.mark.skipif(
    parse_version(sklearn_version) < parse_version("1.9"), reason="shown from scikit-learn 1.9"
)
def test_what_a_fit_settled_is_shown():
    X = np.random.default_rng(0).normal(size=(80, 2))
    clf = SoftTargetMLPClassifier((8,), max_iter=3, random_state=0).fit(X, X[:, 0] > 0)
    html = clf._repr_html_()
    for name in ("n_iter_", "loss_", "alpha_", "dropout_", "selection_results_", "classes_"):
        assert f">{name}<" in html, name
    assert ">n_iter_<" not in SoftTargetMLPClassifier()._repr_html_()
