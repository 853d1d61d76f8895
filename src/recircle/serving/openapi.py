"""What the service says of itself at `/openapi.json`, and so at `/docs`: also what it answers to what it refuses."""

from typing import Any

from fastapi import FastAPI

from recircle import __version__

REFUSALS = {
    400: "the form holds neither a clip nor frames, both, an empty file, or fields of other names",
    408: "the request did not come to its end in time",
    413: "the request is larger than the service takes",
    422: "the clip cannot be read, or lasts longer or has larger frames than the service takes",
    503: "too many requests are waiting, the worker was lost, or the disk is full; come again later",
    504: "there was no answer in time",
}
"""By their status, in words; each comes with a `detail`."""

_DETAIL: dict[str, Any] = {"type": "object", "properties": {"detail": {"type": "string"}}, "required": ["detail"]}
_PLAIN: dict[str, Any] = {"text/plain": {"schema": {"type": "string"}}}
_ANSWER: dict[str, Any] = {
    "type": "object",
    "description": "what `recircle predict --json` prints for the clip, and under `model` the run and its weights",
}


def describe(app: FastAPI, path: str) -> None:
    """Let an application describe what `path` answers; the routes may be added later.

    Args:
        app: the application.
        path: what takes clips.
    """
    found = app.openapi

    def described() -> dict[str, Any]:
        schema = found()
        schema["info"] |= {"title": "recircle", "version": __version__}
        for status, words in REFUSALS.items():
            _responses(schema, path, "post")[str(status)] = {"description": words, "content": _json(_DETAIL)}
        _responses(schema, path, "post")["200"] = {"description": "the classes", "content": _json(_ANSWER)}
        for plain in ("/", "/health"):
            _responses(schema, plain, "get")["200"] = {"description": "it answers", "content": _PLAIN}
        return schema

    app.openapi = described


def _responses(schema: dict[str, Any], path: str, method: str) -> dict[str, Any]:
    # a path that there is not changes nothing
    return schema["paths"].get(path, {}).get(method, {}).get("responses", {})


def _json(schema: dict[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
