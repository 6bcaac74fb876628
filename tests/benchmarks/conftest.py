"""Benchmarks are scripts beside the package, which an sdist need not have."""

import sys
from pathlib import Path

BENCHMARKS = Path(__file__).parents[2] / "benchmarks"
collect_ignore_glob = [] if BENCHMARKS.is_dir() else ["test_*.py"]
sys.path.append(str(BENCHMARKS))
