"""`python -m mien`: the command line, without the current folder among the places that modules come from."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `-m` puts the current folder first: a `numpy.py` among somebody's downloads would be run.
        del sys.path[0]
    from mien.commands.main import main

    sys.exit(main())
