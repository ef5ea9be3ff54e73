"""What the command line shares: groups, options, output, progress. Only this and the commands know Click."""
