"""What the command line shares: groups, options, output, progress. The only place below the commands that knows Click."""
