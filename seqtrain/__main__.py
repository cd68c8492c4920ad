"""``python -m seqtrain``."""

import os
import sys

if __name__ == "__main__":
    # `python -m` puts the current directory first, where a directory of plug-ins called `json` would hide Python's own.
    if sys.path[0] == os.getcwd():
        sys.path.append(sys.path.pop(0))

    from seqtrain.cli import main

    main()
