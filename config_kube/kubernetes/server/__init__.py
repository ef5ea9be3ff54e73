"""`config kubernetes server ...`: one file per command."""
