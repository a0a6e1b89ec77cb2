"""Two processes with the rows of one end with its weights; one that fails ends the others."""

import multiprocessing
import os
import pickle
import runpy
import signal
import socket
import sys
import time
from contextlib import ExitStack, contextmanager
from pathlib import Path
from types import SimpleNamespace
from unittest import mock

import numpy as np
import pytest
from sklearn.base import clone

from sklearn_softloss import persistence
from sklearn_softloss._estimators.course import Call, Course
from sklearn_softloss._estimators.data_parallel import check_sharing
from sklearn_softloss.annotators import AnnotatorMLPClassifier
from sklearn_softloss.calibration import SoftCalibratedClassifierCV
from sklearn_softloss.decision import TunedDecisionClassifierCV
from sklearn_softloss.distributed import ALONE, data_parallel, entering
from sklearn_softloss.losses import CrossEntropy
from sklearn_softloss.semi_supervised import GraphLabelSpreading, SoftPseudoLabelClassifier
from two_processes.cases import CASES, LABELS, X, soft, weights

pytestmark = [
    pytest.mark.filterwarnings("ignore:batch_size"),
    pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning"),
]

HERE = Path(__file__).parent / "two_processes"


def free_port():
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return found.getsockname()[1]


def environments():
    """Of two processes, as torchrun sets them."""
    alike = {"WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port())}
    return [{**alike, "RANK": str(rank), "LOCAL_RANK": str(rank)} for rank in (0, 1)]


FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(
    [
        "torch.distributed",
        "torch._dynamo",
        "pandas",
        "sklearn_softloss.decision",
        "sklearn_softloss.regressor",
    ]
)


def run(script, args, environment, file):
    """Run a script beside the cases in this process, and keep what it prints in a file."""
    said = os.open(file, os.O_WRONLY | os.O_CREAT)
    os.dup2(said, 1)
    os.dup2(said, 2)
    os.environ.update(environment)
    sys.argv = [script, *args]
    sys.path.insert(0, str(HERE))
    runpy.run_path(str(HERE / script), run_name="__main__")


@contextmanager
def started_twice(folder, script, *args):
    """Two processes, forked from one that has imported torch, and files of what they print."""
    started = []
    try:
        for rank, environment in enumerate(environments()):
            file = folder / f"said by {rank}"
            file.touch()
            process = FORKS.Process(target=run, args=(script, args, environment, file))
            with mock.patch.dict(os.environ, OMP_NUM_THREADS="1"):  # of the one that is forked
                process.start()
            started.append((process, file))
        yield started
    finally:
        for process, _ in started:
            process.kill()
            process.join()


def output(started, timeout):
    process, file = started
    process.join(timeout)
    assert process.exitcode is not None, file.read_text()
    return file.read_text()


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """What each process found, by the name of the case: weights, and the loss curves."""
    folder = tmp_path_factory.mktemp("two_processes")
    with started_twice(folder, "train.py", str(folder)) as started:
        said = [output(one, timeout=120) for one in started]
    files = [folder / f"{rank}.pickle" for rank in (0, 1)]
    assert all(file.exists() for file in files), "\n".join(said)
    return [pickle.loads(file.read_bytes()) for file in files]


def test_both_processes_end_with_the_same_net(trained):
    first, second = trained
    assert set(first) == set(second) > set(CASES)
    for name in first:
        for ours, others in zip(first[name], second[name], strict=True):
            np.testing.assert_equal(ours, others, err_msg=name)


@pytest.mark.parametrize("name", CASES)
def test_two_processes_take_the_steps_of_one(trained, name):
    estimator, rows, y, given = CASES[name]
    alone = clone(estimator).fit(rows, y, **given)
    found, losses, valid_losses = trained[0][name]
    tolerance = 1e-10 if alone.get_params()["dtype"] == "float64" else 1e-4
    for key, value in weights(alone).items():
        np.testing.assert_allclose(found[key], value, atol=tolerance, err_msg=key)
    np.testing.assert_allclose(losses, alone.loss_curve_, atol=tolerance)
    if alone.early_stopping:
        np.testing.assert_allclose(valid_losses, alone.validation_loss_curve_, atol=tolerance)


def test_parts_take_the_steps_of_one(trained):
    alone = soft()
    for _ in range(3):
        alone.partial_fit(X, LABELS, classes=list("abc"))
    for key, value in weights(alone).items():
        np.testing.assert_allclose(trained[0]["parts"][0][key], value, atol=1e-10)


def test_a_memory_mapped_shard_trains_as_an_array(trained):
    first, second = (trained[0][name][0] for name in ("memory-mapped", "solver adamw"))
    for key, value in first.items():
        np.testing.assert_allclose(second[key], value, atol=1e-12)


def test_a_warm_start_takes_the_steps_of_one(trained):
    alone = soft(warm_start=True)
    for _ in range(2):
        alone.fit(X, np.sort(LABELS))
    for key, value in weights(alone).items():
        np.testing.assert_allclose(trained[0]["warm start"][0][key], value, atol=1e-10)


def test_steps_of_few_rows_train(trained):
    for name in [name for name in trained[0] if "steps of few rows" in name]:
        losses = trained[0][name][1]
        assert losses[-1] < losses[0]


# --- what goes wrong -----------------------------------------------------------------------------

FAILURES = {
    "raises in fit": "process 1 failed with ValueError: X must not hold infinity; row 3, column 2",
    "raises outside": "process 1 failed with KeyError: 'no such file'",
    "leaves early": "FRESH in process 0 and the end of the block of data_parallel() in process 1",
    "ends with sys.exit": "process 1 failed with SystemExit: 3",
    "other parameters": "alpha is 0.1 in process 0 and 0.2 in process 1",
    "other columns": "the same columns in all processes: it has 6 in process 0 and 5 in process 1",
    "other classes": "the names of the columns of y",
    "in another thread": "trains in the thread that entered it",
    "around another": "does not train by data_parallel()",
    "a loss of batches": "compares the rows of a batch",
}


@pytest.fixture
def two_that_fail(tmp_path):
    """Starts two; none outlives the test."""
    with ExitStack() as stack:
        yield lambda kind: stack.enter_context(started_twice(tmp_path, "fail.py", kind))


def wait_until_it_trains(started):
    while "training\n" not in started[1].read_text():
        assert started[0].is_alive(), started[1].read_text()
        time.sleep(0.01)


@pytest.mark.parametrize("kind", FAILURES)
def test_a_failure_in_one_process_is_named_in_the_other(two_that_fail, kind):
    first, second = (output(started, timeout=120) for started in two_that_fail(kind))
    assert FAILURES[kind] in first, first + second
    assert "done\n" not in first or kind == "in another thread"


@pytest.mark.parametrize("seed", range(5))
def test_a_process_killed_at_any_moment_ends_the_other(two_that_fail, seed):
    rank, wait = seed % 2, np.random.default_rng(seed).uniform(0, 0.5)
    started = two_that_fail("goes on")
    wait_until_it_trains(started[1 - rank])
    time.sleep(wait)
    started[rank][0].kill()
    said = output(started[1 - rank], timeout=60)
    assert f"process {rank} was killed, hangs, or cannot be reached" in said


def test_a_process_that_hangs_ends_the_other_after_the_timeout(two_that_fail):
    started = two_that_fail("goes on")
    wait_until_it_trains(started[0])
    os.kill(started[1][0].pid, signal.SIGSTOP)
    said = output(started[0], timeout=60)
    assert "process 1 was killed, hangs, or cannot be reached" in said


def test_the_block_is_entered_as_often_as_one_likes(tmp_path):
    """Also after a failure in all processes, or in one of them."""
    with started_twice(tmp_path, "again.py") as started:
        first, second = (output(one, timeout=120) for one in started)
    assert first.splitlines() == 4 * ["fits"], first + second
    *others, refusal = (line for line in second.splitlines() if not line.startswith("["))  # torch's
    assert others == first.splitlines(), second
    assert refusal.startswith("Not all processes of data_parallel() came within 1 seconds")


@pytest.mark.parametrize(
    "estimator",
    [
        AnnotatorMLPClassifier(),
        GraphLabelSpreading(),
        SoftCalibratedClassifierCV(soft()),
        SoftPseudoLabelClassifier(soft()),
        TunedDecisionClassifierCV(soft()),
    ],
    ids=lambda estimator: type(estimator).__name__,
)
def test_estimators_that_share_no_rows_say_so(estimator):
    with entering(SimpleNamespace(size=2)), pytest.raises(NotImplementedError, match="one process"):
        estimator.fit(X, LABELS)


@pytest.mark.parametrize("params", [{"cv": 3}, {"scoring": "accuracy"}], ids=str)
def test_folds_and_scores_of_ones_own_are_for_one_process(params):
    estimator = soft(alpha="auto", **params)
    with pytest.raises(ValueError, match="cv and scoring are for one process"):
        check_sharing(estimator, Call(X, LABELS, *[None] * 4, CrossEntropy(), Course.FRESH, ALONE))


def test_the_example_trains_the_partitions_of_dask(tmp_path):
    example = Path(__file__).parents[1] / "examples" / "train_in_processes.py"
    with started_twice(tmp_path, str(example), str(tmp_path)) as started:
        first, second = (output(one, timeout=120) for one in started)
    assert first.startswith("2 processes, loss"), first + second
    clf = persistence.load(tmp_path / "net.joblib")
    proba = clf.predict_proba(np.eye(20)[:4])
    np.testing.assert_array_equal(proba.argmax(axis=1), np.arange(4))


# --- without torchrun ----------------------------------------------------------------------------


def test_one_process_trains_as_outside_the_block():
    with data_parallel() as processes:
        inside = soft().fit(X, LABELS)
        SoftCalibratedClassifierCV(soft(max_iter=2), cv=2).fit(X, LABELS)
        TunedDecisionClassifierCV(soft(max_iter=2), cv=2).fit(X, LABELS)
    assert (processes.rank, processes.size) == (0, 1)
    outside = soft().fit(X, LABELS)
    assert all(np.array_equal(*pair) for pair in zip(inside.coefs_, outside.coefs_, strict=True))
