"""The sandbox switch: real Redis, Docker, systemd and feature daemons under one temporary folder. Never packaged."""
