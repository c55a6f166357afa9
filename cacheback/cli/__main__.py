"""`python -m cacheback.cli`: the same as `cacheback`, where the script is not on the path."""

from cacheback.cli.main import main

main(prog_name="cacheback")
