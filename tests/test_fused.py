"""Steps without autograd end where autograd's do, to 1e-8 in float64."""

import pickle

import numpy as np
import pytest
import scipy.sparse as sp
import torch

from cases import LOSSES, SCHEDULES, SMALL, make_labels, make_soft, multi, same_weights
from sklearn_softloss import MultiLabelSigmoidClassifier, SoftTargetMLPClassifier, losses
from sklearn_softloss._training import adam, batches, fused
from sklearn_softloss._training.adam import LazyColumns, memory_of
from sklearn_softloss._training.net import TrainingNet

pytestmark = pytest.mark.filterwarnings("ignore::sklearn.exceptions.ConvergenceWarning")

WITH_GRADIENT = [loss for loss in LOSSES if loss.offers_gradient]
SOLVERS = ["adam", "adamw", "sgd", "adadelta", "rmsprop"]


@pytest.fixture
def both_ways(monkeypatch):
    """Fits twice, with fused steps and with autograd, and compares."""

    def compare(Estimator, X, Y, fit_params=None, **params):
        params = {**SMALL, "max_iter": 6, "batch_size": 32, "alpha": 0.1, **params}
        quick = Estimator(**params).fit(X, Y, **(fit_params or {}))
        assert quick.net_.fuses_
        with monkeypatch.context() as patch:
            patch.setattr(TrainingNet, "can_fuse", lambda self: False)
            plain = Estimator(**params).fit(X, Y, **(fit_params or {}))
        assert not plain.net_.fuses_
        same_weights(quick, plain, rtol=1e-8, atol=1e-8)
        np.testing.assert_allclose(quick.loss_curve_, plain.loss_curve_, rtol=1e-8)
        return quick

    return compare


def task(loss):
    if loss.domain == "distribution":
        return SoftTargetMLPClassifier, *make_soft()
    return MultiLabelSigmoidClassifier, *make_labels()


@pytest.mark.parametrize("loss", WITH_GRADIENT, ids=repr)
@pytest.mark.parametrize("solver", SOLVERS)
def test_every_loss_and_solver(both_ways, loss, solver):
    both_ways(*task(loss), loss=loss, solver=solver, learning_rate_init=0.01)


@pytest.mark.parametrize("solver", SOLVERS)
@pytest.mark.parametrize("alpha", [1e3, 1e7])
def test_every_solver_under_a_penalty_beyond_its_rate(both_ways, solver, alpha):
    both_ways(MultiLabelSigmoidClassifier, *make_labels(), solver=solver, alpha=alpha)


@pytest.mark.parametrize("schedule", SCHEDULES)
@pytest.mark.parametrize("solver", ["adam", "sgd"])
def test_every_schedule(both_ways, schedule, solver):
    X, Y = make_soft()
    both_ways(
        SoftTargetMLPClassifier, X, Y, solver=solver, learning_rate=schedule, n_iter_no_change=1,
        tol=1.0, learning_rate_init=0.05,
    )  # fmt: skip


@pytest.fixture(params=["small products", "large products"])
def sized_products(request, monkeypatch):
    if request.param == "large products":
        monkeypatch.setattr(fused, "SMALL_PRODUCT", 0)


@pytest.mark.usefixtures("sized_products")
@pytest.mark.parametrize("activation", ["identity", "logistic", "tanh", "relu"])
@pytest.mark.parametrize("hidden", [(), (8,), (8, 6, 4)])
def test_every_net(both_ways, activation, hidden):
    X, Y = make_labels()
    both_ways(MultiLabelSigmoidClassifier, X, Y, activation=activation, hidden_layer_sizes=hidden)


@pytest.mark.usefixtures("sized_products")
@pytest.mark.parametrize("loss", WITH_GRADIENT, ids=repr)
def test_dropout_weights_and_smoothing(both_ways, loss):
    Estimator, X, Y = task(loss)
    weight = np.random.default_rng(0).random(len(X)) * (np.arange(len(X)) % 5 > 0)
    both_ways(
        Estimator, X, Y, {"sample_weight": weight}, loss=loss, hidden_layer_sizes=(8, 8),
        dropout=0.3, label_smoothing=0.1, class_weight="balanced", early_stopping=True,
    )  # fmt: skip


@pytest.mark.parametrize(
    "loss", [loss for loss in WITH_GRADIENT if loss.domain == "independent"], ids=repr
)
def test_unknown_labels_and_label_weights(both_ways, loss):
    X, Y = make_labels()
    rng = np.random.default_rng(0)
    holed = np.where(rng.random(Y.shape) < 0.3, np.nan, Y)
    weight = rng.random(Y.shape)
    both_ways(MultiLabelSigmoidClassifier, X, holed, {"label_weight": weight}, loss=loss)


@pytest.mark.parametrize("weighted", [False, True])
@pytest.mark.parametrize(("entries", "gathered"), [(1, 2**21), (7, 400), (2**16, 400)])
def test_losses_of_few_rows_at_once(both_ways, monkeypatch, entries, gathered, weighted):
    monkeypatch.setattr(fused, "LOSS_ENTRIES", entries)
    monkeypatch.setattr(batches, "GATHERED_ENTRIES", gathered)
    X, Y = make_labels()
    weight = np.random.default_rng(0).random(len(X)) if weighted else None
    both_ways(MultiLabelSigmoidClassifier, X, Y, {"sample_weight": weight})


class TimesRows(losses.BinaryCrossEntropy):
    batch_dependent = True

    def per_sample(self, logits, target, entry_weight):
        return len(logits) * super().per_sample(logits, target, entry_weight)

    def logit_gradient(self, logits, target, entry_weight):
        return len(logits) * super().logit_gradient(logits, target, entry_weight)


def test_a_loss_of_the_whole_batch_is_that_of_the_step(both_ways):
    both_ways(MultiLabelSigmoidClassifier, *make_labels(), loss=TimesRows())


class ByAutograd(losses.CrossEntropy):
    def logit_gradient(self, logits, target, entry_weight):
        with torch.enable_grad():
            logits = logits.clone().requires_grad_()
            return torch.autograd.grad(self(logits, target, entry_weight).sum(), logits)[0]


def test_the_gradient_of_a_loss_may_come_from_autograd(both_ways):
    own = both_ways(SoftTargetMLPClassifier, *make_soft(), loss=ByAutograd())
    same_weights(own, both_ways(SoftTargetMLPClassifier, *make_soft()), rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize("solver", SOLVERS)
def test_net_and_optimizer_can_be_used_after_a_fit(solver):
    X, Y = make_soft()
    net = SoftTargetMLPClassifier(**{**SMALL, "solver": solver}).fit(X, Y).net_
    net.module_(torch.from_numpy(X)).square().sum().backward()
    assert all(parameter.grad.any() for parameter in net.module_.parameters())
    for group in net.optimizer_.param_groups:
        for flat in group["params"]:
            flat.grad = torch.ones_like(flat)
    before = [flat.clone() for group in net.optimizer_.param_groups for flat in group["params"]]
    net.optimizer_.step()
    after = [flat for group in net.optimizer_.param_groups for flat in group["params"]]
    assert all((a != b).any() for a, b in zip(after, before, strict=True))


def test_sparse_rows_and_labels(both_ways):
    X, Y = make_labels()
    X[np.abs(X) < 0.7] = 0
    sparse = both_ways(MultiLabelSigmoidClassifier, sp.csr_array(X), sp.csr_array(Y))
    same_weights(sparse, both_ways(MultiLabelSigmoidClassifier, X, Y))


def mostly_zeros(seed=0, n=90, d=40):
    rng = np.random.default_rng(seed)
    X = rng.normal(size=(n, d)) * (rng.random((n, d)) < 0.04)
    X[5] = 0
    return X, (rng.random((n, 3)) < 0.4).astype(float)


@pytest.mark.parametrize("hidden", [(), (8,), (8, 6)])
@pytest.mark.parametrize("dtype", ["float64", "float32"])
def test_rows_that_stay_sparse(both_ways, hidden, dtype):
    X, Y = mostly_zeros()
    tolerance = {"rtol": 1e-8, "atol": 1e-8} if dtype == "float64" else {"rtol": 0, "atol": 2e-5}
    kwargs = {"hidden_layer_sizes": hidden, "dtype": dtype, "alpha": 0.1}
    fits = [
        multi(**kwargs).fit(container(X), Y)
        for container in (np.asarray, sp.csr_array, sp.csc_array)
    ]
    for clf in fits[1:]:
        same_weights(clf, fits[0], **tolerance)
        np.testing.assert_allclose(
            clf.predict_proba(sp.csr_array(X)), fits[0].predict_proba(X), **tolerance
        )
    if dtype == "float64":
        both_ways(MultiLabelSigmoidClassifier, sp.csr_array(X), Y, **kwargs)


@pytest.mark.parametrize("params", [{"solver": "lbfgs"}, {"early_stopping": True}], ids=str)
def test_sparse_rows_off_the_beaten_path(params):
    X, Y = mostly_zeros()
    sparse = multi(**params).fit(sp.csr_array(X), Y)
    same_weights(sparse, multi(**params).fit(X, Y), rtol=1e-7, atol=1e-9)


def wide_rows(index=np.int32, n=130, d=300, n_entries=3):
    """Some columns come in every other batch, some now and then, some never."""
    rng = np.random.default_rng(0)
    columns = (d * rng.random((n, n_entries)) ** 8).astype(int)
    rows = np.repeat(np.arange(n), n_entries), columns.ravel()
    X = sp.csr_array((rng.normal(size=n * n_entries), rows), shape=(n, d))
    X.data[X.indptr[7] : X.indptr[8]] = 0
    X.eliminate_zeros()
    X.indices, X.indptr = X.indices.astype(index), X.indptr.astype(index)
    return X, (rng.random((n, 3)) < 0.4).astype(float)


@pytest.fixture
def steps(monkeypatch):
    """A list that grows by one with each step for the columns of a batch alone, which small nets
    take here too."""
    steps, step = [], LazyColumns.step
    monkeypatch.setattr(LazyColumns, "step", lambda self: steps.append(1) or step(self))
    monkeypatch.setattr(adam, "FEWEST_WEIGHTS", 300 * 3)
    return steps


WIDE = {
    "solver": "adamw", "hidden_layer_sizes": (16,), "batch_size": 8, "alpha": 0.5,
    "epsilon": 1e-12,
}  # fmt: skip


@pytest.mark.parametrize(
    "params",
    [
        {},
        {"solver": "adam", "alpha": 0.0},
        {"hidden_layer_sizes": (16, 6), "dropout": 0.3},
        {"hidden_layer_sizes": ()},
        {"learning_rate": "constant", "early_stopping": True},
        {"alpha": 60.0},
        {"beta_1": 0.0},
        {"beta_1": 0.5, "beta_2": 0.7},
        {"encoding": None, "warm_start": True},
    ],
    ids=str,
)
def test_steps_of_few_columns_are_the_dense_steps(both_ways, steps, params):
    X, Y = wide_rows()
    clf = both_ways(MultiLabelSigmoidClassifier, X, Y, **{**WIDE, **params})
    n_batches = -(-len(Y[: int(len(Y) * (0.9 if clf.early_stopping else 1))]) // 8)
    assert len(steps) == clf.n_iter_ * n_batches - 1


@pytest.mark.parametrize("params", [{}, {"solver": "adam", "alpha": 0.0}], ids=str)
def test_the_stabiliser_hardly_moves_steps_of_few_columns(steps, monkeypatch, params):
    """It weighs on moves that are missed by its mean over them."""
    X, Y = wide_rows()
    lazy = multi(**{**WIDE, "epsilon": 1e-8, "max_iter": 6, **params}).fit(X, Y)
    assert steps
    monkeypatch.setattr(adam, "FEWEST_WEIGHTS", np.inf)
    dense = multi(**lazy.get_params()).fit(X, Y)
    np.testing.assert_allclose(lazy.loss_curve_, dense.loss_curve_, rtol=1e-7)
    for found, wanted in zip(lazy.coefs_, dense.coefs_, strict=True):
        np.testing.assert_allclose(found, wanted, rtol=0, atol=1e-4 * np.abs(wanted).max())


@pytest.mark.parametrize(
    ("betas", "n_steps"),
    [((0.0, 0.9), 1), ((0.0, 0.0), np.inf), ((0.9, 0.0), np.inf), ((0.9, 0.81), np.inf)],
)
def test_momentum_lasts_while_it_moves_more_than_a_billionth(betas, n_steps):
    assert memory_of({"betas": betas}) == n_steps
    n_steps = memory_of({"betas": (0.9, 0.99)})
    fall = 0.9 / 0.99**0.5
    assert fall**n_steps <= 1e-9 < fall ** (n_steps - 1)


@pytest.mark.parametrize("index", [np.int32, np.int64])
def test_steps_of_few_columns_in_parts_and_with_weights(both_ways, steps, monkeypatch, index):
    X, Y = wide_rows(index)
    weight = np.random.default_rng(0).random(len(Y)) * (np.arange(len(Y)) % 5 > 0)
    both_ways(MultiLabelSigmoidClassifier, X, Y, {"sample_weight": weight}, **WIDE)
    assert steps
    parts = multi(**{**WIDE, "learning_rate_init": 0.01})
    for _ in range(3):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, Y)))
    with monkeypatch.context() as patch:
        patch.setattr(TrainingNet, "can_fuse", lambda self: False)
        plain = multi(**{**WIDE, "learning_rate_init": 0.01})
        for _ in range(3):
            plain.partial_fit(X, Y)
    same_weights(parts, plain, rtol=1e-8, atol=1e-8)


@pytest.mark.parametrize(
    "params",
    [
        {"solver": "adam"},
        {"beta_1": 0.99, "beta_2": 0.9},
        {"beta_1": 0.998, "beta_2": 0.99999},
        {"alpha": 500.0},
        {"alpha": 1e6},
        {"batch_size": 130},
        {"hidden_layer_sizes": (2,)},
        {"solver": "sgd"},
    ],
    ids=str,
)
def test_steps_are_dense_where_few_columns_would_not_do(both_ways, steps, params):
    X, Y = wide_rows()
    both_ways(MultiLabelSigmoidClassifier, X, Y, **{**WIDE, "max_iter": 2, **params})
    assert not steps


def test_sparse_and_dense_parts_go_on_from_each_other():
    X, Y = mostly_zeros()
    mixed, dense = multi(), multi()
    for container in (sp.csr_array, np.asarray, sp.csr_matrix):
        mixed.partial_fit(container(X), Y)
        dense.partial_fit(X, Y)
    same_weights(mixed, dense, rtol=1e-10, atol=1e-12)


def test_a_matrix_without_entries_trains():
    _, Y = mostly_zeros()
    clf = multi().fit(sp.csr_array((len(Y), 40)), Y)
    assert np.isfinite(clf.predict_proba(sp.csr_array((3, 40)))).all()


def test_a_fit_in_parts_and_through_a_pickle_is_one_fit():
    X, Y = make_soft()
    whole = SoftTargetMLPClassifier(**{**SMALL, "max_iter": 4, "tol": 0}).fit(X, Y)
    parts = SoftTargetMLPClassifier(**SMALL)
    for _ in range(4):
        parts = pickle.loads(pickle.dumps(parts.partial_fit(X, Y)))
    same_weights(parts, whole)


def test_the_fitted_net_keeps_nothing_of_the_training():
    """Parameters own their memory, so a pickle holds each of them once."""
    X, Y = make_soft(n=2000)
    clf = SoftTargetMLPClassifier(**{**SMALL, "hidden_layer_sizes": (300,)}).fit(X, Y)
    for parameter in clf.net_.module_.parameters():
        assert parameter.untyped_storage().nbytes() == parameter.nbytes
    n_weights = sum(parameter.numel() for parameter in clf.net_.module_.parameters())
    # Weights, the optimizer's copy and Adam's two moments, and the generators' states.
    assert len(pickle.dumps(clf)) < 8 * 4 * n_weights + 60_000


@pytest.mark.parametrize("n_threads", [1, 2])
def test_threads_change_nothing(n_threads):
    X, Y = make_soft(n=400)
    before = torch.get_num_threads()
    kwargs = {**SMALL, "hidden_layer_sizes": (64,)}
    one = SoftTargetMLPClassifier(**kwargs).fit(X, Y)
    torch.set_num_threads(n_threads)
    try:
        two = SoftTargetMLPClassifier(**kwargs).fit(X, Y)
    finally:
        torch.set_num_threads(before)
    same_weights(two, one, rtol=1e-10, atol=1e-10)
