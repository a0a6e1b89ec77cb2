"""Mutation testing: small faults put into formulas, one at a time, and whether the tests notice.

``python tests/stress/mutants.py [n]`` draws n faults (210 unless told) with a seed, as many from
each room; ``python tests/stress/mutants.py --again`` tries those that survived the last time.
cosmic-ray finds and makes the faults. Each is tried in a child forked from a process that has
imported torch, so that a fault costs its tests and not an import.
"""

from __future__ import annotations

import argparse
import ast
import compileall
import importlib
import json
import multiprocessing
import os
import random
import re
import shutil
import signal
import sys
import time
from functools import cache
from pathlib import Path
from typing import NamedTuple

from cosmic_ray.commands.init import _all_work_items
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator

ROOT = Path(__file__).resolve().parents[2]
BUILD = ROOT / "build" / "mutants"
SURVIVORS = BUILD / "survivors.json"
PACKAGE = "sklearn_softloss"
LEFT_BEHIND = (
    ".git",
    ".venv*",
    "build",
    "_build",
    "auto_examples",
    "generated",
    "output",
    ".*cache",
)
WORKERS = 2

# Files with formulas, and the tests that should know them beside their own examples.
ROOMS = {
    "losses": (
        ("losses/*.py",),
        "loss_values losses properness criterion every_loss_in_an_estimator names",
    ),
    "training step": (
        (
            "_training/mlp.py",
            "_training/threads.py",
            "_training/fused.py",
            "_columns/standardize.py",
            "_columns/encode.py",
            "_training/schedule.py",
            "_training/adam.py",
        ),
        "defaults standardize encode early_stopping mlp_behaviour solvers fused",
    ),
    "weighting": (
        ("_targets/weighting.py",),
        "targets weights class_weights refusals classifiers",
    ),
    "decisions": (
        ("decision/*.py",),
        "conformal threshold_display decision decision_rules tuned_decision",
    ),
    "targets": (
        ("_targets/[!w]*.py", "targets.py", "soft_rows.py"),
        "targets soft_rows refusals proba_matrix names classifiers annotators regressor",
    ),
    "calibration": (
        ("calibration/*.py",),
        "calibrators calibrators_at_the_limits soft_calibrated_classifier "
        "calibration_against_sklearn",
    ),
    "metrics": (
        ("metrics/*.py",),
        "metrics metrics_calibration metrics_multilabel metrics_multilabel_counts metrics_ranking "
        "metrics_quantiles metrics_annotators metrics_properties scorers decision annotators",
    ),
}
# A sum in place of a product is a fault that people make; a shift in place of it is a TypeError.
ARITHMETIC = {"Add", "Sub", "Mul", "Div", "FloorDiv", "Mod", "Pow"}


class Fault(NamedTuple):
    room: str
    path: str
    operator: str
    occurrence: int
    line: int
    function: str


def is_plausible(operator: str) -> bool:
    kinds = re.search(r"ReplaceBinaryOperator_(\w+)_(\w+)", operator)
    return kinds is None or (kinds[1] in ARITHMETIC) == (kinds[2] in ARITHMETIC)


@cache
def annotated(path: Path) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    """Where the annotations of a file begin and end; nothing evaluates them."""
    notes: list[ast.expr | None] = []
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            notes.append(node.returns)
        elif isinstance(node, (ast.arg, ast.AnnAssign)):
            notes.append(node.annotation)
    return [
        ((note.lineno, note.col_offset), (note.end_lineno or 0, note.end_col_offset or 0))
        for note in notes
        if note is not None
    ]


def faults_of(room: str) -> list[Fault]:
    """One of the faults that may be made at each place, drawn with a seed."""
    rng = random.Random(0)
    paths = [p for pattern in ROOMS[room][0] for p in sorted((ROOT / PACKAGE).glob(pattern))]
    places: dict[tuple[Path, tuple[int, int]], list[Fault]] = {}
    for item in _all_work_items(paths, {}):
        (spec,) = item.mutations
        path, place = spec.module_path, (spec.module_path, spec.start_pos)
        inside = any(first <= spec.start_pos < last for first, last in annotated(path))
        if not inside and is_plausible(spec.operator_name):
            places.setdefault(place, []).append(
                Fault(
                    room,
                    str(path.relative_to(ROOT)),
                    spec.operator_name,
                    spec.occurrence,
                    spec.start_pos[0],
                    str(spec.definition_name),
                )
            )
    return [rng.choice(faults) for faults in places.values()]


def run_tests(copy: Path, room: str, timeout: float, bytecode: bool) -> bool:
    """Whether the room's tests pass in a fork of this process."""
    child = os.fork()
    if not child:
        os.setsid()
        os.chdir(copy)
        sys.path.insert(0, str(copy))
        sys.dont_write_bytecode = not bytecode
        if not bytecode:
            os.environ["PYTHONDONTWRITEBYTECODE"] = "1"
        log = os.open(copy / f"{room}.log", os.O_WRONLY | os.O_CREAT | os.O_TRUNC)
        os.dup2(log, 1)
        os.dup2(log, 2)
        import pytest

        patterns, names = ROOMS[room]
        examples = [str(path) for pattern in patterns for path in (copy / PACKAGE).glob(pattern)]
        tests = [f"tests/test_{name}.py" for name in names.split()] + examples
        os._exit(int(pytest.main(["-x", "-q", "-p", "no:cacheprovider", *tests])))
    ends = time.monotonic() + timeout
    while time.monotonic() < ends:
        ended, status = os.waitpid(child, os.WNOHANG)
        if ended:
            return status == 0
        time.sleep(0.02)
    os.killpg(child, signal.SIGKILL)
    os.waitpid(child, 0)
    return False


def work(number: int, faults: list[Fault], answers: multiprocessing.SimpleQueue) -> None:
    """Try the faults in a copy of the tree, and answer with those that the tests let pass."""
    os.environ["SCIPY_ARRAY_API"] = "1"
    for module in ("torch", "skorch", "sklearn.ensemble", "scipy.stats", "pandas"):
        importlib.import_module(module)
    copy = BUILD / str(number)
    shutil.copytree(ROOT, copy, ignore=shutil.ignore_patterns(*LEFT_BEHIND))
    compileall.compile_dir(copy / PACKAGE, quiet=2)
    timeouts: dict[str, float] = {}
    for fault in faults:
        if fault.room not in timeouts:
            begun = time.monotonic()
            if not run_tests(copy, fault.room, 600, bytecode=True):
                answers.put((fault, "the tests fail without a fault"))
                continue
            timeouts[fault.room] = 30 + 4 * (time.monotonic() - begun)
        path = copy / fault.path
        code = path.read_text()
        mutated = mutate_code(code, get_operator(fault.operator)(), fault.occurrence)
        if mutated is None:
            answers.put((fault, "the file has no such place any more"))
            continue
        path.write_text(mutated)
        survived = run_tests(copy, fault.room, timeouts[fault.room], bytecode=False)
        path.write_text(code)
        answers.put((fault, change(code, mutated) if survived else None))


def change(code: str, mutated: str) -> str:
    pairs = zip(code.splitlines(), mutated.splitlines(), strict=False)
    old, new = next((pair for pair in pairs if pair[0] != pair[1]), ("", ""))
    return f"{old.strip()}  ->  {new.strip()}"


def main(n: int, again: bool) -> None:
    if again:
        faults = [Fault(*fault) for fault, _ in json.loads(SURVIVORS.read_text())]
    else:
        by_room = {room: faults_of(room) for room in ROOMS}
        for room, found in by_room.items():
            print(f"{room}: {len(found)} places")
        rng = random.Random(0)
        share = n // len(ROOMS)
        faults = [
            f for found in by_room.values() for f in rng.sample(found, min(share, len(found)))
        ]
    shutil.rmtree(BUILD, ignore_errors=True)
    BUILD.mkdir(parents=True)
    answers: multiprocessing.SimpleQueue = multiprocessing.SimpleQueue()
    workers = [
        multiprocessing.Process(target=work, args=(i, faults[i::WORKERS], answers))
        for i in range(WORKERS)
    ]
    for worker in workers:
        worker.start()
    tried = dict.fromkeys(ROOMS, 0)
    survivors = []
    for _ in faults:
        fault, survived = answers.get()
        tried[fault.room] += 1
        if survived is not None:
            survivors.append((fault, survived))
            print(f"{fault.path}:{fault.line} {fault.function}: {survived}", flush=True)
            SURVIVORS.write_text(json.dumps(survivors))
    for room, count in tried.items():
        killed = count - sum(fault.room == room for fault, _ in survivors)
        print(f"{room}: {killed} of {count} killed")
    print(f"all: {len(faults) - len(survivors)} of {len(faults)} killed")


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("n", type=int, nargs="?", default=210)
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    main(arguments.n, arguments.again)
