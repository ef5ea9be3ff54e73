"""The switch as a node: joining a cluster, and leaving it."""
