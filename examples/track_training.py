"""A training in TensorBoard and in MLflow, through skorch's callbacks; each if it is installed.

``python examples/track_training.py FOLDER``; then ``tensorboard --logdir FOLDER/tensorboard`` and
``mlflow ui --backend-store-uri sqlite:///FOLDER/mlflow.db``.
"""

import sys
from importlib.util import find_spec
from pathlib import Path

from sklearn.datasets import load_digits
from skorch.callbacks import MlflowLogger, TensorBoard

from sklearn_softloss import SoftTargetMLPClassifier

folder = Path(sys.argv[1] if len(sys.argv) > 1 else "runs").resolve()
callbacks = []
if find_spec("tensorboard"):
    from torch.utils.tensorboard import SummaryWriter

    callbacks.append(TensorBoard(SummaryWriter(folder / "tensorboard")))
if find_spec("mlflow"):
    import mlflow

    folder.mkdir(parents=True, exist_ok=True)
    mlflow.set_tracking_uri(f"sqlite:///{folder / 'mlflow.db'}")
    mlflow.set_experiment("digits")
    callbacks.append(MlflowLogger(run=mlflow.start_run(), log_on_batch_end=False))
if not callbacks:
    print("Neither is installed: pip install tensorboard mlflow")

X, y = load_digits(return_X_y=True)
clf = SoftTargetMLPClassifier(alpha=1.0, early_stopping=True, random_state=0, callbacks=callbacks)
clf.fit(X, y)
print(f"{clf.n_iter_} epochs, validation loss {clf.best_loss_:.3f} nats")
