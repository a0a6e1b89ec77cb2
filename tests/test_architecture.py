"""How the files of the package hang together: what is private stays so, and imports run one way.

A room is a folder of the package, or a module that lies beside these folders. What begins with an
underscore inside a folder is that folder's own: neither its modules nor its names are imported from
another room. A private module or folder at the top (`_checks`, `_training`) is open to all rooms.
"""

import ast
import subprocess
import sys
from graphlib import TopologicalSorter
from pathlib import Path

import pytest

import sklearn_softloss

ROOT = Path(sklearn_softloss.__file__).parent


def imports():
    """Pairs of dotted names below the package: the module that imports, and what it imports."""
    for path in sorted(ROOT.rglob("*.py")):
        parts = path.relative_to(ROOT).with_suffix("").parts
        folder = (ROOT.name, *parts[:-1])
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                found = [alias.name.split(".") for alias in node.names]
            elif isinstance(node, ast.ImportFrom):
                above = folder[: len(folder) - node.level + 1] if node.level else ()
                base = [*above, *(node.module or "").split(".")]
                found = [[part for part in [*base, alias.name] if part] for alias in node.names]
            else:
                continue
            for imported in found:
                if imported[0] == ROOT.name:
                    yield ".".join(parts), ".".join(imported[1:]) or "__init__"


def file_of(name):
    """The file that an imported name is taken from: a module, or the face of a folder."""
    parts = name.split(".")
    for n in range(len(parts), 0, -1):
        if ROOT.joinpath(*parts[:n]).with_suffix(".py").exists():
            return ".".join(parts[:n])
        if ROOT.joinpath(*parts[:n], "__init__.py").exists():
            return ".".join([*parts[:n], "__init__"])
    return "__init__"


def room(name):
    return name.split(".")[0]


def is_private(name):
    """Whether a name below its room begins with one underscore."""
    return any(part.startswith("_") and part[:2] != "__" for part in name.split(".")[1:])


def test_what_is_private_stays_in_its_room():
    found = {
        (module, name)
        for module, name in imports()
        if room(module) != room(name)
        if is_private(name)
    }
    assert not found


@pytest.mark.parametrize("place", [file_of, room])
def test_imports_run_one_way(place):
    """No circle between files, nor rooms, imports inside functions and for type checkers too."""
    below = {}
    for module, name in imports():
        if place(module) != place(name):
            below.setdefault(place(module), set()).add(place(name))
    TopologicalSorter(below).prepare()  # raises CycleError, which names the circle


def test_the_reader_of_imports_sees_all_forms():
    found = set(imports())
    assert ("metrics._report", "_targets.encoding.Array") in found
    assert ("metrics.scorers", "metrics._distribution") in found
    assert ("calibration._classifier", "classifiers.SoftTargetMLPClassifier") in found


def test_rooms_without_nets_do_not_import_torch():
    rooms = (
        "targets",
        "metrics",
        "metrics.scorers",
        "model_selection",
        "decision",
        "calibration",
        "datasets",
    )
    code = "import importlib, sys\n" + "".join(
        f"importlib.import_module('{ROOT.name}.{name}'); print('{name}', 'torch' in sys.modules)\n"
        for name in rooms
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split("\n")[:-1] == [f"{name} False" for name in rooms]
