"""What is spoken to: Redis, Docker, systemd, the API server, files. Typed results, or an error of `errors`."""
