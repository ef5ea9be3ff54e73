"""Commands that only look: `show-kube ...`, in the host `show ...`."""
