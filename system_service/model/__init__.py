"""The vocabulary every layer shares: features, containers, units, snapshots. Imports nothing of ours, does no I/O."""
