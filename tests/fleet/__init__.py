"""A thousand simulated switches, and a real API server that comes back after an outage: `python -m tests.fleet`."""
