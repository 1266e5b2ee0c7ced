"""A hub that serves a local folder by the protocol of the real one, for the real client; and a model to send."""

from __future__ import annotations

import base64
import hashlib
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import unquote

import pytest

import si_core as si
from si_core.cli.main import main


class Hub(NamedTuple):
    """A hub: its address, the folder that it serves, and what was asked of it."""

    address: str
    folder: Path
    asked: list[str]


def _handler(hub: Hub) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *given: Any) -> None:
            """Keep quiet."""

        def _body(self) -> bytes:
            return self.rfile.read(int(self.headers.get("Content-Length", 0)))

        def _answer(self, value: Any, status: int = 200, **headers: str) -> None:
            data = value if isinstance(value, bytes) else json.dumps(value).encode()
            self.send_response(status)
            for name, text in {"Content-Length": str(len(data)), **headers}.items():
                self.send_header(name.replace("_", "-"), text)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(data)

        def do_POST(self) -> None:
            parts, body = unquote(self.path).strip("/").split("/"), self._body()
            hub.asked.append(f"POST {unquote(self.path)}")
            if parts == ["api", "repos", "create"]:
                asked = json.loads(body)
                name = "/".join(filter(None, (asked.get("organization") or "me", asked["name"])))
                (hub.folder / name).mkdir(parents=True, exist_ok=True)
                self._answer({"url": f"{hub.address}/{name}", "name": name})
            elif parts[-1] == "validate-yaml":
                self._answer({"errors": [], "warnings": []})
            elif "preupload" in parts:
                files = json.loads(body)["files"]
                self._answer({"files": [{"path": f["path"], "uploadMode": "regular", "shouldIgnore": False,
                                         "oid": None} for f in files]})  # fmt: skip
            elif "commit" in parts:
                name = "/".join(parts[2:4])
                for line in body.splitlines():
                    entry = json.loads(line)
                    if entry["key"] == "file":
                        content = base64.b64decode(entry["value"]["content"])
                        (hub.folder / name / entry["value"]["path"]).write_bytes(content)
                sha = "a" * 40
                self._answer({"commitUrl": f"{hub.address}/{name}/commit/{sha}", "commitOid": sha,
                              "hookOutput": "", "success": True})  # fmt: skip
            else:
                self._answer({"error": "unknown"}, 404)

        def do_GET(self) -> None:
            parts = unquote(self.path.partition("?")[0]).strip("/").split("/")
            hub.asked.append(f"{self.command} {unquote(self.path)}")
            api = parts[:2] == ["api", "models"]
            name = "/".join(parts[2:4] if api else parts[:2])
            folder = hub.folder / name
            if not folder.is_dir():
                self._answer({"error": "Repository not found"}, 404, X_Error_Code="RepoNotFound")
            elif api:
                files = [{"rfilename": path.name, "size": path.stat().st_size} for path in sorted(folder.iterdir())]
                if "tree" in parts:
                    self._answer([{"type": "file", "path": f["rfilename"], "size": f["size"], "oid": "0" * 40}
                                  for f in files])  # fmt: skip
                else:
                    self._answer({"id": name, "modelId": name, "sha": "a" * 40, "siblings": files, "private": False,
                                  "tags": [], "downloads": 0, "likes": 0})  # fmt: skip
            elif (folder / parts[-1]).is_file():
                data = (folder / parts[-1]).read_bytes()
                tag = hashlib.sha1(data).hexdigest()
                self._answer(data, ETag=f'"{tag}"', X_Repo_Commit="a" * 40)
            else:
                self._answer({"error": "Entry not found"}, 404, X_Error_Code="EntryNotFound")

        do_HEAD = do_GET

    return Handler


@pytest.fixture
def hub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Hub]:
    """A hub on this machine, and a cache of its own for the client."""
    constants = pytest.importorskip("huggingface_hub.constants")
    served = tmp_path / "hub"
    served.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), BaseHTTPRequestHandler)
    made = Hub(f"http://127.0.0.1:{server.server_address[1]}", served, [])
    server.RequestHandlerClass = _handler(made)
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    template = constants.HUGGINGFACE_CO_URL_TEMPLATE.replace(constants.ENDPOINT, made.address)
    monkeypatch.setattr(constants, "HUGGINGFACE_CO_URL_TEMPLATE", template)
    monkeypatch.setattr(constants, "ENDPOINT", made.address)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "cache"))
    monkeypatch.setenv("HF_TOKEN", "hf_" + "x" * 30)
    yield made
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture(scope="session")
def exported(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A small model, exported."""
    import torch

    pytest.importorskip("si_recipes")
    rows = torch.randn(64, 2, generator=torch.Generator().manual_seed(0))
    model = si.fit(rows, steps=4, train={"batch": 16}, network={"use": "mlp", "width": 8, "depth": 1})
    folder = tmp_path_factory.mktemp("models")
    model.save(folder / "saved")
    assert main(["export", str(folder / "saved"), str(folder / "exported")]) == 0
    return folder / "exported"
