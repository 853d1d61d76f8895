"""Keyword arguments that a `TypedDict` lists: unknown names and wrong types are one sentence."""

import difflib
from collections.abc import Mapping
from typing import Any, get_type_hints

from pydantic import TypeAdapter, ValidationError

from recircle.errors import UserError


def check_keywords(function: str, keywords: type, given: Mapping[str, Any]) -> dict[str, Any]:
    """Return the arguments that were given, each of the type that it is declared to be.

    Raises:
        UserError: there is no argument of a name, or it is of another type.
    """
    known = get_type_hints(keywords)
    for name in given.keys() - known.keys():
        close = difflib.get_close_matches(name, known, n=3, cutoff=0.5)
        hint = f"did you mean {', '.join(close)}?" if close else f"it has {', '.join(sorted(known))}"
        raise UserError(f"{function} has no argument {name!r}; {hint}")
    return {name: _check(name, known[name], value) for name, value in given.items()}


def _check(name: str, hint: Any, value: Any) -> Any:
    # a number of NumPy or PyTorch is one of Python
    value = value.item() if getattr(value, "ndim", None) == 0 else value
    try:
        return TypeAdapter(hint).validate_python(value, strict=True)
    except ValidationError as error:
        problems = dict.fromkeys(details["msg"] for details in error.errors())
        wanted = " or ".join(problem[0].lower() + problem[1:] for problem in problems)
        raise UserError(f"{name}={value!r}: {wanted}") from None
