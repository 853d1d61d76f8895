"""Errors that a user can cause and fix."""

from recircle.public import public


@public
class UserError(ValueError):
    """Something the user gave cannot be used; the message says what, where, and how to fix it.

    The command line prints the message without a traceback and exits with 2.
    """
