"""The one error family that reaches a person; the class says whose fault it is, the sentence says what to do.

Every layer raises a subclass of one of the three below. The command line prints `sentence` and leaves with `exit_code`;
anything else that escapes is a bug and is logged with its traceback.
"""

from __future__ import annotations


class ConsoleError(Exception):
    """A failure that a person can read: one sentence saying what is wrong, where, and what to do."""

    exit_code = 1

    def __init__(self, sentence: str) -> None:
        super().__init__(sentence)
        self.sentence = sentence


class InputError(ConsoleError):
    """What was given is wrong: a file, an argument, an answer. Nothing was changed."""

    exit_code = 2


class EnvironmentFault(ConsoleError):
    """The machine cannot do it now: disk full, port taken, another process holds the store."""

    exit_code = 3


class RefusedError(ConsoleError):
    """A rule of the product forbids it: a gate is unmet, a role is missing, a state does not allow it."""

    exit_code = 4
