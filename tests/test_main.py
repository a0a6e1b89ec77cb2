"""`python -m sklearn_softloss` tells what a bug report needs, whatever is missing."""

import subprocess
import sys
import tomllib
from pathlib import Path

import numpy as np

import sklearn_softloss
from sklearn_softloss import __main__ as main

PYPROJECT = tomllib.loads((Path(__file__).parents[1] / "pyproject.toml").read_text())["project"]


def facts(text):
    return dict(line.split(": ", 1) for line in text.splitlines())


def test_command_prints_versions():
    found = subprocess.run(
        [sys.executable, "-m", "sklearn_softloss"], capture_output=True, text=True, check=True
    )
    told = facts(found.stdout)
    assert told["sklearn_softloss"] == sklearn_softloss.__version__
    assert told["numpy"] == np.__version__
    assert {"Python", "platform", "torch", "skorch", "CUDA", "threads of torch"} <= set(told)


def test_missing_packages_are_told(monkeypatch):
    monkeypatch.setattr(main, "EXTRAS", {"plots": "no-such-package"})
    assert facts(main.report())["extra plots (no-such-package)"] == "not installed"


def test_extras_are_those_of_the_package():
    extras = set(PYPROJECT["optional-dependencies"]) - {"docs", "test"}
    assert set(main.EXTRAS) == extras
    for extra, package in main.EXTRAS.items():
        assert any(
            wanted.startswith(package) for wanted in PYPROJECT["optional-dependencies"][extra]
        )
