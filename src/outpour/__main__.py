"""Run the command line as `python -m outpour`."""

from outpour.cli import main

if __name__ == "__main__":
    main()
