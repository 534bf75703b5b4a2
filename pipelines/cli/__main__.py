"""`python -m pipelines.cli`: the same as `flowtrail`."""

from pipelines.cli import main

main()
