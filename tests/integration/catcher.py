"""A catcher for notifications: an HTTP server on loopback that keeps what it gets."""
import http.server
import json
import threading


class Caught:
    def __init__(self, path, headers, body, status, method="POST"):
        self.path, self.headers, self.body, self.status, self.method = path, headers, body, status, method

    @property
    def json(self):
        return json.loads(self.body)


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        status, headers, answer = self.server.catcher.take(self.path, dict(self.headers.items()), body,
                                                           self.command)
        self.send_response(status)
        for name, value in headers.items():
            self.send_header(name, value)
        self.send_header("Content-Length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer)

    do_PATCH = do_PUT = do_GET = do_POST

    def log_message(self, *_):
        pass


class _Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def handle_error(self, *_):
        pass  # a client that was killed


class Catcher:
    """Answers 200 "ok", or what SCRIPT(path, body) says: a status, or (status, headers, answer). One that
    takes_method is asked by SCRIPT(method, path, body)."""

    def __init__(self, script=None):
        self.caught = []
        self.script = script
        self._lock = threading.Lock()
        self._server = _Server(("127.0.0.1", 0), _Handler)
        self._server.catcher = self
        self.port = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                                        daemon=True)

    def url(self, path):
        return f"http://127.0.0.1:{self.port}{path}"

    def take(self, path, headers, body, method="POST"):
        what = (method, path, body) if getattr(self.script, "takes_method", False) else (path, body)
        said = self.script(*what) if self.script else 200
        status, more, answer = said if isinstance(said, tuple) else (said, {}, b"ok")
        with self._lock:
            self.caught.append(Caught(path, headers, body, status, method))
        return status, more, answer

    def at(self, path):
        """What was posted to PATH and answered 2xx."""
        with self._lock:
            return [one for one in self.caught if one.path == path and one.status < 300]

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
