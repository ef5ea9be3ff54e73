"""`system container ...`: what units, scripts and containers call; one file per command."""
