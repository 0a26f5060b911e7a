"""The /v1 messages, limits and problems: what a desk and a control plane say to each other, and nothing about how."""
