"""A local server of small files, which can break off, resume and fail."""

import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest


class Server:
    """Serves ``files``, bytes by path; ``breaks_after`` bytes it closes the connection."""

    def __init__(self, port):
        self.url = f"http://127.0.0.1:{port}"
        self.files, self.requests = {}, []
        self.breaks_after, self.has_ranges = None, True


class _Handler(BaseHTTPRequestHandler):
    def do_GET(self):
        state = self.server.state
        asked = self.headers.get("Range")
        state.requests.append((self.path, asked))
        if self.path not in state.files:
            self.send_error(404)
            return
        content = state.files[self.path]
        begin = 0
        if asked and state.has_ranges:
            begin = int(asked.removeprefix("bytes=").removesuffix("-"))
            if begin >= len(content):
                self.send_error(416)
                return
        self.send_response(206 if begin else 200)
        self.send_header("Content-Length", str(len(content) - begin))
        self.end_headers()
        self.wfile.write(content[begin:][: state.breaks_after])

    def log_message(self, *_):
        """Print nothing."""


@pytest.fixture
def server():
    with ThreadingHTTPServer(("127.0.0.1", 0), _Handler) as http:
        http.state = Server(http.server_address[1])
        thread = threading.Thread(target=http.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        yield http.state
        http.shutdown()
        thread.join()
