"""Command line: ``python -m sknoisy audit data.csv --label y``."""

from __future__ import annotations

import sys

from sknoisy._audit.cli import main

if __name__ == "__main__":
    sys.exit(main())
