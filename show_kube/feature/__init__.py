"""`show feature ...`: one file per command."""
