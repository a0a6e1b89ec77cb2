"""The picture that explains saturation: losses and their gradients against the logit."""

from __future__ import annotations

from dataclasses import KW_ONLY, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from scipy.special import expit

from .._checks import check_number
from .._targets.encoding import Array
from .axes import Display, grid_of_axes, legend_above

if TYPE_CHECKING:
    from ..losses import Loss

LOGITS = np.linspace(-8.0, 8.0, 321)
FAR = 0.9
"""Distance of the probability from the target above which an output is confidently wrong."""


@dataclass(repr=False, eq=False)
class LossShapeDisplay(Display):
    """Losses side by side against the logit of one output, each with its gradient below.

    Where the output is confidently wrong the squared error of a sigmoid is flat: its gradient holds
    the factor p (1 - p) and vanishes, so that training stalls. That of the cross-entropy is p - y.
    In each panel the other losses are grey.

    Parameters
    ----------
    logits : ndarray of shape (n_points,)
        Where the losses were evaluated.
    values : ndarray of shape (n_losses, n_points)
        The loss there; in nats for the logarithmic losses.
    gradients : ndarray of shape (n_losses, n_points)
        Its derivative with respect to the logit.
    names : list of str
        Of the losses.
    target : float
        What the output should be, in [0, 1].

    Attributes
    ----------
    ax_ : ndarray of Axes of shape (2, n_losses)
        Losses above, gradients below.
    figure_ : matplotlib Figure

    Examples
    --------
    >>> from sklearn_softloss.display import LossShapeDisplay
    >>> display = LossShapeDisplay.from_losses("squared_error", "binary_cross_entropy")
    >>> display.gradients[:, 0].round(3)  # at the logit -8
    array([-0.001, -1.   ])
    """

    logits: Array
    values: Array
    gradients: Array
    _: KW_ONLY
    names: list[str]
    target: float

    @classmethod
    def from_losses(
        cls, *losses: str | Loss, target: float = 1.0, ax: Any = None
    ) -> LossShapeDisplay:
        """The shapes of losses given by name or as instances.

        Parameters
        ----------
        *losses : str or Loss
            Of sigmoids, then with one label; or of a softmax, then with two classes, of which the
            second has the logit and the target and the first the logit 0. A name that stands for
            both is of sigmoids. None may take counts or depend on the other rows of a batch.
        target : float, default=1.0
            In [0, 1].
        ax : ndarray of Axes of shape (2, n_losses), default=None
            A new figure if None.

        Returns
        -------
        LossShapeDisplay
        """
        from ..losses import get_loss

        if not losses:
            raise ValueError("Pass at least one loss, for example 'binary_cross_entropy'.")
        check_number("target", target, 0, 1)
        found = [get_loss(loss, ("independent", "distribution")) for loss in losses]
        for loss in found:
            if loss.batch_dependent:
                raise ValueError(
                    f"{loss!r} depends on the other rows of the batch: a logit alone has no loss."
                )
        values, gradients = np.stack([_shape(loss, target) for loss in found], axis=1)
        names = [_name(loss) for loss in found]
        return cls(LOGITS, values, gradients, names=names, target=target).plot(ax=ax)

    def _draw(self, ax: Any) -> Any:
        shape = (2, len(self.names))
        size = (max(4.0, 0.8 + 2.2 * shape[1]), 4.6)
        axes = grid_of_axes(ax, shape, size, sharey="row").reshape(shape)
        for place, name in enumerate(self.names):
            self._draw_panel(axes[0, place], self.values, place)
            self._draw_panel(axes[1, place], self.gradients, place)
            axes[0, place].set_title(name, fontsize="medium")
            axes[1, place].set_xlabel("logit")
        axes[0, 0].set_ylabel("loss")
        axes[1, 0].set_ylabel("gradient")
        legend_above(axes[0, 0], ax is None)
        return axes

    def _draw_panel(self, panel: Any, curves: Array, place: int) -> None:
        wrong = self.logits[np.abs(expit(self.logits) - self.target) > FAR]
        if len(wrong):
            panel.axvspan(wrong[0], wrong[-1], color="0.92", lw=0, label="confidently wrong")
        panel.axhline(0, color="0.4", lw=0.8)
        for i, other in enumerate(np.delete(curves, place, axis=0)):
            label = "other losses" if i == 0 else None
            panel.plot(self.logits, other, color="0.7", lw=1, label=label)
        panel.plot(self.logits, curves[place], color="tab:blue", lw=2, label="this loss")
        panel.set_xlim(*self.logits[[0, -1]])


def _shape(loss: Loss, target: float) -> tuple[Array, Array]:
    """The loss at the logits, and its derivative."""
    import torch

    logits = torch.tensor(LOGITS[:, None], requires_grad=True)
    inputs, truth = logits, torch.full_like(logits, target)
    if loss.domain.rows_sum_to_one:
        inputs = torch.cat([torch.zeros_like(logits), logits], dim=1)
        truth = torch.cat([1 - truth, truth], dim=1)
    values = loss(inputs, truth)
    (gradients,) = torch.autograd.grad(values.sum(), logits)
    return values.detach().numpy(), gradients[:, 0].numpy()


def _name(loss: Loss) -> str:
    """The name of a loss, with the parameters that are not its defaults."""
    changed = [
        f"{name}={value!r}"
        for name, value in loss.get_params().items()
        if repr(value) != repr(getattr(type(loss), name, None))
    ]
    name = loss.name.replace("_", " ")
    return f"{name}\n{', '.join(changed)}" if changed else name
