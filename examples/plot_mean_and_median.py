"""
Mean or median, and what an outlier does
========================================

The loss says what a net predicts: squared error the conditional mean, absolute error the
conditional median. One wrong flower shows the difference.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris

from sklearn_softloss import SoftLossMLPRegressor

# %%
# Sepal width from sepal length, of the 50 flowers of Iris setosa, and one more: someone noted a
# width of 34 mm as 34 cm.

iris = load_iris()
setosa = iris.target == 0
length, width = iris.data[setosa, 0], iris.data[setosa, 1]
length_wrong, width_wrong = np.append(length, 5.0), np.append(width, 34.0)

grid = np.linspace(length.min(), length.max(), 100)
lines = {}
for loss in ("squared_error", "absolute_error"):
    for title, x, y in (("clean", length, width), ("one wrong", length_wrong, width_wrong)):
        reg = SoftLossMLPRegressor(loss=loss, random_state=0).fit(x[:, None], y)
        lines[loss, title] = reg.predict(grid[:, None])
        print(f"{loss}, {title}: mean prediction {lines[loss, title].mean():.2f} cm")

# %%
# The wrong flower, far above the picture, pulls the mean up; the median hardly moves.

figure, panels = plt.subplots(1, 2, figsize=(8, 3.8), sharey=True, layout="constrained")
for panel, (loss, name) in zip(
    panels, (("squared_error", "mean"), ("absolute_error", "median")), strict=True
):
    panel.scatter(length, width, s=12, color="0.5", lw=0)
    panel.plot(grid, lines[loss, "clean"], color="tab:blue", label="50 flowers")
    panel.plot(grid, lines[loss, "one wrong"], color="tab:red", ls="--", label="and a wrong one")
    panel.set(title=f"{loss.replace('_', ' ')}: the {name}", xlabel="sepal length, cm")
panels[0].set(ylabel="sepal width, cm", ylim=(2, 5))
panels[0].legend(loc="upper left", fontsize="small")
plt.show()

# %%
# This is no reason to use the absolute error always. Where targets are skewed, as incomes and
# waiting times are, the median is not the mean, and sums of medians are not what a budget needs.
