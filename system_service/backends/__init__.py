"""The switch as seen from here: Redis, Docker, systemd. One module each, typed results in, `errors` out."""
