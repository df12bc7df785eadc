"""LIFX's HTTP API on loopback, as api.developer.lifx.com describes it: selectors, effects, states, errors,
limits."""
import http.server
import json
import re
import threading
import urllib.parse

WINDOW_S = 60
COMMON = {"color": str, "from_color": str, "period": (int, float), "cycles": (int, float), "persist": bool,
          "power_on": bool}
EFFECTS = {"effects/breathe": {**COMMON, "peak": (int, float)}, "effects/pulse": COMMON}
STATE = {"color": str, "power": str, "brightness": (int, float), "duration": (int, float)}


class Lamp:
    def __init__(self, number, label, group, status="ok"):
        self.id, self.label, self.group, self.status = f"d073d500000{number}", label, group, status
        self.shows = None

    def matches(self, selector):
        kind, _, name = selector.partition(":")
        return (selector == "all" or
                {"id": self.id, "label": self.label, "group": self.group}.get(kind) == name)


class Call:
    def __init__(self, method, target, headers, body):
        self.method, self.target, self.headers, self.body = method, target, headers, body
        self.status = None


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True

    def answer(self):
        body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
        call = Call(self.command, self.path, list(self.headers.items()), body)
        status, headers, said = self.server.api.take(call)
        content = json.dumps(said).encode()
        self.send_response(status)
        for name, value in {"Content-Type": "application/json", "Content-Length": str(len(content)),
                            **headers}.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    do_POST = do_PUT = do_GET = answer

    def log_message(self, *_):
        pass


class LifxApi:
    def __init__(self, token, lamps):
        self.token, self.lamps, self.calls = token, lamps, []
        self.reset_at = None  # set: the limit is used up until then
        self._lock = threading.Lock()
        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Handler)
        self._server.daemon_threads = True
        self._server.api = self
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.05},
                                        daemon=True)

    @property
    def url(self):
        return f"http://127.0.0.1:{self._server.server_address[1]}/v1"

    def take(self, call):
        with self._lock:
            self.calls.append(call)
            call.status, headers, said = self._judge(call)
            return call.status, headers, said

    def _judge(self, call):
        headers = {name.lower(): value for name, value in call.headers}
        limit = {"X-RateLimit-Limit": "120", "X-RateLimit-Remaining": "119"}
        if headers.get("authorization") != f"Bearer {self.token}":
            return 401, {}, {"error": f"Invalid token {headers.get('authorization')}"}
        if self.reset_at:
            return (429, {**limit, "X-RateLimit-Remaining": "0", "X-RateLimit-Reset": str(self.reset_at)},
                    {"error": "Rate limit"})
        parts = re.fullmatch(r"/v1/lights/([^/?#]+)/(effects/breathe|effects/pulse|state)", call.target)
        if not parts or (call.method == "PUT") != (parts[2] == "state") or call.method == "GET":
            return 404, limit, {"error": "Not Found"}
        selectors = urllib.parse.unquote(parts[1], errors="strict").split(",")
        lamps = [lamp for lamp in self.lamps if any(lamp.matches(selector) for selector in selectors)]
        if not lamps:
            return 404, limit, {"error": f"Could not find light with selector {selectors}"}
        known = STATE if parts[2] == "state" else EFFECTS[parts[2]]
        try:
            wanted = json.loads(call.body)
        except ValueError:
            return 400, limit, {"error": "invalid JSON"}
        wrong = [key for key, value in wanted.items() if key in known and not isinstance(value, known[key])]
        if wrong or "color" not in wanted or headers.get("content-type") != "application/json":
            return (422, limit,
                    {"error": "color is missing",
                     "errors": [{"field": key, "message": ["is wrong"]} for key in wrong]})
        for lamp in lamps:
            if lamp.status == "ok":
                lamp.shows = (parts[2], wanted)
        said = {"results": [{"id": lamp.id, "label": lamp.label, "status": lamp.status} for lamp in lamps]}
        unknown = {key: value for key, value in wanted.items() if key not in known}
        if unknown:
            said["warnings"] = [{"unknown_params": unknown, "warning": "Unknown params"}]
        return 207, limit, said

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._server.shutdown()
        self._server.server_close()
