"""`config kubernetes ...`: one file per command."""
