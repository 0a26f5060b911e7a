"""The policy of an organisation: `data/`, read, checked and turned into domain values; the last good copy is kept."""

from console.policy.findings import PolicyError, Problem
from console.policy.loading import Policy, PolicyKeeper, default_path, load

__all__ = ["Policy", "PolicyError", "PolicyKeeper", "Problem", "default_path", "load"]
