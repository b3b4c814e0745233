"""The daemon's own ear for Prometheus and for whoever watches it: a few paths on 127.0.0.1."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from h2h.errors import ConfigError

HERE = "127.0.0.1"
_PATIENCE = 10.0  # seconds that a caller may take for his request

# (path, the caller's address, headers in small letters) -> (status, content type, body)
Respond = Callable[[str, str, Mapping[str, str]], tuple[int, str, bytes]]


@contextmanager
def serving(port: int, paths: tuple[str, ...], respond: Respond) -> Iterator[int]:
    """Answer GET on `paths` as long as this lasts; yields the port (0: any free one).

    Raises ConfigError where the port is taken.
    """

    class Handler(BaseHTTPRequestHandler):
        timeout = _PATIENCE
        server_version, sys_version = "h2h", ""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            if path not in paths:
                self._send(404, "text/plain; charset=utf-8", b"not here\n")
                return
            headers = {name.lower(): value for name, value in self.headers.items()}
            self._send(*respond(path, str(self.client_address[0]), headers))

        def _send(self, status: int, kind: str, body: bytes) -> None:
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Say nothing: a scrape every few seconds is no event."""

    try:
        server = ThreadingHTTPServer((HERE, port), Handler)
    except OSError as error:
        raise ConfigError(
            f"{HERE} port {port} cannot be used: {error.strerror}",
            "Choose another metrics_port in [h2h]",
        ) from error
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.2})
    thread.daemon = True
    thread.start()
    try:
        yield server.server_address[1]
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
