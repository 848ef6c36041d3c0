"""`python -m mien`: the command line, without the current folder on the module path."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `-m` puts the current folder first: a `numpy.py` in a download folder would be run.
        del sys.path[0]
    from mien.commands.main import main

    sys.exit(main())
