"""`python -m scanengine` is the command line; workers that import it as their main module stay workers."""

from scanengine.cli import main

if __name__ == "__main__":
    main()
