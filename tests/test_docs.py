"""The pages hold code that runs as it stands, links that lead somewhere, and every public name."""

import inspect
import re
import runpy
import subprocess
import sys
from functools import partial
from pathlib import Path

import distributed
import pytest
from PIL import Image

import sklearn_softloss
from harness.leads import LEADS, MOST_COLUMNS, Lead, arranged, cells_of, is_table
from sklearn_softloss._estimators import candidates
from sklearn_softloss.metrics import scorers

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


@pytest.fixture
def little_work(page, monkeypatch, request):
    """Fits choose between three and train for eight epochs, but where a page says what was chosen;
    the workers of a cluster are threads, which import nothing anew."""
    all_of = candidates.candidates_of

    def three(*args):
        return tuple(all_of(*args)[place] for place in (0, 5, -1))

    if page != "docs/guide/columns.md":
        monkeypatch.setattr(candidates, "candidates_of", three)
        request.getfixturevalue("few_epochs")
    monkeypatch.setattr(distributed, "Client", partial(distributed.Client, processes=False))


@pytest.mark.parametrize(
    ("page", "block"), [(page, i) for page, blocks in CODE.items() for i in range(len(blocks))]
)
@pytest.mark.usefixtures("no_windows", "little_work", "torch_looks_once")
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
def test_a_page_of_figures_is_a_sentence_a_table_and_details(page):
    title, sentence, shown, heading, *rest = PAGES[page].split("\n\n")
    assert title.startswith("# ")
    assert sentence == LEADS[Path(page).stem].sentence
    assert len(sentence.split()) < 40
    assert is_table(shown)
    assert len(cells_of(shown.splitlines()[0])) <= MOST_COLUMNS
    assert heading == "## Details"
    assert any("Written by" in text for text in rest)
    behind = re.sub(r"<details>.*?</details>", "", "\n\n".join(rest), flags=re.S)
    assert not re.search(r"^(\||#|!\[)", behind, re.M), "all but how it was measured is folded"


def test_a_page_is_put_in_order(monkeypatch):
    small, wide = "| a | b |\n|---|---|\n| x | 1 |", "| b | c | d |\n|---|---|---|\n| 1 | 2 | 3 |"
    given = ["# Title", "Written by `a.py`.", "2026-11-01, x86_64", "## `Part`", "Of it.", wide]
    given += ["## Other", "### First", small, "### Second", "Its text.", small]
    monkeypatch.setitem(LEADS, "test", Lead("What to take.", columns=(0, 2)))
    assert arranged("test", given) == [
        "# Title",
        "What to take.",
        "| b | d |\n|---|---|\n| 1 | 3 |",
        "## Details",
        "Written by `a.py`.",
        "2026-11-01, x86_64",
        f"<details><summary>Part</summary>\n\nOf it.\n\n{wide}\n\n</details>",
        "<details><summary>Other</summary>\n\n**First**\n\n"
        f"{small}\n\n**Second**\n\nIts text.\n\n{small}\n\n</details>",
    ]
    monkeypatch.setitem(LEADS, "test", Lead("What to take."))  # the whole table moves up
    found = arranged("test", given)
    assert found[2:7] == [wide, "## Details", "Written by `a.py`.", "2026-11-01, x86_64", "Of it."]
    monkeypatch.setitem(LEADS, "test", Lead("What to take.", table=1))
    assert arranged("test", given)[-1].startswith(
        "<details><summary>Other</summary>\n\n**Second**\n\nIts text."
    )


def test_api_page_lists_every_public_name():
    parts = [getattr(sklearn_softloss, name) for name in sklearn_softloss.__all__]
    modules = [sklearn_softloss, scorers, *filter(inspect.ismodule, parts)]
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
