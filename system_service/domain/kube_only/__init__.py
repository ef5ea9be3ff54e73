"""Features that exist in Kubernetes alone: without an image on this switch."""
