"""`python -m lpm_secure.cli`: the `lpm` command."""

from lpm_secure.cli.main import main

main()
