"""SIGKILL at random moments of a fit with a checkpoint: it always ends, at the same weights.

``python tests/stress/kills.py [n]`` goes on until n processes, 50 unless told, have been killed.
"""

from __future__ import annotations

import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FIT = """
import os
import sys
import numpy as np
from sklearn_softloss import SoftTargetMLPClassifier
from sklearn_softloss.persistence import TrainingCheckpoint, dump

rng = np.random.default_rng(0)
X = rng.normal(size=(3000, 20))
y = (X[:, 0] * X[:, 1] > 0).astype(int)
checkpoint, result = sys.argv[1:]
callbacks = [TrainingCheckpoint(checkpoint)] if checkpoint else None
params = {"alpha": 0.1, "max_iter": 60, "early_stopping": True, "n_iter_no_change": 60}
print("fitting", flush=True)
clf = SoftTargetMLPClassifier(callbacks=callbacks, random_state=0, **params).fit(X, y)
dump([p.detach().numpy() for p in clf.net_.module_.parameters()], result)
os._exit(0)  # a kill while the interpreter ends would hide that the fit came to its end
"""


def start(checkpoint: str, result: str) -> subprocess.Popen:
    command = [sys.executable, "-c", FIT, checkpoint, result]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
    assert process.stdout is not None
    process.stdout.readline()
    return process


def digest(path: str) -> str:
    return hashlib.sha256(Path(path).read_bytes()).hexdigest()


def main(n: int) -> None:
    random.seed(0)
    with tempfile.TemporaryDirectory() as folder:
        checkpoint, result = f"{folder}/training.pt", f"{folder}/result"
        process = start("", result)
        begun = time.perf_counter()
        assert process.wait() == 0
        seconds, wanted = time.perf_counter() - begun, digest(result)
        kills = fits = resumed = 0
        while kills < n:
            Path(result).unlink()
            while True:
                resumed += Path(checkpoint).exists()
                process = start(checkpoint, result)
                try:
                    process.wait(timeout=random.uniform(0, seconds))
                except subprocess.TimeoutExpired:
                    process.kill()
                    process.wait()
                    kills += 1
                    continue
                assert process.returncode == 0, "a checkpoint could not be read"
                break
            fits += 1
            assert digest(result) == wanted, "other weights than the fit that was never killed"
            assert not Path(checkpoint).exists()
            print(f"{kills} kills so far", flush=True)
    print(f"{kills} kills, {resumed} resumed, {fits} fits ended at the same bits")


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 50)
