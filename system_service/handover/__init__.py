"""Who runs a feature, and how it changes hands: looking (view), deciding (decide, pure), doing (reconciler).

Shared by the unit's `wait`, which stays in memory, and by `system container` and the commands: nothing here imports
dataclasses, typing, Click or an SDK.
"""
