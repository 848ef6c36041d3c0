"""`python -m mien`: the same as the command `mien`."""

import sys

if __name__ == "__main__":
    if not sys.flags.safe_path:
        # `-m` puts the current folder first, where downloads could pass themselves off as libraries.
        del sys.path[0]
    from mien.cli import main

    sys.exit(main())
