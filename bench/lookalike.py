"""Lookalikes among a million profiles; see `rig/lookalike_bench.py`. The last line is the result as JSON."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
# A script's own folder comes first on the path, and there `targeting` is another bench.
sys.path[0] = str(HERE.parent)
sys.path.append(str(HERE))

if __name__ == "__main__":
    from rig.lookalike_bench import main

    main()
