"""Whatever rows and Docker's answers hold, a command that looks ends as it should: `python -m tests.rows [NUMBER]`."""
