"""`python -m edgemeet` is `edgemeet`."""

from edgemeet.cli import main

main()
