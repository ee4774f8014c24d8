"""``python -m robotmeta``, which torchrun starts with ``torchrun -m robotmeta``."""

from robotmeta.cli import main

main()
