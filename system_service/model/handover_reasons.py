"""Why a feature that is wanted from Kubernetes is not run by its pod, as the handover notes it for those who show it.

Also imported by the waiter.
"""

from __future__ import annotations

SAME_VERSION = "the local image is the pod's version"
"""No failure: the feature runs in the version that was asked for."""
FROZEN = "the pod is frozen at its gate"
TWO_PODS = "two pods claim it"
"""One of them may run the feature, and somebody has to take the other away."""
SETTLING = "the pod settles at its gate"
OF_A_POD = (SAME_VERSION, FROZEN, TWO_PODS, SETTLING)
"""What is said of a pod that is here, and what those who look later are to see whatever was noted before."""
