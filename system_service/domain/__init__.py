"""Deciding: features, snapshots, plans and how they are carried out. Knows no wire, no Click."""
