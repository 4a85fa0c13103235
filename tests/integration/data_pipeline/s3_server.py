"""A small S3 in this process: whole objects by their keys, and it can be away."""

import re
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Final
from urllib.parse import parse_qs, unquote, urlsplit

_DELETED: Final = re.compile(rb"<Key>(.*?)</Key>")


class S3Server:
    """Objects that stay while it is away; `settings` let a service use it."""

    def __init__(self, port: int) -> None:
        self.objects: dict[str, bytes] = {}
        self.settings: Mapping[str, str] = {
            "OBJECT_STORE_URL": "s3://bucket",
            "AWS_ENDPOINT": f"http://127.0.0.1:{port}",
            "AWS_ALLOW_HTTP": "true",
            "AWS_REGION": "eu-central-1",
            "AWS_ACCESS_KEY_ID": "nobody",
            "AWS_SECRET_ACCESS_KEY": "nothing",
        }
        self._address = ("127.0.0.1", port)
        self._server: ThreadingHTTPServer | None = None

    def start(self) -> None:
        """Listen."""
        objects = self.objects

        class Handler(_Handler):
            stored = objects

        self._server = ThreadingHTTPServer(self._address, Handler)
        Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def stop(self) -> None:
        """Refuse connections from now on."""
        if self._server is not None:
            self._server.shutdown()
            self._server.server_close()
            self._server = None


class _Handler(BaseHTTPRequestHandler):
    # A connection ends with its answer, so none outlasts the server.
    protocol_version = "HTTP/1.0"
    stored: dict[str, bytes]

    def do_PUT(self) -> None:
        """An object, or a part of one."""
        self.stored[self._key() + self._part()] = self._body()
        self._answer(200, headers={"ETag": '"1"'})

    def do_GET(self) -> None:
        """An object, or which there are."""
        if self._asked().startswith("list"):
            self._answer(200, self._listed())
            return
        content = self.stored.get(self._key())
        headers = {"ETag": '"1"', "Last-Modified": "Sun, 22 Nov 2026 10:00:00 GMT"}
        self._answer(404 if content is None else 200, content or b"", headers)

    def do_POST(self) -> None:
        """The beginning of an object in parts, its end, or deletions."""
        body, key = self._body(), self._key()
        if self._asked().startswith("delete"):
            keys = _DELETED.findall(body)
            for one in keys:
                self.stored.pop(one.decode(), None)
            deleted = b"".join(b"<Deleted><Key>%b</Key></Deleted>" % one for one in keys)
            self._answer(200, b"<DeleteResult>%b</DeleteResult>" % deleted)
        elif self._asked().startswith("uploads"):
            names = f"<Bucket>bucket</Bucket><Key>{key}</Key><UploadId>{key}</UploadId>"
            result = "InitiateMultipartUploadResult"
            self._answer(200, f"<{result}>{names}</{result}>".encode())
        else:
            parts = sorted(one for one in self.stored if one.startswith(f"{key}?"))
            self.stored[key] = b"".join([self.stored.pop(one) for one in parts])
            result = "CompleteMultipartUploadResult"
            self._answer(200, f'<{result}><ETag>"1"</ETag></{result}>'.encode())

    def log_message(self, format: str, *args: object) -> None:  # noqa: A002 - its base has it so
        """Nothing."""

    def _listed(self) -> bytes:
        prefix = parse_qs(self._asked()).get("prefix", [""])[0]
        about = "<LastModified>2026-11-22T10:00:00.000Z</LastModified><ETag>1</ETag>"
        found = [
            f"<Contents><Key>{key}</Key><Size>{len(content)}</Size>{about}</Contents>"
            for key, content in sorted(self.stored.items())
            if key.startswith(prefix)
        ]
        truncated = "<IsTruncated>false</IsTruncated>"
        return f"<ListBucketResult>{truncated}{''.join(found)}</ListBucketResult>".encode()

    def _asked(self) -> str:
        return urlsplit(self.path).query

    def _part(self) -> str:
        part = parse_qs(self._asked()).get("partNumber")
        return f"?{int(part[0]):05}" if part else ""

    def _key(self) -> str:
        return unquote(urlsplit(self.path).path).removeprefix("/bucket/")

    def _body(self) -> bytes:
        return self.rfile.read(int(self.headers.get("content-length", 0)))

    def _answer(
        self, status: int, content: bytes = b"", headers: Mapping[str, str] | None = None
    ) -> None:
        self.send_response(status)
        for name, value in {**(headers or {}), "Content-Length": str(len(content))}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)
