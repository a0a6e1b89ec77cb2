"""The options that the benchmarks have in common."""

from __future__ import annotations

import argparse
import os
from pathlib import Path


def parser(purpose: str | None, *, data: bool = True) -> argparse.ArgumentParser:
    """``--smoke``, ``--write`` and, for benchmarks on real data, ``--data``."""
    found = argparse.ArgumentParser(description=purpose)
    how = found.add_mutually_exclusive_group()
    how.add_argument("--smoke", action="store_true", help="small made-up data, writes nothing")
    how.add_argument("--write", action="store_true", help="write the page in docs/benchmarks")
    if data:
        found.add_argument(
            "--data", default=os.environ.get("SOFTLOSS_DATA"), help="folder of the data"
        )
    return found


def data_folder(options: argparse.Namespace) -> Path | None:
    """The folder of the real data; None, with a message, where none is named."""
    if not options.data:
        print("No real data: pass --data FOLDER or set SOFTLOSS_DATA. Left out what needs it.")
        return None
    folder = Path(options.data)
    if not folder.is_dir():
        raise SystemExit(f"There is no folder {folder}; --data or SOFTLOSS_DATA names it.")
    return folder
