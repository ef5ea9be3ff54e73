"""The sandbox's Kubernetes: real control plane and kubelet in the engine's room, certificates, registry, binaries."""
