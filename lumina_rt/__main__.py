"""`python -m lumina_rt` is `lumina`."""

from lumina_rt.cli import main

main()
