"""Changing: deciding what is to be done (pure), doing it step by step, and seeing that it is done."""
