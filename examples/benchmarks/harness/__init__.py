"""What the benchmarks share: options, data, timing, tables and pages."""

from .arguments import data_folder, parser
from .pages import machine, store, stored, write_page
from .tables import line, table
from .timing import median_seconds, take_turns, timed

__all__ = [
    "data_folder", "line", "machine", "median_seconds", "parser", "store", "stored",
    "table", "take_turns", "timed", "write_page",
]  # fmt: skip
