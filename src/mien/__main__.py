"""`python -m mien`: the command line, without the current folder on the module path."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `-m` puts the current folder first: a `numpy.py` in a download folder would be run.
        del sys.path[0]
    try:
        from mien.commands.main import main

        code = main()
    except KeyboardInterrupt:
        # Ctrl-C before the command has begun: loading takes some tenths of a second, in each worker too.
        code = 130
    sys.exit(code)
