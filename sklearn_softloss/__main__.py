"""``python -m sklearn_softloss`` prints what a bug report needs: versions, machine and extras."""

from __future__ import annotations

import os
import platform
from importlib.metadata import PackageNotFoundError, version

import torch

from . import __version__

PACKAGES = ("numpy", "scipy", "scikit-learn", "skorch", "torch")
EXTRAS = {"frames": "pandas", "large": "pynndescent", "onnx": "skl2onnx", "plots": "matplotlib"}


def installed(package: str) -> str:
    """Version of a package, or that it is missing."""
    try:
        return version(package)
    except PackageNotFoundError:
        return "not installed"


def report() -> str:
    """Versions, platform, devices, threads and extras, one a line."""
    facts = {
        "sklearn_softloss": __version__,
        "Python": platform.python_version(),
        "platform": platform.platform(),
        **{package: installed(package) for package in PACKAGES},
        "CUDA": torch.cuda.get_device_name() if torch.cuda.is_available() else "not available",
        "threads of torch": torch.get_num_threads(),
        "CPUs": os.cpu_count(),
        **{f"extra {name} ({package})": installed(package) for name, package in EXTRAS.items()},
    }
    return "\n".join(f"{name}: {fact}" for name, fact in facts.items())


if __name__ == "__main__":
    print(report())
