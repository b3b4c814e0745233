"""`python -m h2h` is `h2h`."""

from h2h.cli import main

main()
