"""The people page: who sits here and who may command, roles lent for a while, and whom to phone."""

from console.ui.people.panel import PeoplePanel

__all__ = ["PeoplePanel"]
