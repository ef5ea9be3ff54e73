"""Looking: what is so, and how it is said. Nothing here changes a feature."""
