"""`show kubernetes server ...`: one file per command."""
