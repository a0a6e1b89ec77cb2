"""A fitted estimator as one ONNX file, which a server runs without Python, and as a slim copy.
Importing this module tells skl2onnx, where it is installed, of the estimators, so that
``skl2onnx.to_onnx`` converts pipelines that hold them too."""

from __future__ import annotations

import contextlib

from ._onnx import Comparison, check, converters, to_onnx
from ._slim import for_prediction

__all__ = ["Comparison", "check", "for_prediction", "to_onnx"]

with contextlib.suppress(ImportError):  # `to_onnx` says what to install
    converters()
