"""
Quantile bands, and whether they hold
=====================================

One net for several quantiles, which cannot cross. Bands on rows the net has seen promise too much;
new rows tell.
"""

import matplotlib.pyplot as plt
import numpy as np
from sklearn.datasets import load_iris
from sklearn.model_selection import KFold

from sklearn_softloss import SoftLossMLPRegressor
from sklearn_softloss.display import IntervalCalibrationDisplay, QuantileFanDisplay
from sklearn_softloss.metrics import interval_coverage

# %%
# Sepal width from sepal length, all three species. Wide flowers come short and long.

X, width = load_iris().data[:, :1], load_iris().data[:, 1]
LEVELS = (0.05, 0.25, 0.5, 0.75, 0.95)
reg = SoftLossMLPRegressor(loss="quantile", quantile=LEVELS, random_state=0).fit(X, width)

# %%
# Predictions for rows that the net was not fitted to, by ten folds.

held_out = np.empty((len(X), len(LEVELS)))
for train, test in KFold(10, shuffle=True, random_state=0).split(X):
    fold = SoftLossMLPRegressor(loss="quantile", quantile=LEVELS, random_state=0)
    held_out[test] = fold.fit(X[train], width[train]).predict_quantiles(X[test])

print(f"share inside the 90 % band: {interval_coverage(width, *held_out[:, [0, -1]].T):.2f}")

figure, panels = plt.subplots(1, 2, figsize=(8.5, 4), layout="constrained")
QuantileFanDisplay.from_estimator(reg, X, width, ax=panels[0])
panels[0].set(xlabel="sepal length, cm", ylabel="sepal width, cm")
IntervalCalibrationDisplay.from_predictions(width, held_out, levels=LEVELS, ax=panels[1])
panels[1].set(title="held-out rows")
plt.show()

# %%
# The right panel compares each level with the share of held-out flowers at or below it. Inside the
# grey band chance may explain the difference.
