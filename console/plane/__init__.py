"""The control plane: orders events, keeps desired state, throws switches and proves it; an authority of its own.

Only `console.commands` starts it. It never acts on a journal event, and nothing in here is imported by a desk.
"""
