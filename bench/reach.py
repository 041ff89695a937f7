"""The reach forecast on 100,000 kept requests; see `rig/reach_bench.py`. The last line is the result as JSON."""

import sys
from pathlib import Path

HERE = Path(__file__).parent
# A script's own folder comes first on the path, and there `targeting` is another bench.
sys.path[0] = str(HERE.parent)
sys.path.append(str(HERE))

if __name__ == "__main__":
    from rig.reach_bench import main

    main()
