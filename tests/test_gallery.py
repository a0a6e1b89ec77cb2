"""Every example of the gallery runs and draws figures that say what is on their axes."""

import runpy
from pathlib import Path

import pytest

from sklearn_softloss._estimators import candidates

plt = pytest.importorskip("matplotlib.pyplot")

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("plot_*.py"))


def named(artist, direction):
    return isinstance(artist, plt.Axes) and getattr(artist, f"get_{direction}label")()


@pytest.fixture
def no_choice(monkeypatch):
    """Fits take the middle; the build of the docs runs the examples as they stand."""
    monkeypatch.setattr(candidates, "candidates_of", lambda *args: ())


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
@pytest.mark.usefixtures("no_choice", "few_epochs")
def test_an_example_draws_labelled_axes(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("Agg")
    plt.close("all")
    try:
        runpy.run_path(str(path), run_name="__main__")
        figures = [plt.figure(number) for number in plt.get_fignums()]
        assert figures
        for figure in figures:
            assert figure.get_supxlabel() or figure.findobj(lambda artist: named(artist, "x"))
            assert figure.get_supylabel() or figure.findobj(lambda artist: named(artist, "y"))
    finally:
        plt.close("all")
