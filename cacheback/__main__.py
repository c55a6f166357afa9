"""`python -m cacheback`: the command line."""

from cacheback.cli.main import main

main(prog_name="cacheback")
