"""The affine map that label smoothing or a target range applies to targets, and its inverse."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from numpy.typing import NDArray


@dataclass(frozen=True)
class TargetCode:
    """Targets times `scale` plus `offset`; a `Domain` knows which code a parameter asks for."""

    scale: float
    offset: float

    def encode(self, values: NDArray[Any]) -> NDArray[Any]:
        return self.scale * values + self.offset

    def decode(self, values: NDArray[Any]) -> NDArray[Any]:
        return (values - self.offset) / self.scale
