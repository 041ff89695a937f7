"""The targeting index at 100,000 line items; see `rig/targeting_bench.py`. The last line is the result as JSON."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
# A script's own folder comes first on the path, and there it would stand in for the package of the same name.
sys.path[0] = str(HERE.parent)
sys.path.append(str(HERE))

if __name__ == "__main__":
    from rig.targeting_bench import main

    main()
