"""`python -m cli`: the same as `flowtrail`."""

from cli import main

main()
