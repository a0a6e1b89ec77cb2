"""Public sets, fetched once from where they are published, checked, and kept on disk."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path
from typing import Any

import numpy as np
from scipy.io import loadmat
from scipy.io.arff import loadarff
from sklearn.datasets import fetch_file, get_data_home
from sklearn.utils import Bunch

MULAN = (
    "https://raw.githubusercontent.com/tsoumakas/mulan/"
    "43f6389095ad71984264db4387a8074b22bc7d4a/data/multi-label/emotions"
)
PYLDL = (
    "https://raw.githubusercontent.com/SpriteMisaka/PyLDL/"
    "082937638e075b35d349a2e69e36219d52512dc8/datasets"
)
LEWIDI = (
    "https://raw.githubusercontent.com/Le-Wi-Di/le-wi-di.github.io/"
    "45d7b06e4c36b59472d6bdf9281f7f1e395eb0e0/LeWiDi_2-2023/HS-Brexit_dataset"
)
SHA256 = {
    "emotions.arff": "6f2f790047073d1293ac0872c0d55f2dc98b6177802fc96c6b66b309dfee1e4b",
    "SJAFFE.mat": "bdd53fb033a275b39b8fd873809cd69f3cee13234f5aa472aea0f5ad73b8a04b",
    "HS-Brexit_train.json": "d204d83c7b1a73f037b3aff36aac61357c08a96f96292a37ac7655eb562d81fb",
    "HS-Brexit_dev.json": "77c17f95985cbb6db47ffcda637e717a9074f2660e15b5c0c1f9006f50da60a7",
    "HS-Brexit_test.json": "24e5e1615818ff6e3b96e50245cfe10636ef8ec0ea51f2c2a60acb68858fd195",
}


def fetch_emotions(*, data_home: Any = None, download_if_missing: bool = True) -> Bunch:
    """Songs and the moods that listeners hear in them: 593 rows, 72 features, 6 labels.

    Parameters
    ----------
    data_home : path-like, default=None
        Folder that keeps the file (0.4 MB); by default that of ``sklearn.datasets``.
    download_if_missing : bool, default=True
        Whether to fetch the file where it is not there yet.

    Returns
    -------
    Bunch
        ``data`` of shape (593, 72), float64; ``target`` of shape (593, 6), 0 and 1;
        ``feature_names`` and ``target_names``.

    Raises
    ------
    OSError
        If the file is not there and cannot, or is not to, be fetched, or another one came.
    ValueError
        If the file on disk is not the one that was published.

    References
    ----------
    Trohidis, Tsoumakas, Kalliris and Vlahavas, EURASIP Journal on Audio, Speech, and Music
    Processing 2011, doi:10.1186/1687-4722-2011-426793.

    Examples
    --------
    >>> from sklearn_softloss.datasets import fetch_emotions
    >>> songs = fetch_emotions()  # doctest: +SKIP
    >>> songs.data.shape, songs.target.shape  # doctest: +SKIP
    ((593, 72), (593, 6))
    """
    table, meta = loadarff(_path_of(MULAN, "emotions.arff", data_home, download_if_missing))
    names = meta.names()
    values = np.array([[float(entry) for entry in row] for row in table])
    return Bunch(
        data=values[:, :72],
        target=values[:, 72:].astype(np.int64),
        feature_names=names[:72],
        target_names=names[72:],
    )


def fetch_sjaffe(*, data_home: Any = None, download_if_missing: bool = True) -> Bunch:
    """Faces and the shares of six emotions that sixty people saw in them: 213 rows, 243 features.

    Parameters
    ----------
    data_home, download_if_missing : path-like and bool, default=None and True
        As in `fetch_emotions`, for a file of 0.1 MB.

    Returns
    -------
    Bunch
        ``data`` of shape (213, 243), float64; ``target`` of shape (213, 6), rows that sum to 1;
        ``target_names``. Rows come in blocks, a subject each.

    References
    ----------
    Geng, "Label Distribution Learning", IEEE TKDE 28 (2016), doi:10.1109/TKDE.2016.2545658.

    Examples
    --------
    >>> from sklearn_softloss.datasets import fetch_sjaffe
    >>> faces = fetch_sjaffe()  # doctest: +SKIP
    >>> faces.data.shape, faces.target.shape  # doctest: +SKIP
    ((213, 243), (213, 6))
    """
    found = loadmat(_path_of(PYLDL, "SJAFFE.mat", data_home, download_if_missing))
    names = ["happiness", "sadness", "surprise", "anger", "disgust", "fear"]
    return Bunch(data=found["features"], target=found["labels"], target_names=names)


def fetch_hs_brexit(*, data_home: Any = None, download_if_missing: bool = True) -> Bunch:
    """Tweets on Brexit and what six people, three of them targets of hate, say of each: 1,120 rows.

    The tweets hold offensive language.

    Parameters
    ----------
    data_home, download_if_missing : path-like and bool, default=None and True
        As in `fetch_emotions`, for three files of 1 MB.

    Returns
    -------
    Bunch
        ``data`` of shape (1120,), the texts; ``target`` of shape (1120, 6), float64, 1 where the
        annotator calls the text hate speech; ``annotators`` and ``annotator_groups`` of length 6;
        ``split`` of shape (1120,), "train", "dev" or "test".

    References
    ----------
    Akhtar, Basile and Patti, 2021, arXiv:2106.15896.

    Examples
    --------
    >>> from sklearn_softloss.datasets import fetch_hs_brexit
    >>> tweets = fetch_hs_brexit()  # doctest: +SKIP
    >>> tweets.data.shape, tweets.target.shape  # doctest: +SKIP
    ((1120,), (1120, 6))
    """
    texts, answers, splits = [], [], []
    groups: dict[str, str] = {}
    for split in ("train", "dev", "test"):
        path = _path_of(LEWIDI, f"HS-Brexit_{split}.json", data_home, download_if_missing)
        for item in json.loads(path.read_text(encoding="utf-8")).values():
            names = item["annotators"].split(",")
            texts.append(item["text"])
            answers.append(dict(zip(names, item["annotations"].split(","), strict=True)))
            splits.append(split)
            told = item["other_info"]
            kinds = (told[group] for group in told["annotators group"].split(","))
            groups.update(zip(names, kinds, strict=True))
    annotators = sorted(groups)
    target = np.array([[float(row.get(name, "nan")) for name in annotators] for row in answers])
    return Bunch(
        data=np.array(texts, dtype=object),
        target=target,
        annotators=annotators,
        annotator_groups=[groups[name] for name in annotators],
        split=np.array(splits),
    )


def _path_of(folder_url: str, name: str, data_home: Any, download_if_missing: bool) -> Path:
    """The file as it was published, fetched if it is not there."""
    folder = Path(get_data_home(data_home)) / "sklearn_softloss"
    path, url, published = folder / name, f"{folder_url}/{name}", SHA256[name]
    if path.exists():
        with path.open("rb") as opened:
            found = hashlib.file_digest(opened, "sha256").hexdigest()
        if found != published:
            raise ValueError(
                f"{path} is not the file that was published: its SHA-256 is {found}, not "
                f"{published}. Delete it, and it is fetched anew."
            )
        return path
    by_hand = f"Where there is no network, bring {url} and save it as {path}."
    if not download_if_missing:
        raise OSError(f"{path} is not there, and download_if_missing is False. {by_hand}")
    folder.mkdir(exist_ok=True)
    try:
        return Path(fetch_file(url, folder, name, published, n_retries=0))
    except OSError as error:
        raise OSError(f"{url} cannot be fetched: {error}. {by_hand}") from error
