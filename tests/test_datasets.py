"""Example data: simulated with a truth that holds, fetched once from a server on this machine."""

import hashlib
import http.server
import json
import threading

import numpy as np
import pytest
from scipy.io import savemat
from sklearn.base import clone
from sklearn.model_selection import cross_val_score

from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.datasets import (
    _fetched,
    fetch_emotions,
    fetch_hs_brexit,
    fetch_sjaffe,
    make_annotations,
    make_label_sets,
    make_soft_labels,
)
from sklearn_softloss.targets import vote_shares

MAKERS = {
    make_soft_labels: "return_proba",
    make_annotations: "return_truth",
    make_label_sets: "return_proba",
}


@pytest.mark.parametrize("make", MAKERS)
def test_the_same_number_makes_the_same_data(make):
    first, again, other = (make(50, random_state=seed) for seed in (0, 0, 1))
    for a, b, c in zip(first, again, other, strict=True):
        assert a.dtype.kind in "if"
        np.testing.assert_array_equal(a, b)
        assert not np.array_equal(a, c)


@pytest.mark.parametrize(("make", "flag"), MAKERS.items())
def test_asking_for_the_truth_does_not_change_the_data(make, flag):
    without, with_truth = make(50, random_state=0), make(50, random_state=0, **{flag: True})
    assert len(with_truth) == 3
    for a, b in zip(without, with_truth, strict=False):
        np.testing.assert_array_equal(a, b)


@pytest.mark.parametrize("n_classes", [2, 4])
def test_soft_labels_are_votes_drawn_from_the_truth(n_classes):
    X, Y, proba = make_soft_labels(
        4000, n_classes=n_classes, n_votes=4, return_proba=True, random_state=0
    )
    assert X.shape == (4000, 5)
    np.testing.assert_allclose(proba.sum(axis=1), 1)
    np.testing.assert_array_equal(Y * 4, np.rint(Y * 4))
    np.testing.assert_allclose(Y.sum(axis=1), 1)
    # Shares of four votes have variance p (1 - p) / 4 around p.
    np.testing.assert_allclose(((Y - proba) / np.sqrt(proba * (1 - proba) / 4)).std(), 1, atol=0.1)
    exact, sure = (
        make_soft_labels(9, n_votes=None, sharpness=sharpness, random_state=0)[1]
        for sharpness in (0, 50)
    )
    np.testing.assert_allclose(exact, 1 / 3)
    assert sure.max(axis=1).mean() > 0.9


def test_a_net_learns_soft_labels_better_than_their_mean():
    X, Y, proba = make_soft_labels(400, return_proba=True, random_state=0)
    net = SoftTargetMLPClassifier((32,), max_iter=20, random_state=0).fit(X[:300], Y[:300])
    off = np.abs(net.predict_proba(X[300:]) - proba[300:]).mean()
    assert off < 0.7 * np.abs(Y[:300].mean(axis=0) - proba[300:]).mean()


def test_annotators_answer_as_their_camp_does():
    sizes = {"n_annotators": 10, "n_answers": 6, "n_camps": 2, "n_classes": 3}
    X, Y, truth = make_annotations(3000, **sizes, return_truth=True, random_state=0)
    assert X.shape == (3000, 5)
    assert Y.shape == (3000, 10)
    assert truth.camp.tolist() == [0] * 5 + [1] * 3 + [-1] * 2
    np.testing.assert_array_equal((~np.isnan(Y)).sum(axis=1), 6)
    assert (~np.isnan(Y)).mean(axis=0).min() > 0.55  # all answer about as often
    chance = np.concatenate([truth.camp_proba, np.full((1, 3000, 3), 1 / 3)])
    for answers, camp in zip(Y.T, truth.camp, strict=True):
        said = ~np.isnan(answers)
        given = chance[:, said, answers[said].astype(int)].mean(axis=1)
        own = (chance[camp, said] ** 2).sum(axis=1).mean()  # expected where drawn from its own
        np.testing.assert_allclose(given[camp], own, atol=0.03)
    shares, _ = vote_shares(Y, classes=[0, 1, 2])
    np.testing.assert_allclose((shares - truth.proba).mean(axis=0), 0, atol=0.02)
    np.testing.assert_allclose(truth.proba.sum(axis=1), 1)


@pytest.mark.parametrize("n_camps", [1, 2, 5])
def test_every_camp_has_annotators_and_the_first_most(n_camps):
    truth = make_annotations(
        5, n_annotators=n_camps + 3, n_answers=2, n_camps=n_camps, n_spammers=3, return_truth=True
    )[2]
    sizes = np.bincount(truth.camp + 1)
    assert sizes[0] == 3
    assert len(sizes) == n_camps + 1
    assert sizes[1:].min() >= 1
    assert sizes[1] == sizes[1:].max()


def test_label_sets_have_the_prevalence_asked_for():
    X, Y, proba = make_label_sets(
        20_000, n_labels=4, prevalence=(0.5, 0.004), return_proba=True, random_state=0
    )
    assert X.shape == (20_000, 10)
    wanted = [0.5, 0.1, 0.02, 0.004]
    np.testing.assert_allclose(proba.mean(axis=0), wanted)
    np.testing.assert_allclose(Y.mean(axis=0), wanted, atol=0.011)
    assert set(np.unique(Y)) == {0, 1}
    rising = make_label_sets(500, n_labels=3, prevalence=(0.1, 0.9), random_state=0)[1]
    assert np.all(np.diff(rising.mean(axis=0)) > 0)


def test_unknown_entries_hide_labels_and_change_none():
    known = make_label_sets(4000, random_state=0)[1]
    partly = make_label_sets(4000, unknown=0.3, random_state=0)[1]
    hidden = np.isnan(partly)
    np.testing.assert_allclose(hidden.mean(axis=0), 0.3, atol=0.03)
    np.testing.assert_array_equal(partly[~hidden], known[~hidden])


@pytest.mark.parametrize(
    ("make", "wrong", "message"),
    [
        (make_soft_labels, {"n_samples": 0}, "n_samples must be a whole number >= 1; got 0"),
        (make_soft_labels, {"n_classes": 1}, "n_classes must be a whole number >= 2; got 1"),
        (make_soft_labels, {"n_votes": 0.5}, "n_votes must be a whole number >= 1; got 0.5"),
        (make_soft_labels, {"sharpness": -1}, "sharpness must be a number in"),
        (make_annotations, {"n_answers": 21}, r"n_answers must be at most n_annotators \(20\)"),
        (make_annotations, {"n_camps": 19}, "at least n_camps [+] n_spammers = 21; got 20"),
        (make_annotations, {"n_spammers": -1}, "n_spammers must be a whole number >= 0"),
        (make_label_sets, {"prevalence": (0, 0.5)}, "prevalence must be two numbers in"),
        (make_label_sets, {"prevalence": 0.5}, "prevalence must be two numbers in"),
        (make_label_sets, {"unknown": 1}, "unknown must be less than 1"),
        (make_label_sets, {"unknown": float("nan")}, "unknown must be a number"),
    ],
)
def test_what_cannot_be_made_is_refused(make, wrong, message):
    with pytest.raises(ValueError, match=message):
        make(**wrong)


FOLDERS = ("MULAN", "PYLDL", "LEWIDI")
"""Addresses that files are fetched from."""


class Served(http.server.SimpleHTTPRequestHandler):
    """Serves a folder, counts, and says nothing."""

    asked: list

    def do_GET(self):
        self.asked.append(self.path)
        super().do_GET()

    def log_message(self, *args):
        pass


def brexit_file(n):
    told = {
        "annotators group": "group1,group2",
        "group1": "target group",
        "group2": "control group",
    }
    return json.dumps(
        {
            str(i): {
                "text": f"text {i} — “quoted”",
                "annotators": "Ann1,Ann2" if i else "Ann2,Ann1",
                "annotations": "0,1",
                "other_info": told if i else told | {"annotators group": "group2,group1"},
            }
            for i in range(n)
        }
    )


@pytest.fixture
def published(tmp_path, monkeypatch):
    """The files in a small size, on a server of this machine; gives the list of what is asked."""
    root, asked = tmp_path / "published", []
    root.mkdir()
    names = [f"{kind}{i}" for kind, count in (("x", 72), ("y", 6)) for i in range(count)]
    head = "".join(f"@attribute {n} {'{0,1}' if n[0] == 'y' else 'numeric'}\n" for n in names)
    rows = [[str(i + j / 8) for j in range(72)] + list("010011") for i in range(3)]
    table = "\n".join(",".join(row) for row in rows)
    (root / "emotions.arff").write_text(f"@relation songs\n{head}@data\n{table}\n")
    savemat(root / "SJAFFE.mat", {"features": np.ones((4, 3)), "labels": np.full((4, 6), 1 / 6)})
    for split, n in (("train", 3), ("dev", 1), ("test", 2)):
        (root / f"HS-Brexit_{split}.json").write_text(brexit_file(n), encoding="utf-8")

    handler = type("Handler", (Served,), {"asked": asked})
    server = http.server.ThreadingHTTPServer(
        ("127.0.0.1", 0), lambda *args: handler(*args, directory=str(root))
    )
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    at = f"http://127.0.0.1:{server.server_address[1]}"
    for folder in FOLDERS:
        monkeypatch.setattr(_fetched, folder, at)
    for name in _fetched.SHA256:
        digest = hashlib.sha256((root / name).read_bytes()).hexdigest()
        monkeypatch.setitem(_fetched.SHA256, name, digest)
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    yield asked
    server.shutdown()
    thread.join()
    server.server_close()


FETCHERS = {fetch_emotions: 1, fetch_sjaffe: 1, fetch_hs_brexit: 3}


@pytest.mark.parametrize(("fetch", "n_files"), FETCHERS.items())
def test_a_set_is_fetched_once(fetch, n_files, published, tmp_path):
    first = fetch(data_home=tmp_path / "home")
    assert len(published) == n_files
    again = fetch(data_home=tmp_path / "home", download_if_missing=False)
    assert len(published) == n_files
    np.testing.assert_array_equal(first.data, again.data)
    np.testing.assert_array_equal(first.target, again.target)
    assert len(first.data) == len(first.target)


def test_what_is_fetched_is_read(published, tmp_path):
    songs = fetch_emotions(data_home=tmp_path)
    np.testing.assert_array_equal(songs.data, np.arange(3)[:, None] + np.arange(72) / 8)
    np.testing.assert_array_equal(songs.target, [[0, 1, 0, 0, 1, 1]] * 3)
    assert (songs.feature_names[71], songs.target_names) == ("x71", [f"y{i}" for i in range(6)])
    faces = fetch_sjaffe(data_home=tmp_path)
    assert faces.target.shape[1] == len(faces.target_names)
    tweets = fetch_hs_brexit(data_home=tmp_path)
    assert tweets.data[1] == "text 1 — “quoted”"
    assert tweets.annotator_groups == ["target group", "control group"]
    assert tweets.split.tolist() == ["train"] * 3 + ["dev"] + ["test"] * 2
    # The first item of each file names its annotators the other way round.
    np.testing.assert_array_equal(tweets.target[:, 0], [1, 0, 0, 1, 1, 0])


@pytest.mark.parametrize("fetch", FETCHERS)
def test_another_file_than_the_published_one_is_refused(fetch, published, tmp_path, monkeypatch):
    for name in _fetched.SHA256:
        monkeypatch.setitem(_fetched.SHA256, name, "0" * 64)
    with pytest.raises(OSError, match=r"SHA256 checksum of .* differs from expected"):
        fetch(data_home=tmp_path)
    assert not [path for path in tmp_path.glob("sklearn_softloss/*") if path.is_file()]


def test_a_file_that_was_damaged_on_disk_is_refused(published, tmp_path):
    fetch_sjaffe(data_home=tmp_path)
    path = tmp_path / "sklearn_softloss" / "SJAFFE.mat"
    path.write_bytes(path.read_bytes()[:-9])
    with pytest.raises(ValueError, match=r"is not the file that was published.*Delete it"):
        fetch_sjaffe(data_home=tmp_path)
    path.unlink()
    assert fetch_sjaffe(data_home=tmp_path).data.shape == (4, 3)


@pytest.mark.parametrize("fetch", FETCHERS)
def test_without_the_network_the_error_says_what_to_do(fetch, tmp_path, monkeypatch):
    for folder in FOLDERS:
        monkeypatch.setattr(_fetched, folder, "http://127.0.0.1:9")
    with pytest.raises(OSError, match=r"cannot be fetched.*Where there is no network, bring http"):
        fetch(data_home=tmp_path)
    with pytest.raises(OSError, match="is not there, and download_if_missing is False"):
        fetch(data_home=tmp_path, download_if_missing=False)


def test_simulated_votes_go_into_a_search():
    X, Y = make_soft_labels(60, random_state=0)
    net = clone(SoftTargetMLPClassifier((8,), max_iter=5, random_state=0))
    assert np.isfinite(cross_val_score(net, X, Y, cv=2)).all()
