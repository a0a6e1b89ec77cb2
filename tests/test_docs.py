"""The pages hold code that runs as it stands, and tables that match the objects."""

import re
import runpy
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "docs" / "add_a_loss.md"]


@pytest.fixture
def fresh_registry(monkeypatch):
    """Losses registered by a page are forgotten after it."""
    from sklearn_softloss.losses import _base

    known = {name: dict(found) for name, found in _base._REGISTRY.items()}
    monkeypatch.setattr(_base, "_REGISTRY", known)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
@pytest.mark.usefixtures("fresh_registry")
def test_code_blocks_run(page, monkeypatch):
    blocks = re.findall(r"```python\n(.*?)```", page.read_text(), re.DOTALL)
    assert blocks
    exec(compile("\n".join(blocks), page.name, "exec"), {"__name__": "__main__"})


def test_table_of_losses_is_up_to_date():
    maker = runpy.run_path(str(ROOT / "docs" / "make_loss_table.py"))
    assert maker["PAGE"].read_text() == maker["page"](), "run python docs/make_loss_table.py"


def test_losses_import_little():
    """Beside torch and numpy nothing heavy: no scikit-learn, no skorch, no scipy."""
    code = (
        "import sys, sklearn_softloss.losses; "
        "print(sorted({'sklearn', 'skorch', 'scipy', 'pandas'} & set(sys.modules)))"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    ).stdout
    assert found.strip() == "[]"
