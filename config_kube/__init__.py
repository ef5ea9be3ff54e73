"""Commands that change intent: `config-kube ...`, in the host `config ...`."""
