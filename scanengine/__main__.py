"""`python -m scanengine` is the command line."""

from scanengine.cli import main

main()
