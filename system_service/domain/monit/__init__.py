"""What monit is told: whether all that should run does."""
