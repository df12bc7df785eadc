#!/usr/bin/env python3
"""bootstrap_test: the executable that script/build-lambda makes, and what `sam build` packs. Loopback only.

Builds for this machine, and for arm64 where there is a cross compiler and qemu-user. The first run of all
compiles the libraries, which takes minutes. Where compiler or sources are missing that part is `not run`.
HTTPS by names needs a user namespace: a name server of our own and an empty file system are all that the
program gets there.
"""
import argparse
import json
import os
import pathlib
import platform
import shutil
import ssl
import stat
import struct
import subprocess
import sys
import tempfile
import time

HERE = pathlib.Path(__file__).resolve().parent
sys.path[:0] = [str(HERE), str(HERE.parent), str(HERE.parent / "support")]
import http_peer as peer  # noqa: E402
import loopback_names  # noqa: E402
from common import ROOT, SECRET, Report, Workspace, sign, signature_header, webhook  # noqa: E402
from lambda_envelopes import envelope  # noqa: E402
from runtime_api import Api, Bootstrap  # noqa: E402

BUILD = ROOT / "script" / "build-lambda"
MISSING = 3          # build-lambda's exit status when the machine lacks something
FIRST_BUILD_S, BUILD_S = 900, 60
AL2023, DEBIAN, ALPINE = ("etc/pki/tls/certs/ca-bundle.crt", "etc/ssl/certs/ca-certificates.crt",
                          "etc/ssl/cert.pem")
MACHINES = {"x86_64": 62, "arm64": 183}
PT_DYNAMIC, PT_INTERP, GNU_STACK, GNU_RELRO = 2, 3, 0x6474E551, 0x6474E552
CONFIG = "webhook:\n  signature:\n    - name: current\n      file: webhook-secret\nnotify:\n  - log: {}\n"
CHROOT = shutil.which("chroot", path="/usr/sbin:/usr/bin")
PLAIN = "HTTP needs no authorities"
ZONE = {"kite.test": 1, "other.test": 1, "many.test": 100, "gone.test": 0, "silent.test": -1}


def host_arch():
    return {"x86_64": "x86_64", "aarch64": "arm64"}.get(platform.machine(), "")


# ---- the executable

def segments(image):
    """The machine of a 64-bit little-endian ELF file, and {type: flags} of its program headers."""
    assert image[:6] == b"\x7fELF\x02\x01", "no 64-bit little-endian ELF file"
    machine, = struct.unpack_from("<H", image, 18)
    start, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    return machine, dict(struct.unpack_from("<II", image, start + i * size) for i in range(count))


def check_executable(report, arch, folder):
    for name in ("bootstrap", "http_probe"):
        path = folder / name
        image = path.read_bytes()
        machine, found = segments(image)
        report.check(f"{arch} {name} machine", machine == MACHINES[arch], machine)
        report.check(f"{arch} {name} needs no loader", not {PT_INTERP, PT_DYNAMIC} & set(found), found)
        report.check(f"{arch} {name} RELRO", GNU_RELRO in found, found)
        report.check(f"{arch} {name} stack", GNU_STACK in found and not found[GNU_STACK] & 1, found)
        report.check(f"{arch} {name} mode", stat.S_IMODE(path.stat().st_mode) == 0o755,
                     oct(path.stat().st_mode))
        report.check(f"{arch} {name} stripped", b".symtab" not in image and b".debug_info" not in image)
        whole = (folder / f"{name}.debug").read_bytes()
        report.check(f"{arch} {name}.debug has symbols", b".symtab" in whole and b".debug_info" in whole)
        for place in (str(pathlib.Path.home()), str(ROOT)):
            # A short one, such as /src, also stands inside of the libraries' own.
            report.check(f"{arch} {name} names no builder's path",
                         len(place) < 5 or place.encode() not in image, place)
    report.check(f"{arch} size", (folder / "bootstrap").stat().st_size < 6e6,
                 (folder / "bootstrap").stat().st_size)


def check_protected(report, name, function, program):
    """What the linker set apart as read-only after the start is so in the running process."""
    image = program.read_bytes()
    start, = struct.unpack_from("<Q", image, 32)
    size, count = struct.unpack_from("<HH", image, 54)
    headers = [struct.unpack_from("<IIQQQQQQ", image, start + i * size) for i in range(count)]
    low, length = next((header[3], header[6]) for header in headers if header[0] == GNU_RELRO)
    page = os.sysconf("SC_PAGESIZE")
    high, writable = (low + length) // page * page, []
    for line in pathlib.Path(f"/proc/{function.process.pid}/maps").read_text().splitlines():
        area, rights = line.split()[:2]
        first, last = (int(number, 16) for number in area.split("-"))
        if "w" in rights and first < high and last > low:
            writable.append(line)
    report.check(name, high > low and not writable, writable)


def check_roots(report, arch, folder):
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.load_verify_locations(folder / "ca.pem")
    names = {dict(part[0] for part in root["subject"]).get("commonName") for root in context.get_ca_certs()}
    wanted = {line for line in (ROOT / "lambda" / "ca-roots.txt").read_text().splitlines() if line and
              line[0] != "#"}
    report.check(f"{arch} ca.pem", names and names <= wanted and "Amazon Root CA 1" in names, names ^ wanted)


def check_missing(report):
    """All that a build lacks is said in one line, before anything is fetched or written."""
    with Workspace() as folder:
        tools = folder / "tools"
        tools.mkdir()
        for name in ("sh", "dirname", "uname", "ls", "gcc", "make"):
            (tools / name).symlink_to(shutil.which(name))
        done = subprocess.run([tools / "sh", BUILD], capture_output=True, text=True, timeout=BUILD_S,
                              env={"PATH": str(tools), "HOME": str(folder)})
        lines = done.stderr.splitlines()
        said = set(lines[0].split(";")[0].split()) if len(lines) == 1 else set()
        absent = {"ar", "strip", "cmake", "perl", "pkg-config", "tar", "openssl", "apt-get", "dpkg-source",
                  "patch"}
        report.check("what is missing", done.returncode == MISSING and absent <= said, done.stderr)
        report.check("what is there is not missing", not {"gcc", "make"} & said, done.stderr)
        report.check("nothing is written", os.listdir(folder) == ["tools"], os.listdir(folder))


def build(report, arch, folder, more):
    """True when FOLDER has the programs for ARCH."""
    command = [BUILD, "--arch", arch, "--output", folder, "--probe", "--no-measure", *more]
    done = subprocess.run(command, capture_output=True, text=True, timeout=FIRST_BUILD_S)
    if done.returncode == MISSING:
        report.skip(f"{arch} build", done.stderr.strip().splitlines()[-1])
        return False
    if not report.check(f"{arch} build", done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]):
        return False
    started = time.monotonic()
    dead_end = {name: "http://127.0.0.1:9" for name in ("http_proxy", "https_proxy")}
    again = subprocess.run(command, capture_output=True, text=True, timeout=BUILD_S,
                           env={**os.environ, **dead_end})
    report.check(f"{arch} second run", again.returncode == 0 and time.monotonic() - started < 30,
                 again.stderr[-3000:])
    for name in ("musl", "openssl", "jansson", "libyaml", "pcre2", "curl"):
        report.check(f"{arch} says {name}'s version", f" {name} " in again.stdout, again.stdout)
    check_executable(report, arch, folder)
    check_roots(report, arch, folder)
    return True


# ---- one event

class Function:
    """One bootstrap in a folder of its own; CHROOT: a folder that is all it can see."""

    def __init__(self, task, program, runner=(), config=CONFIG, chroot=False, **environment):
        (task / "kitehook.yml").write_text(config)
        (task / "webhook-secret").write_bytes(SECRET)
        (task / "webhook-secret").chmod(0o600)
        shutil.copy(program, task / "bootstrap")
        command, root = [*runner, task / "bootstrap"], str(task)
        if chroot:
            command, root = ["unshare", "--user", "--map-root-user", "--root", str(task), "/bootstrap"], "/"
        self.api = Api()
        self.started = Bootstrap(self.api, command, task / "log", LAMBDA_TASK_ROOT=root, **environment)

    def status(self, secret=SECRET):
        """What a webhook that is signed by SECRET is answered, and more for a message."""
        body, now = webhook(1), int(time.time())
        headers = [("Content-Type", "application/json"), ("X-Buildkite-Event", "build.finished"),
                   ("X-Buildkite-Signature", signature_header(now, sign(secret, now, body)))]
        event = self.api.submit(envelope("http_api", "POST", headers, body))
        got = json.loads(event.body) if event.wait() == "response" else {}
        return got.get("statusCode"), (event.kind, event.body, self.started.lines())

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.started.close()
        self.api.close()


def check_event(report, arch, program, runner, chroot):
    where = " in an empty file system" if chroot else ""
    with Workspace() as task, Function(task, program, runner, chroot=chroot) as function:
        for name, secret, expected in (("genuine", SECRET, 200), ("forged", b"planted", 401)):
            status, all_of_it = function.status(secret)
            report.check(f"{arch} a {name} webhook{where}", status == expected, all_of_it)
        if not runner and not chroot:
            check_protected(report, f"{arch} RELRO in the running process", function.started, program)


def check_packed_roots(report, arch, program, runner):
    """The ca.pem beside bootstrap is what its notifications trust, unless SSL_CERT_FILE names another."""
    config = CONFIG + "  - slack:\n      url: { env: HOOK }\n    events: build.finished\n"
    with Workspace() as folder:
        make_certificates(folder)
        for packed, named, expected in (("ca", None, 200), ("stranger", None, 502), ("stranger", "ca", 200),
                                        ("ca", "stranger", 502), ("ca", "absent", 502)):
            server = peer.Peer({"*": peer.answer("200 OK")}, (folder / "kite.crt", folder / "kite.key"))
            more = {"HOOK": f"https://localhost:{server.port}/services/planted"}
            if named:
                more["SSL_CERT_FILE"] = str(folder / f"{named}.crt")
            with Workspace() as task:
                shutil.copy(folder / f"{packed}.crt", task / "ca.pem")
                with Function(task, program, runner, config, **more) as function:
                    status, all_of_it = function.status()
                    report.check(f"{arch} notifies with {packed} packed, {named} named",
                                 status == expected and
                                 len(server.requests) == (expected == 200), all_of_it)
                    report.check(f"{arch} keeps the URL to itself", "planted" not in repr(all_of_it),
                                 all_of_it)
            server.close()


# ---- HTTPS

def make_certificates(folder):
    """ca.crt and stranger.crt are authorities; kite.crt (of ca) is for kite.test, many.test and localhost."""
    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)
    for name in ("ca", "stranger"):
        openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", f"{name}.key",
                "-out", f"{name}.crt", "-subj", f"/CN={name}", "-addext", "keyUsage=critical,keyCertSign")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "kite.key", "-out", "kite.csr", "-subj",
            "/CN=kite")
    (folder / "kite.ext").write_text("subjectAltName=DNS:kite.test,DNS:many.test,DNS:localhost\n")
    openssl("x509", "-req", "-in", "kite.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "kite.ext", "-out", "kite.crt")


class Away:
    """The probe, in a root of its own where it can be (CHROOT) and else in the one there is."""

    def __init__(self, folder, runner, chroot):
        self.folder, self.runner, self.chroot, self.number = folder, runner, chroot, 0
        self.results, self.accepted = [], 0  # over HTTPS

    def send(self, url, files=None, ca_file=None, timeout_ms=8000):
        """FILES: place in the root to the file it holds."""
        self.number += 1
        root = self.folder / f"root-{self.number}"
        (root / "etc").mkdir(parents=True)
        (root / "etc" / "resolv.conf").write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:2\n")
        (root / "etc" / "hosts").write_text("127.0.0.1 localhost\n")
        for place, source in (files or {}).items():
            (root / place).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(source, root / place)
        environment = {"SSL_CERT_FILE": ca_file} if ca_file else {}
        words = [str(timeout_ms), "application/json", "{}", url]
        if self.chroot:
            shutil.copy(self.folder / "http_probe", root / "http_probe")
            command = [CHROOT, str(root), "/http_probe", *words]
        else:
            if ca_file:
                environment["SSL_CERT_FILE"] = str(root / ca_file.lstrip("/"))
            command = [*self.runner, str(self.folder / "http_probe"), *words]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=60)
        return (json.loads(done.stdout) if done.returncode == 0
                else {"err": f"exit {done.returncode}", "problem": done.stderr})

    def expect(self, name, got, err, problem=""):
        self.accepted += err == "ok" and name != PLAIN
        good = (got["err"] == err and (got.get("status") == 200) == (err == "ok") and
                problem.lower() in got["problem"].lower())
        self.results.append([name, good, repr(got)])


def check_https(away, port):
    ca, stranger = away.folder / "ca.crt", away.folder / "stranger.crt"
    url = f"https://%s:{port}/services/planted"
    mine = {"var/task/ca.pem": ca}
    for name in ("kite.test", "localhost"):
        away.expect(f"by name: {name}", away.send(url % name, mine, "/var/task/ca.pem"), "ok")
    away.expect("wrong name refused", away.send(url % "other.test", mine, "/var/task/ca.pem"),
                "delivery_failed", "SSL peer certificate")
    away.expect("wrong authority refused", away.send(url % "kite.test", {"ca.pem": stranger}, "/ca.pem"),
                "delivery_failed", "SSL peer certificate")
    away.expect("named file missing", away.send(url % "kite.test", {AL2023: ca}, "/var/task/ca.pem"),
                "delivery_failed", "file of certificate authorities cannot be read")
    for place, fate in (("var/task/ca.pem", stranger), ("var/task/ca.pem", pathlib.Path("/dev/null"))):
        away.expect(f"named file is not read past: {fate.name}",
                    away.send(url % "kite.test", {AL2023: ca, place: fate}, "/" + place), "delivery_failed")
    if not away.chroot:
        return
    for place in (AL2023, DEBIAN, ALPINE):
        away.expect(f"found by itself: {place}", away.send(url % "kite.test", {place: ca}), "ok")
    away.expect("Amazon's before Debian's",
                away.send(url % "kite.test", {AL2023: ca, DEBIAN: stranger, ALPINE: stranger}), "ok")
    away.expect("Debian's before Alpine's", away.send(url % "kite.test", {DEBIAN: stranger, ALPINE: ca}),
                "delivery_failed", "SSL peer")
    away.expect("no file at all", away.send(url % "kite.test"), "delivery_failed",
                "file of certificate authorities cannot be read")


def check_names(away, names, ports):
    https, http = ports
    mine = {"ca.pem": away.folder / "ca.crt"}
    away.expect("no such name", away.send(f"https://gone.test:{https}/", mine, "/ca.pem"), "delivery_failed",
                "resolve host")
    away.expect("more addresses than UDP carries", away.send(f"https://many.test:{https}/", mine, "/ca.pem"),
                "ok")
    started = time.monotonic()
    got = away.send(f"https://silent.test:{https}/", mine, "/ca.pem", timeout_ms=700)
    away.expect("a silent name server", got, "delivery_failed", "Timeout")
    away.results.append(
        ["a silent name server: in time", time.monotonic() - started < 2, f"{time.monotonic() - started} s"])
    away.expect(PLAIN, away.send(f"http://kite.test:{http}/"), "ok")
    for name in ("kite.test", "many.test", "gone.test", "silent.test"):
        away.results.append([f"asked for {name}", names.asked.get(name, 0) > 0, repr(names.asked)])


def inside(folder, runner):
    """In the namespace: prints the results as JSON."""
    loopback_names.up()
    names = loopback_names.NameServer(ZONE)
    away = Away(folder, runner, chroot=not runner)
    if runner:  # qemu-user needs this machine's libraries, so its file system stays
        resolv = folder / "resolv.conf"
        resolv.write_text("nameserver 127.0.0.1\noptions timeout:1 attempts:2\n")
        subprocess.run(["mount", "--bind", resolv, "/etc/resolv.conf"], check=True)
    secure = peer.Peer({"*": peer.answer("200 OK")}, (folder / "kite.crt", folder / "kite.key"))
    plain = peer.Peer({"*": peer.answer("200 OK")})
    check_https(away, secure.port)
    check_names(away, names, (secure.port, plain.port))
    reached = [request["target"] for request in secure.requests]
    away.results.append(
        ["only who was verified was sent anything", len(reached) == away.accepted, repr(reached)])
    print(json.dumps(away.results))


def check_network(report, arch, built, runner):
    with Workspace() as folder:
        shutil.copy(built / "http_probe", folder / "http_probe")
        make_certificates(folder)
        command = loopback_names.enter(pathlib.Path(__file__).resolve(), ["--inside", str(folder), *runner])
        if not command:
            report.skip(f"{arch} HTTPS by names", "no user namespaces here")
            return
        done = subprocess.run(command, capture_output=True, text=True, timeout=180)
        if not report.check(f"{arch} HTTPS by names", done.returncode == 0, done.stderr[-2000:]):
            return
        for name, good, problem in json.loads(done.stdout):
            report.check(f"{arch} {name}", good, problem)
        if runner:
            report.skip(f"{arch} HTTPS in an empty file system", "qemu-user needs this machine's")


# ---- what sam build does

LIST, INLINE, PARAMETER = ("Architectures:\n        - %s # two\n", "Architectures: [%s]\n",
                           "Architectures: [!Ref Arch]\n")


def template(architectures, arch):
    text = architectures % arch if "%s" in architectures else architectures
    return ("Parameters:\n  Other:\n    Default: arm64\n  Arch:\n    Type: String\n    AllowedValues: "
            "[x86_64, arm64]\n"
            f"    Default: {arch}\nResources:\n  KitehookFunction:\n    Properties:\n"
            f"      # Architectures: [none]\n      {text}      Runtime: provided.al2023\n")


def make(tree, artifacts, **more):
    words = [f"{name}={value}" for name, value in {"ARTIFACTS_DIR": artifacts, **more}.items()
             if value is not None]
    return subprocess.run(["make", "--makefile", str(tree / "Makefile"), "build-KitehookFunction", *words],
                          cwd="/", capture_output=True, text=True, timeout=FIRST_BUILD_S)


def check_pack(report, arch, built):
    other = "arm64" if arch == "x86_64" else "x86_64"
    with Workspace() as tree:
        (tree / "script").mkdir()
        shutil.copy(ROOT / "Makefile", tree / "Makefile")
        shutil.copy(ROOT / "script" / "pack-lambda", tree / "script" / "pack-lambda")
        artifacts = tree / "artifacts"
        for architectures in (LIST, INLINE, PARAMETER):
            cure = ("'Default: %s' under the parameter Arch" if architectures == PARAMETER
                    else "'Architectures: [%s]'")
            (tree / "template.yaml").write_text(template(architectures, arch))
            done = make(tree, artifacts, LAMBDA_BOOTSTRAP=built / "bootstrap")
            packed = artifacts / "bootstrap"
            report.check(f"packed: {architectures.split()[1]}",
                         done.returncode == 0 and packed.read_bytes() == (
built / "bootstrap").read_bytes() and stat.S_IMODE(packed.stat().st_mode) == 0o755, done.stderr)
            report.check("says that kitehook.yml is missing", "kitehook.yml" in done.stdout, done.stdout)
            report.check("packed nothing else", sorted(os.listdir(artifacts)) == ["bootstrap", "ca.pem"],
                         os.listdir(artifacts))
            shutil.rmtree(artifacts, ignore_errors=True)
            (tree / "template.yaml").write_text(template(architectures, other))
            done = make(tree, artifacts, LAMBDA_BOOTSTRAP=built / "bootstrap")
            report.check(f"another machine refused: {architectures.split()[1]}",
                         done.returncode != 0 and not artifacts.exists() and
                         f"--arch {other}" in done.stderr and cure % arch in done.stderr, done.stderr)
        (tree / "template.yaml").write_text(template(INLINE, arch))
        (tree / "script.sh").write_text("#!/bin/sh\nexec true\n")
        (tree / "kitehook.yml").write_text(CONFIG)
        for name, message, more in (
                ("a script", "no ELF executable", {"LAMBDA_BOOTSTRAP": tree / "script.sh"}),
                ("no such file", "there is no", {"LAMBDA_BOOTSTRAP": tree / "absent"}),
                ("LAMBDA_ARCH against the template", "leave LAMBDA_ARCH out",
                 {"LAMBDA_BOOTSTRAP": built / "bootstrap", "LAMBDA_ARCH": other}),
                ("authorities that are none", "has no certificate",
                 {"LAMBDA_BOOTSTRAP": built / "bootstrap", "LAMBDA_CA_FILE": tree / "script.sh"}),
                ("no ARTIFACTS_DIR", "ARTIFACTS_DIR is not set",
                 {"LAMBDA_BOOTSTRAP": built / "bootstrap", "ARTIFACTS_DIR": ""})):
            done = make(tree, artifacts, **more)
            report.check(f"refused: {name}",
                         done.returncode != 0 and message in done.stderr and not artifacts.exists(),
                         done.stderr)
        done = make(tree, artifacts, LAMBDA_BOOTSTRAP=built / "bootstrap")
        report.check("kitehook.yml packed",
                     done.returncode == 0 and (artifacts / "kitehook.yml").read_text() == CONFIG, done.stderr)


def check_sam(report, arch):
    """As `sam build` does it: a copy of the tree without .git, with another machine's objects in its build
    folder."""
    with Workspace() as place:
        tree = place / "scratch"
        shutil.copytree(ROOT, tree,
                        ignore=shutil.ignore_patterns(".git", ".aws-sam", "build", "fixtures", "corpus"))
        stale = tree / "build" / f"lambda-{arch}"
        (stale / "cmake").mkdir(parents=True)
        (stale / "bootstrap").write_bytes(b"\x7fELF of another machine")
        (stale / "cmake" / "CMakeCache.txt").write_text("CMAKE_HOME_DIRECTORY:INTERNAL=/elsewhere\n")
        (tree / "template.yaml").write_text(template(INLINE, arch))
        (tree / "kitehook.yml").write_text(CONFIG)
        done = make(tree, place / "artifacts")
        if not report.check("sam build", done.returncode == 0, done.stdout[-2000:] + done.stderr[-3000:]):
            return
        machine, _ = segments((place / "artifacts" / "bootstrap").read_bytes())
        report.check("sam build's machine", machine == MACHINES[arch])
        report.check("sam build's folder",
                     sorted(os.listdir(place / "artifacts")) == ["bootstrap", "ca.pem", "kitehook.yml"])


def check_arch(report, arch, folder, more):
    runner = []
    if arch != host_arch():
        missing = [name for name in ("aarch64-linux-gnu-gcc", "qemu-aarch64") if not shutil.which(name)]
        if arch != "arm64" or missing:
            report.skip(arch, f"{' and '.join(missing) or 'a cross compiler'} not installed")
            return
        runner = ["qemu-aarch64"]
    if not build(report, arch, folder, more):
        return
    check_event(report, arch, folder / "bootstrap", runner, False)
    if not runner and loopback_names.enter("", []):
        check_event(report, arch, folder / "bootstrap", [], True)
    check_packed_roots(report, arch, folder / "bootstrap", runner)
    check_network(report, arch, folder, runner)
    if not runner:
        check_pack(report, arch, folder)
        check_sam(report, arch)


def main():
    if sys.argv[1:2] == ["--inside"]:
        inside(pathlib.Path(sys.argv[2]), sys.argv[3:])
        return 0
    parser = argparse.ArgumentParser(description="the static bootstrap of the Lambda function")
    parser.add_argument("--build", help="not used: this test builds what it tests")
    parser.add_argument("--only", choices=sorted(MACHINES), help="one architecture")
    parser.add_argument("--cached", action="store_true", help="not run where the libraries are not built yet")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    report = Report(chosen.verbose)
    if not host_arch():
        print(f"not run: no Lambda has a machine like this, {platform.machine()}")
        return 0
    check_missing(report)
    for arch in sorted(MACHINES, key=lambda name: name != host_arch()):
        if chosen.only in (None, arch):
            with Workspace() as folder:
                check_arch(report, arch, folder, ["--cached"] if chosen.cached else [])
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
