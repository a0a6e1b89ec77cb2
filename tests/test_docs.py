"""The pages hold code that runs as it stands, links that lead somewhere, and every public name."""

import inspect
import re
import runpy
import subprocess
import sys
from importlib import import_module
from itertools import pairwise
from pathlib import Path

import pytest
from PIL import Image

import sklearn_softloss
from harness.leads import LEADS, MOST_COLUMNS, Lead, arranged, is_large, is_table, size_of

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
BUILT = {"_build", "auto_examples", "generated"}
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text(encoding="utf-8")
    for page in sorted([*ROOT.glob("*.md"), *DOCS.rglob("*.md")])
    if not BUILT & set(page.relative_to(ROOT).parts)
}
CODE = {page: re.findall(r"```python\n(.*?)```", text, re.S) for page, text in PAGES.items()}
LINK = re.compile(r"\]\(<?([^)\s>]+)|^\[[^\]]+\]: (\S+)|\{(?:image|figure|include)\} (\S+)", re.M)


@pytest.fixture
def no_windows():
    """Figures that a page draws are closed after it."""
    import matplotlib.pyplot as plt

    plt.switch_backend("agg")
    yield
    plt.close("all")


@pytest.mark.parametrize(
    ("page", "block"), [(page, i) for page, blocks in CODE.items() for i in range(len(blocks))]
)
@pytest.mark.usefixtures("no_windows")
def test_a_block_of_code_runs_alone(page, block, tmp_path, monkeypatch):
    code = CODE[page][block]
    if "to_onnx" in code:
        pytest.importorskip("onnx")
    monkeypatch.chdir(tmp_path)
    exec(compile(code, f"{page}, block {block}", "exec"), {"__name__": "__main__"})


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_to_files(page):
    text = re.sub(r"```python.*?```|`[^`\n]*`", "", PAGES[page], flags=re.S)
    targets = ["".join(found).partition("#")[0] for found in LINK.findall(text)]
    built_later = re.compile(r"https?:|mailto:|(\.\./)*(auto_examples|generated)/")
    files = [target for target in targets if target and not built_later.match(target)]
    missing = [name for name in files if not (ROOT / page).parent.joinpath(name).exists()]
    assert not missing


EVIDENCE = [page for page in PAGES if page.startswith("docs/benchmarks/") and "index" not in page]


@pytest.mark.parametrize("page", EVIDENCE)
def test_a_page_of_figures_opens_with_a_sentence_and_what_it_shows(page):
    title, sentence, shown, *rest = PAGES[page].split("\n\n")
    assert title.startswith("# ")
    assert len(sentence.split()) < 40
    assert "Written by" not in sentence
    if is_table(shown):
        assert size_of(shown)[1] <= MOST_COLUMNS
    else:
        assert shown.startswith("![")
    for before, text in pairwise(rest):
        assert not is_large(text) or before.startswith("<details>"), text[:60]
    assert "## How this was measured" in rest
    assert Path(page).stem in LEADS


def test_a_page_is_put_in_order(monkeypatch):
    small, wide = "| a | b |\n|---|---|\n| x | 1 |\n| y | 2 |", "|a" * 7 + "|\n" + "|---" * 7 + "|"
    monkeypatch.setitem(LEADS, "test", Lead("What it says.", table=1, columns=(1,), only="y"))
    given = ["# Title", "Written by `a.py`.", "2026-11-01, x86_64", "## Part", wide, small]
    assert arranged("test", given) == [
        "# Title",
        "What it says.",
        "| b |\n|---|\n| 2 |",
        "## Part",
        f"<details><summary>{', '.join('a' * 7)}</summary>\n\n{wide}\n\n</details>",
        small,
        "## How this was measured",
        "Written by `a.py`.",
        "2026-11-01, x86_64",
    ]
    monkeypatch.setitem(LEADS, "test", Lead())  # its own first paragraph, its first table moved up
    given = ["# Title", "It says.", "Written by `a.py`.", small, "More."]
    assert arranged("test", given)[:4] == ["# Title", "It says.", small, "More."]
    given.insert(3, "## One table")
    assert arranged("test", given)[:4] == ["# Title", "It says.", small, "More."]


def test_api_page_lists_every_public_name():
    modules = [sklearn_softloss, import_module("sklearn_softloss.metrics.scorers")]
    modules += [import_module(f"sklearn_softloss.{name}") for name in sklearn_softloss._MODULES]
    pages = [page.read_text(encoding="utf-8") for page in DOCS.glob("api/*.rst")]
    sections = [page.split(".. automodule:: ")[1] for page in pages if "automodule" in page]
    entry = re.compile(r"^(?:\.\. py:data::|\s+) (\w+)$", re.M)
    listed = {section.split()[0]: set(entry.findall(section)) for section in sections}
    for module in modules:
        public = {name for name in module.__all__ if not inspect.ismodule(getattr(module, name))}
        assert listed[module.__name__] == public - {"__version__"}, module.__name__


def test_table_of_losses_is_up_to_date():
    maker = runpy.run_path(str(DOCS / "make_loss_table.py"))
    assert maker["PAGE"].read_text() == maker["page"](), "run python docs/make_loss_table.py"


def test_picture_of_our_standing_is_up_to_date():
    maker = runpy.run_path(str(DOCS / "make_standing.py"))
    with Image.open(maker["PICTURE"]) as picture:
        assert picture.text["Description"] == maker["figures"](), "run python docs/make_standing.py"


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
