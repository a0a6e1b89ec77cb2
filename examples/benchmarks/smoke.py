"""Every benchmark in a small size, one after the other in one process: ``make bench-smoke``.

Fits choose between two candidates, as how long they take says nothing here, and the jobs of joblib
run in this process.
"""

from __future__ import annotations

import runpy
import sys
import time
import warnings
from pathlib import Path

from joblib import parallel_config

from sklearn_softloss._estimators import candidates

HERE = Path(__file__).parent


def main() -> None:
    all_of = candidates.candidates_of
    candidates.candidates_of = lambda *args: tuple(all_of(*args)[place] for place in (0, 5))
    for script in sorted(HERE.glob("*.py")):
        if script == Path(__file__):
            continue
        sys.argv = [str(script), "--smoke"]
        start = time.perf_counter()
        with warnings.catch_warnings(), parallel_config("sequential"):
            runpy.run_path(str(script), run_name="__main__")
        print(f"{script.stem}: {time.perf_counter() - start:.1f} s", flush=True)


if __name__ == "__main__":
    main()
