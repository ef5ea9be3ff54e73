"""`system service ...`: one file per command."""
