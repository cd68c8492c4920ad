"""``python -m seqtrain``."""

from seqtrain.cli import main

if __name__ == "__main__":
    main()
