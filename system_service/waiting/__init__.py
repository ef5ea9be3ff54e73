"""The inside of `system container wait`: two sockets to block on, and what to do when they speak.

It stays in memory once per feature, so nothing here imports dataclasses, typing, argparse or http.client.
"""
