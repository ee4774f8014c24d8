"""``python -m robotmeta.cli``."""

from robotmeta.cli import main

main()
