"""Run the command line as `python -m outpour`."""

import sys

from outpour.cli import main

if __name__ == "__main__":
    sys.exit(main())
