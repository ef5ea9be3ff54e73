"""The vocabulary every layer shares: features, containers, units, snapshots. Imports nothing of ours but `errors`."""
