"""`show kubernetes ...`: one file per command."""
