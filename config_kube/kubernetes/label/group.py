"""The list of `config kubernetes label` commands."""

from __future__ import annotations

from system_service.terminal.groups import LazyGroup

command = LazyGroup(
    "label",
    table={
        "add": ("config_kube.kubernetes.label.add", "Add a label to this switch's node"),
        "drop": ("config_kube.kubernetes.label.drop", "Drop a label from this switch's node"),
    },
    help="""Label configuration

    \b
    Examples:
      config kubernetes label add rack r12
      config kubernetes label drop rack""",
)
