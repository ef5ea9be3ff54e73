"""`config kubernetes label ...`: one file per command."""
