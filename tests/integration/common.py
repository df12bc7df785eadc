"""What all the integration tests share: fixtures, signing, raw HTTP, a CGI without a server, the count."""
import argparse
import base64
import hashlib
import hmac
import json
import os
import pathlib
import re
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import types

ROOT = pathlib.Path(__file__).resolve().parents[2]
CONF = pathlib.Path(__file__).resolve().parent / "conf"
FIXTURES = ROOT / "fixtures"
SECRET = (FIXTURES / "webhook-secret").read_bytes()
URL = "/buildkite"


# ---- the count

class Report:
    """Counts checks, prints what failed, and says the closing line. Several may share what is told of
    progress, SO_FAR."""

    def __init__(self, verbose=False, so_far=None):
        self.passed = self.failed = self.skipped = 0
        self.verbose = verbose
        self.told = time.monotonic()
        self.so_far = types.SimpleNamespace(value=0) if so_far is None else so_far

    def check(self, name, good, problem=""):
        if time.monotonic() - self.told > 5:  # for whoever watches: tests/run.py
            self.told = time.monotonic()
            print(f"{self.so_far.value} so far", flush=True)
        self.so_far.value += 1
        if good:
            self.passed += 1
            if self.verbose:
                print(f"ok    {name}")
        else:
            self.failed += 1
            print(f"FAIL  {name}: {problem}", flush=True)
        return bool(good)

    def add(self, other):
        self.passed += other.passed
        self.failed += other.failed
        self.skipped += other.skipped

    def skip(self, name, why):
        self.skipped += 1
        print(f"not run  {name}: {why}", flush=True)

    def close(self):
        print(f"{self.passed} passed, {self.failed} failed" +
              (f", {self.skipped} skipped" if self.skipped else ""))
        return 1 if self.failed or not self.passed else 0


def arguments(about, **more):
    """--build, --keep, --only, --verbose and what MORE names (with its default)."""
    parser = argparse.ArgumentParser(description=about)
    parser.add_argument("--build", required=True, type=lambda text: pathlib.Path(text).resolve(),
                        help="the folder with kitehook, kitehook.cgi and kitehook.fcgi")
    parser.add_argument("--only", default="", help="a regular expression: cases and servers to run")
    parser.add_argument("--keep", action="store_true", help="leave the temporary folder, and say where it is")
    parser.add_argument("--verbose", action="store_true")
    for name, default in more.items():
        parser.add_argument("--" + name, type=type(default), default=default)
    chosen = parser.parse_args()
    for program in ("kitehook", "kitehook.cgi", "kitehook.fcgi"):
        if not (chosen.build / program).is_file():
            parser.error(f"{chosen.build / program} does not exist")
    return chosen


class Workspace:
    """A temporary folder with a short name, for unix sockets have short paths."""

    def __init__(self, keep=False, below=None):
        self.keep = keep
        self.path = pathlib.Path(tempfile.mkdtemp(prefix="kh-", dir=below))

    def __enter__(self):
        return self.path

    def __exit__(self, *_):
        if self.keep:
            print(f"kept {self.path}")
        else:
            shutil.rmtree(self.path, ignore_errors=True)


def wait_until(condition, seconds, pause=0.01):
    """Calls CONDITION until it is true or SECONDS have passed; its last result."""
    end = time.monotonic() + seconds
    while True:
        result = condition()
        if result or time.monotonic() > end:
            return result
        time.sleep(pause)


def whole_text(log):
    """What is in LOG (a path; empty where it is absent) up to its last newline: a reader meets a write in
    the middle, at the end of a page."""
    if not log.exists():
        return ""
    whole, newline, _ = log.read_bytes().rpartition(b"\n")
    return (whole + newline).decode()


def fill(template, **values):
    """The text of TEMPLATE with each @NAME@ replaced."""
    text = template.read_text(encoding="utf-8")
    for name, value in values.items():
        text = text.replace(f"@{name}@", str(value))
    left = re.search(r"@[A-Z]+@", text)
    if left:
        raise ValueError(f"{template}: {left.group()} was not filled in")
    return text


# ---- signatures

def sign(secret, timestamp, body):
    """HMAC-SHA256 by the openssl command line, as Buildkite's docs have it."""
    command = ["openssl", "mac", "-digest", "SHA256", "-macopt", "hexkey:" + secret.hex(), "-in", "-", "HMAC"]
    done = subprocess.run(command, input=b"%d." % timestamp + body, stdout=subprocess.PIPE, check=True)
    return done.stdout.decode().strip().lower()


def sign_quickly(secret, timestamp, body):
    """The same by Python, where thousands are needed; compared with openssl once."""
    return hmac.new(secret, b"%d." % timestamp + body, hashlib.sha256).hexdigest()


def signature_header(timestamp, signature):
    return f"timestamp={timestamp},signature={signature}"


# ---- fixtures

class Fixture:
    """One folder of fixtures/events."""

    def __init__(self, folder):
        self.folder = folder
        self.name = folder.name
        raw = (folder / "request.http").read_bytes()
        head, _, self.body = raw.partition(b"\r\n\r\n")
        lines = head.decode("latin-1").split("\r\n")
        self.request_line = lines[0]
        self.headers = [(name, value.strip())
                        for name, _, value in (line.partition(":") for line in lines[1:])]
        self.expect = json.loads((folder / "expect.json").read_text(encoding="utf-8"))

    @property
    def request_id(self):
        return self.expect["log"]["request_id"]

    def signed(self, now):
        """The headers with a signature of NOW - 2, by openssl; the header keeps its form."""
        signature = sign(SECRET, now - 2, self.body)
        headers = []
        for name, value in self.headers:
            if name.lower() == "x-buildkite-signature":
                value = re.sub(r"timestamp(\s*)=(\s*)\d+", rf"timestamp\1=\g<2>{now - 2}", value)
                value = re.sub(r"signature(\s*)=(\s*)[0-9a-f]{64}", rf"signature\1=\g<2>{signature}", value)
            headers.append((name, value))
        return headers

    def message(self, headers):
        """The whole request with HEADERS."""
        head = (self.request_line + "\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) +
                "\r\n")
        return head.encode("latin-1") + self.body


def fixtures(only=""):
    folders = sorted(path for path in (FIXTURES / "events").iterdir() if path.is_dir())
    return [Fixture(folder) for folder in folders if re.search(only, folder.name)]


def webhook(number, state="passed", branch="main", event="build.finished", **build):
    """A small body, different for each NUMBER."""
    return json.dumps({
        "event": event,
        "build": {"id": f"b-{number}", "number": number, "state": state, "blocked": False, "branch": branch,
                  "message": f"Build {number}", "commit": "0f1e2d3c",
                  "created_at": "2026-11-22T01:02:03.000Z",
                  "web_url": f"https://buildkite.com/acme-kites/kite-frame/builds/{number}",
                  "url": "https://api.buildkite.com/v2/organizations/acme-kites/pipelines/kite-frame/builds/"
                         f"{number}", **build},
        "pipeline": {"slug": "kite-frame", "name": "Kite Frame", "default_branch": "main"},
        "sender": {"id": "u-1", "name": "Mara Example"},
    }, separators=(",", ":"), ensure_ascii=False).encode()


def post_headers(body, request_id, secret=SECRET, event="build.finished", now=None):
    """What Buildkite sends with BODY, signed now."""
    timestamp = int(now if now is not None else time.time())
    return [
        ("Host", "kitehook.example"), ("User-Agent", "Buildkite-Request"),
        ("Content-Type", "application/json"),
        ("Content-Length", str(len(body))), ("X-Buildkite-Event", event), ("X-Buildkite-Request", request_id),
        ("X-Buildkite-Signature", signature_header(timestamp, sign_quickly(secret, timestamp, body))),
    ]


# ---- HTTP by hand

class Answer:
    """An HTTP answer; status 0 when the connection was closed without one."""

    def __init__(self, status=0, headers=(), body=b""):
        self.status, self.headers, self.body = status, list(headers), body

    def header(self, name):
        return next((value for key, value in self.headers if key.lower() == name.lower()), None)

    @property
    def json(self):
        try:
            return json.loads(self.body)
        except ValueError:
            return None

    def __repr__(self):
        return f"{self.status} {self.body[:200]!r}"


def parse_headers(lines):
    return [(name.strip(), value.strip()) for name, _, value in (line.partition(":") for line in lines)]


def parse_answer(raw):
    head, blank, body = raw.partition(b"\r\n\r\n")
    match = re.match(rb"HTTP/1\.[01] (\d{3})", head)
    if not blank or not match:
        return Answer(0, (), raw)
    status = int(match.group(1))
    if status == 100:
        return parse_answer(body)
    headers = parse_headers(head.decode("latin-1").split("\r\n")[1:])
    answer = Answer(status, headers, body)
    if "chunked" in (answer.header("Transfer-Encoding") or "").lower():
        answer.body = join_chunks(body)
    return answer


def join_chunks(raw):
    whole = b""
    while raw:
        size, _, raw = raw.partition(b"\r\n")
        length = int(size.split(b";")[0], 16)
        if length == 0:
            break
        whole, raw = whole + raw[:length], raw[length + 2:]
    return whole


def exchange(port, pieces, half_close=False, seconds=15):
    """Sends PIECES on a connection of their own and reads until the server closes it."""
    received = b""
    with socket.create_connection(("127.0.0.1", port), timeout=seconds) as connection:
        try:
            for piece in pieces:
                connection.sendall(piece)
            if half_close:
                connection.shutdown(socket.SHUT_WR)
        except OSError:
            pass  # refused before it was all sent: the answer may be there all the same
        try:
            while True:
                chunk = connection.recv(65536)
                if not chunk:
                    break
                received += chunk
        except OSError:
            pass
    return parse_answer(received)


def with_close(headers):
    return [*headers, ("Connection", "close")]


def request_bytes(method, target, headers, body=b""):
    head = (f"{method} {target} HTTP/1.1\r\n" + "".join(f"{name}: {value}\r\n" for name, value in headers) +
            "\r\n")
    return head.encode("latin-1") + body


# ---- a CGI without a server

class Variables:
    """An environment in which a name may stand twice, as some servers make it. subprocess asks it for its
    items, or, where it starts programs by posix_spawn (since Python 3.13), for keys and values."""

    def __init__(self, pairs):
        self.pairs = pairs

    def __len__(self):
        return len(self.pairs)

    def __getitem__(self, name):
        return dict(self.pairs)[name]

    def items(self):
        return list(self.pairs)

    def keys(self):
        return [name for name, _ in self.pairs]

    def values(self):
        return [value for _, value in self.pairs]


def cgi_variables(config, method, target, headers, content_length):
    """RFC 3875's meta-variables. CONTENT_LENGTH None leaves it out."""
    path, _, query = target.partition("?")
    pairs = [
        ("GATEWAY_INTERFACE", "CGI/1.1"), ("SERVER_PROTOCOL", "HTTP/1.1"), ("SERVER_SOFTWARE", "none"),
        ("SERVER_NAME", "localhost"), ("SERVER_PORT", "80"), ("REMOTE_ADDR", "127.0.0.1"),
        ("REQUEST_METHOD", method),
        ("SCRIPT_NAME", path), ("QUERY_STRING", query), ("KITEHOOK_CONFIG", str(config)),
    ]
    if content_length is not None:
        pairs.append(("CONTENT_LENGTH", str(content_length)))
    for name, value in headers:
        lower = name.lower()
        if lower == "content-type":
            pairs.append(("CONTENT_TYPE", value))
        elif lower != "content-length":
            pairs.append(("HTTP_" + name.upper().replace("-", "_"), value))
    return Variables([(name.encode("latin-1"), value.encode("latin-1")) for name, value in pairs])


def run_cgi(program, variables, body, arguments=(), hold=False, seconds=20):
    """Starts PROGRAM as a web server does; HOLD: its input stays open. Returns the answer, standard error and
    the exit code."""
    reading, writing = os.pipe()
    with subprocess.Popen([str(program), *arguments], env=variables,
                          stdin=reading if hold else subprocess.PIPE,
                          stdout=subprocess.PIPE, stderr=subprocess.PIPE) as child:
        if hold:
            os.write(writing, body)
        try:
            out, err = child.communicate(None if hold else body, timeout=seconds)
        except subprocess.TimeoutExpired:
            child.kill()
            out, err = child.communicate()
            return Answer(0, (), b"timed out"), err, None
        finally:
            os.close(reading)
            os.close(writing)
    head, blank, rest = out.partition(b"\r\n\r\n")
    headers = parse_headers(head.decode("latin-1").split("\r\n")) if blank else []
    answer = Answer(200, headers, rest)
    status = answer.header("Status")
    answer.status = int(status.split()[0]) if status else (200 if blank else 0)
    return answer, err, child.returncode


# ---- kitehook's own

def aged(path):
    """PATH, as if it had been written a while ago: a worker that starts waits for what was written just
    now."""
    written = time.time_ns() - 60 * 10**9
    os.utime(path, ns=(written, written))
    return path


def write_config(folder, build, template="kitehook.yml", catcher="http://127.0.0.1:9/none", **values):
    """Fills a template of conf/ into FOLDER/kitehook.yml, with its secret, its env file and its state folder
    beside it."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "webhook-secret").write_bytes(values.pop("secret", SECRET))
    (folder / "env").write_text(f"BUILDS_URL={catcher}\nBUILDS_KEY={base64.b64encode(SECRET * 2).decode()}\n",
                                encoding="utf-8")
    os.chmod(folder / "webhook-secret", 0o600)
    os.chmod(folder / "env", 0o600)
    config = folder / "kitehook.yml"
    defaults = {"LOG": folder / "receiver.log", "MODE": "start", "LINGER": "1s"}
    config.write_text(fill(CONF / template, DIR=folder, BUILD=build, **{**defaults, **values}),
                      encoding="utf-8")
    for name in ("webhook-secret", "env", "kitehook.yml"):
        aged(folder / name)
    return config


def waiting(folder):
    """The names in the inbox below FOLDER/state."""
    try:
        return sorted(os.listdir(folder / "state" / "inbox" / "new"))
    except FileNotFoundError:
        return []


def worker_is_gone(folder):
    """True when nobody holds the lock of FOLDER/state."""
    import fcntl
    try:
        with open(folder / "state" / "worker.lock", "rb") as lock:
            fcntl.flock(lock, fcntl.LOCK_SH | fcntl.LOCK_NB)
            return True
    except FileNotFoundError:
        return True
    except BlockingIOError:
        return False


def main(run):
    sys.exit(run())
