"""``python -m mpicore`` is the command ``mpicore``."""

import sys

from mpicore.commands import main

if __name__ == "__main__":
    sys.exit(main())
