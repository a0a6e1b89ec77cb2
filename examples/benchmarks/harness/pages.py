"""The pages of the docs, the results kept beside them, and the line that names the machine."""

from __future__ import annotations

import json
import platform
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np
import scipy
import sklearn
import skorch
import torch

from .leads import arranged

PAGES = Path(__file__).parents[3] / "docs" / "benchmarks"


def write_page(name: str, *paragraphs: str) -> None:
    (PAGES / f"{name}.md").write_text("\n\n".join(arranged(name, paragraphs)) + "\n")


def store(name: str, results: Any, indent: int | None = None) -> None:
    (PAGES / f"{name}.json").write_text(json.dumps(results, indent=indent) + "\n")


def stored(name: str) -> dict[str, Any]:
    """What `store` kept; nothing at first."""
    path = PAGES / f"{name}.json"
    return json.loads(path.read_text()) if path.exists() else {}


def machine() -> str:
    """When, on what and with which versions a page was measured."""
    modules = (torch, sklearn, skorch, np, scipy)
    versions = ", ".join(f"{module.__name__} {module.__version__}" for module in modules)
    return (
        f"{date.today()}, {platform.machine()}, {torch.get_num_threads()} threads, "
        f"Python {platform.python_version()}, {versions}"
    )
