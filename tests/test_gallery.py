"""Every example of the gallery runs and draws figures that say what is on their axes."""

import runpy
from pathlib import Path

import pytest

plt = pytest.importorskip("matplotlib.pyplot")

EXAMPLES = sorted((Path(__file__).parents[1] / "examples").glob("plot_*.py"))


@pytest.mark.parametrize("path", EXAMPLES, ids=lambda path: path.stem)
def test_an_example_draws_labelled_axes(path, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    plt.switch_backend("Agg")
    plt.close("all")
    try:
        runpy.run_path(str(path), run_name="__main__")
        figures = [plt.figure(number) for number in plt.get_fignums()]
        assert figures
        for figure in figures:
            axes = [axis for axis in figure.axes if axis.axison]
            assert any(axis.get_xlabel() for axis in axes)
            assert any(axis.get_ylabel() for axis in axes)
    finally:
        plt.close("all")
