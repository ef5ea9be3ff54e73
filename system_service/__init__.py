"""`system ...` and everything below the commands."""
