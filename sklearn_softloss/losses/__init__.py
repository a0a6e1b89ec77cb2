"""Losses for soft, multi-label, numeric and partly known targets; each knows domain and link."""

from ._base import DistributionLoss as DistributionLoss
from ._base import IndependentLoss as IndependentLoss
from ._base import Loss as Loss
from ._base import get_loss as get_loss
from ._base import loss_names as loss_names
from ._base import register_loss as register_loss
from ._base import sum_entries as sum_entries
from ._counts import CountDistribution as CountDistribution
from ._counts import NonnegativeLoss as NonnegativeLoss
from ._counts import NormalizedCrossEntropy as NormalizedCrossEntropy
from ._criterion import Criterion as Criterion
from ._distribution import AbsoluteError as AbsoluteError
from ._distribution import Cosine as Cosine
from ._distribution import CrossEntropy as CrossEntropy
from ._distribution import CrossEntropyWithComplement as CrossEntropyWithComplement
from ._distribution import EarthMover as EarthMover
from ._distribution import Focal as Focal
from ._distribution import GeneralizedCrossEntropy as GeneralizedCrossEntropy
from ._distribution import Jeffreys as Jeffreys
from ._distribution import KLDivergence as KLDivergence
from ._distribution import LogitAdjustedCrossEntropy as LogitAdjustedCrossEntropy
from ._distribution import Poly1 as Poly1
from ._distribution import SquaredError as SquaredError
from ._distribution import SymmetricCrossEntropy as SymmetricCrossEntropy
from ._independent import ZLPR as ZLPR
from ._independent import Asymmetric as Asymmetric
from ._independent import BinaryAbsoluteError as BinaryAbsoluteError
from ._independent import BinaryCosine as BinaryCosine
from ._independent import BinaryCrossEntropy as BinaryCrossEntropy
from ._independent import BinaryFocal as BinaryFocal
from ._independent import BinaryJeffreys as BinaryJeffreys
from ._independent import BinaryPoly1 as BinaryPoly1
from ._independent import BinarySquaredError as BinarySquaredError
from ._independent import Hill as Hill
from ._independent import TwoWay as TwoWay
from ._regression import Gamma as Gamma
from ._regression import Huber as Huber
from ._regression import Poisson as Poisson
from ._regression import RegressionAbsoluteError as RegressionAbsoluteError
from ._regression import RegressionLoss as RegressionLoss
from ._regression import RegressionSquaredError as RegressionSquaredError
from ._regression import Tweedie as Tweedie
from ._spread import Gaussian as Gaussian
from ._spread import Quantile as Quantile

__all__ = [name for name in dir() if not name.startswith("_")]
