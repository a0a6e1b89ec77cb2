"""Forks, interrupts and threads: what a process shares is as found, and no child waits for ever."""

import ast
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from cases import BENCHMARKS, make_soft
from sklearn_softloss import SoftTargetMLPClassifier, losses
from stress import interrupts, load

START = """
import os, threading, time
import numpy as np, torch
from torch import nn
from joblib import Parallel, delayed
from sklearn_softloss import SoftTargetMLPClassifier, losses

X, y = np.random.default_rng(0).normal(size=(600, 60)), np.arange(600) % 2
# Batches of 600 rows on 600 units are work enough for several threads.
wide = SoftTargetMLPClassifier((600, 600), batch_size=600, max_iter=2, alpha=1.0, random_state=0)
quick = SoftTargetMLPClassifier((4,), max_iter=1, alpha=1.0, random_state=0)

def in_child(work):
    child = os.fork()
    if child == 0:
        work()
        os._exit(0)
    _, status = os.waitpid(child, 0)
    assert status == 0, status
"""

ON_THREADS = "torch.set_num_threads({})"

DURING_A_FIT_OF_A_MODULE = """
building, may_go_on = threading.Event(), threading.Event()

def slow(n_in, n_out):
    building.set()
    may_go_on.wait()
    return nn.Linear(n_in, n_out)

thread = threading.Thread(target=SoftTargetMLPClassifier(module=slow, max_iter=1).fit, args=(X, y))
thread.start()
building.wait()
in_child(lambda: SoftTargetMLPClassifier(module=nn.Linear, max_iter=1).fit(X, y))
may_go_on.set()
thread.join()
"""

DURING_FITS = """
stop = threading.Event()

def fit_on():
    while not stop.is_set():
        wide.__class__(**wide.get_params()).fit(X, y)

threads = [threading.Thread(target=fit_on) for _ in range(2)]
for thread in threads:
    thread.start()
quick.fit(X, y)
for _ in range(3):
    in_child(lambda: (wide.fit(X, y), quick.predict_proba(X)))
stop.set()
for thread in threads:
    thread.join()
"""

AFTER_A_FIT = """
wide.fit(X, y)
in_child(lambda: (wide.predict_proba(X), wide.fit(X, y)))
"""

JOBLIB = """
wide.fit(X, y)
wanted = wide.predict_proba(X)
found = Parallel(n_jobs=2, backend="multiprocessing")(
    delayed(wide.predict_proba)(X) for _ in range(4)
)
assert all(np.allclose(wanted, one) for one in found)
"""

PRELOADED = """
wide.fit(X, y)
wanted = wide.predict_proba(X)

def serve():
    def answer():
        for row in range(50):
            assert np.allclose(wide.predict_proba(X[row : row + 1]), wanted[row], atol=1e-5)
    threads = [threading.Thread(target=answer) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert np.allclose(wide.predict_proba(X), wanted, atol=1e-5)

in_child(serve)
in_child(serve)
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows does not fork")
def test_a_forked_child_can_fit_and_predict():
    works = [DURING_A_FIT_OF_A_MODULE, DURING_FITS, AFTER_A_FIT, JOBLIB, PRELOADED]
    code = "\n".join([START, ON_THREADS.format(1), *works, ON_THREADS.format(4), *works])
    done = subprocess.run(
        [sys.executable, "-W", "ignore", "-c", code], capture_output=True, text=True, timeout=400
    )
    assert done.returncode == 0, done.stderr


@pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="no timers to interrupt by")
def test_an_interrupt_at_any_moment_leaves_all_as_it_was():
    # In a process without the hooks of test tools, one of which may take the interrupt for itself.
    done = subprocess.run(
        [sys.executable, interrupts.__file__, "10"], capture_output=True, text=True, check=True
    )
    assert sum(ast.literal_eval(done.stdout).values()) == 10
    assert not done.stderr


def test_an_interrupted_part_is_as_if_it_had_not_been(monkeypatch):
    X, Y = make_soft()
    params = {"hidden_layer_sizes": (8,), "random_state": 0}
    clf, undisturbed = (SoftTargetMLPClassifier(**params).partial_fit(X, Y) for _ in range(2))
    calls = []

    def third_time_interrupted(self, *args):
        calls.append(0)
        if len(calls) == 3:
            raise KeyboardInterrupt
        return whole(self, *args)

    whole = losses.CrossEntropy.logit_gradient
    with monkeypatch.context() as patch:
        patch.setattr(losses.CrossEntropy, "logit_gradient", third_time_interrupted)
        with pytest.raises(KeyboardInterrupt):
            clf.partial_fit(X, Y)
    for one in (clf, undisturbed):
        one.partial_fit(X, Y)
    np.testing.assert_array_equal(clf.predict_proba(X), undisturbed.predict_proba(X))
    assert len(clf.net_.history) == len(undisturbed.net_.history) == 2


def test_threads_predict_and_fit_side_by_side():
    found = load.side_by_side(2, n_predict=4, n_fit=2)
    assert found["wrong"] == 0
    assert min(found["answers"], found["fits"]) > 0


@pytest.mark.skipif(not load.STATM.exists(), reason="resident memory is read from /proc")
def test_memory_does_not_grow_over_single_rows():
    code = "from stress import load; print(load.single_rows(10_000))"
    tests = Path(__file__).parent
    done = subprocess.run(
        [sys.executable, "-c", code], cwd=tests, capture_output=True, text=True, check=True
    )
    assert float(done.stdout) < 2  # MiB: 270 bytes a row would be more


MAPPED = """
import sys
import numpy as np
from harness.memory import PeakMemory
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss._training import batches

batches.COPIED_BYTES = 0
X = np.memmap(sys.argv[1], np.float32, "r", shape=(400_000, 128))
y = np.arange(400_000) % 2
clf = SoftTargetMLPClassifier((8,), max_iter=1, batch_size=4000, random_state=0)
clf.fit(np.array(X[:4000]), y[:4000])  # torch allocates its own at the first step
with PeakMemory() as memory:
    clf.fit(X, y)
assert len(clf.selection_results_["param_alpha"]) > 1
print(memory.megabytes)
"""


@pytest.mark.skipif(not load.STATM.exists(), reason="peak memory is read from /proc")
def test_a_fit_and_its_choice_let_go_of_a_memory_mapped_file(tmp_path):
    """Of 195 MB, of which a fit that reads all and lets go of none holds all, and its own 30."""
    rng = np.random.default_rng(0)
    with (tmp_path / "x").open("wb") as file:
        for _ in range(8):
            rng.standard_normal((50_000, 128), dtype=np.float32).tofile(file)
    run = [sys.executable, "-W", "ignore", "-c", MAPPED, str(tmp_path / "x")]
    done = subprocess.run(run, cwd=BENCHMARKS, capture_output=True, text=True, check=True)
    assert float(done.stdout) < 160
