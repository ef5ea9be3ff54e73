"""What is spoken to: Redis, Docker, systemd, the API server, the file system. Typed results, or an error of `errors`."""
