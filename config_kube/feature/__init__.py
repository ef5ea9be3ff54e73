"""`config feature ...`: one file per command."""
