"""A hub on 127.0.0.1 that answers what huggingface_hub asks for, and a plain server of files beside it."""

import base64
import hashlib
import json
import re
import secrets
import threading
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote, urlsplit

import pytest

TOKEN, READ_ONLY = "hf_may_write", "hf_may_read"
LARGE = (".safetensors", ".bin", ".pth")
"""What goes the way of large files."""


@dataclass
class Repository:
    """A repository: the files of each commit, and the commit of each branch and tag."""

    commits: dict[str, dict[str, bytes]] = field(default_factory=dict)
    refs: dict[str, str] = field(default_factory=dict)
    private: bool = False
    gated: bool = False

    def commit(self, files: dict[str, bytes], branch: str = "main") -> str:
        oid = secrets.token_hex(20)
        self.commits[oid] = dict(files)
        self.refs[branch] = oid
        return oid

    def files(self, revision: str) -> dict[str, bytes] | None:
        return self.commits.get(self.refs.get(revision, revision))


@dataclass
class Hub:
    """What the server knows.

    Attributes:
        repositories: by "OWNER/NAME".
        plain: files that are served as they are, by their paths.
        asked: the method and path of each request.
        tokens: what was given as a token.
        stored: large files that were uploaded, by their SHA-256.
        cut_after: the connection ends after so many bytes of a file.
        refuses_head: plain files are answered to GET only.
    """

    endpoint: str
    repositories: dict[str, Repository] = field(default_factory=dict)
    plain: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)
    tokens: set[str] = field(default_factory=set)
    stored: dict[str, bytes] = field(default_factory=dict)
    cut_after: int | None = None
    refuses_head: bool = False

    def add(self, name: str, files: dict[str, bytes], branch: str = "main") -> str:
        """Commit files to a repository, which is made where it is missing; return the commit."""
        return self.repositories.setdefault(name, Repository()).commit(files, branch)


@contextmanager
def serve(port: int = 0) -> Iterator[Hub]:
    """Serve an empty hub until the block ends."""

    class Handler(_Handler):
        pass

    server = ThreadingHTTPServer(("127.0.0.1", port), Handler)
    server.daemon_threads = True
    Handler.hub = Hub(f"http://127.0.0.1:{server.server_address[1]}")
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True)
    thread.start()
    try:
        yield Handler.hub
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


@contextmanager
def pointed_at(endpoint: str, monkeypatch: pytest.MonkeyPatch, cache: str) -> Iterator[None]:
    """Let huggingface_hub of this process ask a hub, as HF_ENDPOINT and HF_HOME would if it were imported anew."""
    from huggingface_hub import constants, hf_api

    with monkeypatch.context() as patch:
        patch.setattr(constants, "ENDPOINT", endpoint)
        patch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", endpoint + "/{repo_id}/resolve/{revision}/{filename}")
        patch.setattr(constants, "HF_HUB_CACHE", cache)
        patch.setattr(constants, "HF_HUB_DISABLE_XET", True)
        patch.setattr(constants, "HF_HUB_DISABLE_PROGRESS_BARS", True)
        patch.setattr(hf_api.api, "endpoint", endpoint)
        patch.setenv("HF_TOKEN", TOKEN)
        yield


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    hub: Hub

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002  (the parent's name)
        pass

    def do_HEAD(self) -> None:
        self._answer()

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self._answer()

    def do_PUT(self) -> None:
        self._answer()

    def _answer(self) -> None:
        self._body = self._read_body()
        path = unquote(urlsplit(self.path).path)
        self.hub.asked.append(f"{self.command} {path}")
        token = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if token:
            self.hub.tokens.add(token)
        for pattern, method in _ROUTES:
            if found := re.fullmatch(pattern, f"{self.command} {path}"):
                return getattr(self, method)(*found.groups())
        return self._error(HTTPStatus.NOT_FOUND, "")

    def _read_body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") == "chunked":
            body = b""
            while size := int(self.rfile.readline(), 16):
                body += self.rfile.read(size)
                self.rfile.readline()
            self.rfile.readline()
            return body
        return self.rfile.read(int(self.headers.get("Content-Length", 0)))

    # what is answered

    def _send(self, content: bytes, status: int = 200, headers: Mapping[str, str] | None = None) -> None:
        self.send_response(status)
        for name, value in (headers or {}).items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        if self.command == "HEAD":
            return
        if self.hub.cut_after is not None and len(content) > self.hub.cut_after:
            self.wfile.write(content[: self.hub.cut_after])
            self.wfile.flush()
            self.close_connection = True
            return
        self.wfile.write(content)

    def _json(self, value: object, status: int = 200) -> None:
        self._send(json.dumps(value).encode(), status, {"Content-Type": "application/json"})

    def _error(self, status: HTTPStatus, code: str, message: str = "") -> None:
        headers = {"X-Error-Code": code} if code else {}
        self._send(b"{}", status, {"X-Error-Message": message or status.phrase, **headers})

    # who may what

    def _may_write(self) -> bool:
        given = self.headers.get("Authorization", "").removeprefix("Bearer ")
        if given == TOKEN:
            return True
        if given:
            self._error(HTTPStatus.FORBIDDEN, "", "you have no right to write here")
        else:
            self._error(HTTPStatus.UNAUTHORIZED, "", "Invalid username or password.")
        return False

    def _repository(self, name: str) -> Repository | None:
        repository = self.hub.repositories.get(name)
        known = self.headers.get("Authorization", "") == f"Bearer {TOKEN}"
        if repository is None or (repository.private and not known):
            self._error(HTTPStatus.NOT_FOUND if known else HTTPStatus.UNAUTHORIZED, "RepoNotFound")
            return None
        if repository.gated:
            self._error(HTTPStatus.FORBIDDEN, "GatedRepo")
            return None
        return repository

    def _files(self, name: str, revision: str) -> tuple[str, dict[str, bytes]] | None:
        repository = self._repository(name)
        if repository is None:
            return None
        files = repository.files(revision)
        if files is None:
            self._error(HTTPStatus.NOT_FOUND, "RevisionNotFound")
            return None
        return repository.refs.get(revision, revision), files

    # what is read

    def info(self, name: str, revision: str | None = None) -> None:
        if found := self._files(name, revision or "main"):
            sha, files = found
            self._json({"id": name, "sha": sha, "siblings": [{"rfilename": path} for path in files]})

    def tree(self, name: str, revision: str) -> None:
        if found := self._files(name, revision):
            self._json([_entry(path, content) for path, content in found[1].items()])

    def resolve(self, name: str, revision: str, path: str) -> None:
        found = self._files(name, revision)
        if found is None:
            return
        sha, files = found
        if path not in files:
            self._error(HTTPStatus.NOT_FOUND, "EntryNotFound")
            return
        self._content(files[path], {"X-Repo-Commit": sha, "ETag": f'"{_digest(path, files[path])}"'})

    def _content(self, content: bytes, headers: Mapping[str, str] | None = None) -> None:
        if found := re.fullmatch(r"bytes=(\d+)-", self.headers.get("Range", "")):
            start = int(found[1])
            span = {"Content-Range": f"bytes {start}-{len(content) - 1}/{len(content)}"}
            self._send(content[start:], HTTPStatus.PARTIAL_CONTENT, {**(headers or {}), **span})
        else:
            self._send(content, headers=headers)

    def file(self, path: str) -> None:
        if self.command == "HEAD" and self.hub.refuses_head:
            self._error(HTTPStatus.METHOD_NOT_ALLOWED, "")
        elif path in self.hub.plain:
            self._content(self.hub.plain[path])
        else:
            self._error(HTTPStatus.NOT_FOUND, "")

    # what is written

    def create(self) -> None:
        asked = json.loads(self._body)
        name = "/".join(filter(None, (asked.get("organization"), asked["name"])))
        if not self._may_write():
            return
        if name in self.hub.repositories:
            there = {"error": "You already created this model repo", "url": f"{self.hub.endpoint}/{name}"}
            self._json(there, HTTPStatus.CONFLICT)
            return
        private = asked.get("visibility") == "private" or bool(asked.get("private"))
        self.hub.repositories[name] = Repository(private=private)
        self.hub.repositories[name].commit({})
        self._json({"url": f"{self.hub.endpoint}/{name}", "name": name, "id": name})

    def whoami(self) -> None:
        if self._may_write():
            self._json({"name": "ann", "type": "user", "orgs": []})

    def yaml(self) -> None:
        self._json({"errors": [], "warnings": []})

    def tag(self, name: str, revision: str) -> None:
        repository = self._repository(name)
        if repository is not None and self._may_write():
            repository.refs[json.loads(self._body)["tag"]] = revision
            self._json({})

    def preupload(self, name: str, _: str) -> None:
        if self._may_write() and self._repository(name):
            paths = [file["path"] for file in json.loads(self._body)["files"]]
            modes = [
                {"path": path, "uploadMode": "lfs" if path.endswith(LARGE) else "regular", "shouldIgnore": False}
                for path in paths
            ]
            self._json({"files": modes})

    def batch(self, name: str) -> None:
        if self._may_write() and self._repository(name):
            objects = json.loads(self._body)["objects"]
            uploads = [
                {**item, "actions": {"upload": {"href": f"{self.hub.endpoint}/upload/{item['oid']}"}}}
                for item in objects
            ]
            self._json({"transfer": "basic", "objects": uploads})

    def upload(self, oid: str) -> None:
        assert hashlib.sha256(self._body).hexdigest() == oid
        self.hub.stored[oid] = self._body
        self._send(b"")

    def commit(self, name: str, branch: str) -> None:
        repository = self._repository(name)
        if repository is None or not self._may_write():
            return
        files = dict(repository.files(branch) or {})
        for line in self._body.splitlines():
            item = json.loads(line)
            value = item["value"]
            match item["key"]:
                case "file":
                    files[value["path"]] = base64.b64decode(value["content"])
                case "lfsFile":
                    files[value["path"]] = self.hub.stored[value["oid"]]
                case "deletedFile":
                    files.pop(value["path"], None)
        oid = repository.commit(files, branch)
        self._json({"commitUrl": f"{self.hub.endpoint}/{name}/commit/{oid}", "commitOid": oid, "success": True})


_NAME = r"([^/]+/[^/]+)"
_ROUTES = (
    (r"POST /api/repos/create", "create"),
    (r"GET /api/whoami-v2", "whoami"),
    (r"POST /api/validate-yaml", "yaml"),
    (rf"GET /api/models/{_NAME}", "info"),
    (rf"GET /api/models/{_NAME}/revision/(.+)", "info"),
    (rf"GET /api/models/{_NAME}/tree/(.+)", "tree"),
    (rf"POST /api/models/{_NAME}/tag/(.+)", "tag"),
    (rf"POST /api/models/{_NAME}/preupload/(.+)", "preupload"),
    (rf"POST /api/models/{_NAME}/commit/(.+)", "commit"),
    (rf"POST /{_NAME}\.git/info/lfs/objects/batch", "batch"),
    (r"PUT /upload/(\w+)", "upload"),
    (rf"(?:GET|HEAD) /{_NAME}/resolve/([^/]+)/(.+)", "resolve"),
    (r"(?:GET|HEAD) (/.+)", "file"),
)


def _digest(path: str, content: bytes) -> str:
    return (
        hashlib.sha256(content).hexdigest()
        if path.endswith(LARGE)
        else hashlib.sha1(b"blob %d\0" % len(content) + content).hexdigest()
    )


def _entry(path: str, content: bytes) -> dict[str, object]:
    entry: dict[str, object] = {"type": "file", "path": path, "size": len(content), "oid": "0" * 40}
    if path.endswith(LARGE):
        entry["lfs"] = {"oid": hashlib.sha256(content).hexdigest(), "size": len(content), "pointerSize": 134}
    return entry
