"""`python -m system_service`: the same as `system`."""

from system_service.cli import main

main()
