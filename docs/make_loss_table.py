"""Writes losses.md: the table of losses, read off the objects."""

from __future__ import annotations

import inspect
import re
from pathlib import Path

from sklearn_softloss import losses
from sklearn_softloss._targets.domains import DOMAINS
from sklearn_softloss.losses import Loss, get_loss, loss_names

PAGE = Path(__file__).with_name("losses.md")
HEAD = """\
# Table of losses

Made by `docs/make_loss_table.py` from the loss objects. `loss=` takes the name or an instance, for
example `loss="focal"` or `loss=BinaryFocal(gamma=1.0)`.

- **distribution**: rows of y are >= 0 and sum to 1; softmax. `SoftTargetMLPClassifier`.
- **independent**: entries of y lie in [0, 1]; one sigmoid each. `MultiLabelSigmoidClassifier`, and
  `SoftTargetMLPClassifier` for one confidence a class.
- **nonnegative**: entries of y are >= 0, as counts. `MultiLabelSigmoidClassifier`.
- **real**, **nonnegative real**, **positive real**: numbers. `SoftLossMLPRegressor`, whose
  prediction is the functional in the third column.

"Strictly proper" and "invertible" losses give `predict_proba` that estimates E[y given x]. With
"neither", calibrate before reading the output as a probability.
"""


def shipped_losses(domain: str) -> list[Loss]:
    found = [get_loss(name, (domain,)) for name in loss_names((domain,))]
    return [loss for loss in found if type(loss).__name__ in losses.__all__]


def sentence(loss: Loss, start: str) -> str:
    """The sentence of the docstring that begins so."""
    text = " ".join((inspect.getdoc(type(loss)) or "").split())
    match = re.search(rf"{start} (.*?)[.:](?= [A-Z]|$)", text)
    return match.group(1) if match else ""


def table(domain: str) -> str:
    shipped = shipped_losses(domain)
    says = "predicts" if hasattr(shipped[0], "functional") else "probabilities"
    lines = [
        f"\n## {domain}\n",
        f"| name | class | {says} | use it |",
        "|---|---|---|---|",
    ]
    for loss in shipped:
        params = ", ".join(f"{key}={value!r}" for key, value in loss.get_params().items())
        lines.append(
            f"| `{loss.name}` | `{type(loss).__name__}({params})` | "
            f"{getattr(loss, 'functional', loss.properness)} | "
            f"{sentence(loss, 'Use it')} |"
        )
    return "\n".join(lines) + "\n"


def page() -> str:
    return HEAD + "".join(table(domain) for domain in DOMAINS)


if __name__ == "__main__":
    PAGE.write_text(page())
