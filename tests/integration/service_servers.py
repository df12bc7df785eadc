"""Workers that receivers start under every web server, as root and as www-data: each inherits the lock and
nothing else, in a session of its own, and leaves no zombie behind.

What a worker inherits is written down by a script in its place, before it becomes the worker. This process is
the reaper of orphans meanwhile (PR_SET_CHILD_SUBREAPER), and so sees how they end.
"""
import ctypes
import os
import pathlib
import pwd
import re
import shutil
import subprocess
import time

import common
import servers
from catcher import Catcher

PR_SET_CHILD_SUBREAPER = 36
USER = "www-data"

SCRIPT = """#!/bin/sh
(ls -l /proc/$$/fd >{dir}/inherited.$$.fds)
tr '\\0' '\\n' </proc/$$/environ >{dir}/inherited.$$.environment
cat /proc/$$/stat >{dir}/inherited.$$.stat
id -u >{dir}/inherited.$$.user
exec {kitehook} "$@"
"""


def stat_of(text):
    """Of proc(5)'s stat: state, parent, session."""
    fields = text.rpartition(")")[2].split()
    return fields[0], int(fields[1]), int(fields[3])


def processes():
    found = {}
    for entry in os.listdir("/proc"):
        if entry.isdigit():
            try:
                found[int(entry)] = stat_of(
                    pathlib.Path(f"/proc/{entry}/stat").read_text(encoding="utf-8", errors="replace"))
            except (FileNotFoundError, ProcessLookupError):
                pass
    return found


def below(roots):
    """All processes that descend from ROOTS, with their state."""
    all_of_them, found, more = processes(), {}, set(roots)
    while more:
        found.update({pid: all_of_them[pid] for pid in more if pid in all_of_them})
        more = {pid for pid, (_, parent, _) in all_of_them.items() if parent in found and pid not in found}
    return found


class Reaper:
    """Orphans below us become our children."""

    def __enter__(self):
        self.libc = ctypes.CDLL(None, use_errno=True)
        self.good = self.libc.prctl(PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0) == 0
        return self

    def __exit__(self, *_):
        self.libc.prctl(PR_SET_CHILD_SUBREAPER, 0, 0, 0, 0)

    @staticmethod
    def exit_code(pid, seconds=10):
        """The exit code of an orphan, None when it does not end or is not ours."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            try:
                ended, status = os.waitpid(pid, os.WNOHANG)
            except ChildProcessError:
                return None
            if ended:
                return os.waitstatus_to_exitcode(status)
            time.sleep(0.01)
        return None


def chown(folder, user):
    for path in (folder, *folder.rglob("*")):
        if not path.is_symlink():
            shutil.chown(path, user, user)


def become(server, folder, user):
    """Has SERVER run as USER, who gets FOLDER."""
    run, launch = server.run, server.launch
    as_user = ["setpriv", f"--reuid={user}", f"--regid={user}", "--clear-groups", "--"]
    server.run = lambda command, **environment: run([*as_user, *command], **environment)

    def launch_as_user():
        chown(folder, user)
        launch()

    server.launch = launch_as_user


def prepare(folder, build, catcher):
    config = common.write_config(folder, build, catcher=catcher.url("/" + folder.name))
    script = folder / "worker"
    script.write_text(SCRIPT.format(dir=folder, kitehook=build / "kitehook"), encoding="utf-8")
    script.chmod(0o755)
    config.write_text(
        config.read_text(encoding="utf-8").replace(f"program: {build}/kitehook", f"program: {script}"),
        encoding="utf-8")
    return common.aged(config)


def check_worker(report, name, folder, record, uid, roots, reaper):
    pid = int(record.name.split(".")[1])
    links = dict(re.findall(r" (\d+) -> (.*)$", record.read_text(encoding="utf-8"), re.M))
    script = links.pop(next((fd for fd, path in links.items() if path == str(folder / "worker")), ""), None)
    report.check(f"{name}: the worker inherits the lock and nothing else", script and
                 links ==
                 {"0": "/dev/null", "1": "/dev/null", "2": "/dev/null",
                  "3": str(folder / "state" / "worker.lock")}, links)
    names = {line.partition("=")[0]
             for line in record.with_suffix(".environment").read_text(encoding="utf-8").split("\n") if line}
    report.check(f"{name}: of the environment PATH alone", names == {"PATH"}, names)
    own = int(record.with_suffix(".user").read_text(encoding="ascii"))
    report.check(f"{name}: it runs as the receiver's user", own == uid, own)
    _, parent, session = stat_of(record.with_suffix(".stat").read_text(encoding="utf-8"))
    report.check(f"{name}: it is nobody's child there, in a session of its own",
                 parent not in below(roots) and session != os.getsid(0), (parent, session))
    code = reaper.exit_code(pid)
    report.check(f"{name}: it left in order, and who adopted it learned so", code == 0, code)


def check_server(report, server, folder, build, user, catcher, reaper, logs):
    name = f"{server.name} as {user or 'the user of the test'}"
    config = prepare(folder, build, catcher)
    if user:
        become(server, folder, user)
    uid = pwd.getpwnam(user).pw_uid if user else os.geteuid()
    try:
        server.start(folder / "server", build, config)
        for number, url in enumerate((common.URL, common.URL, common.URL + "/")):
            body = common.webhook(number)
            headers = common.with_close(common.post_headers(body, f"s-{number}"))
            answer = common.exchange(server.port, [common.request_bytes("POST", url, headers, body)])
            report.check(f"{name}: webhook {number} to {url} is accepted",
                         answer.status == 200 and
                         (answer.json or {}).get("worker") in ("started", "woken", "busy"), answer)
        arrived = common.wait_until(lambda: len(catcher.at("/" + folder.name)) == 3, 15)
        report.check(f"{name}: each leads to a notification", arrived, len(catcher.at("/" + folder.name)))
        report.check(f"{name}: and the worker leaves",
                     common.wait_until(lambda: common.worker_is_gone(folder), 15))
        records = sorted(folder.glob("inherited.*.fds"))
        report.check(f"{name}: a worker was started", records)
        roots = [child.pid for child in server.children]
        for record in records:
            check_worker(report, name, folder, record, uid, roots, reaper)
        family = below(roots)
        zombies = common.wait_until(
            lambda: not [pid for pid, (state, _, _) in below(roots).items() if state == "Z"], 3)
        report.check(f"{name}: no zombie below the server", family and zombies, family)
        report.check(f"{name}: nothing crashed", not server.crashes(), server.crashes())
        report.check(f"{name}: the state is the user's alone",
                     {(path.stat().st_uid, path.stat().st_mode & 0o077) for path in
                     ((folder / "state"), *(folder / "state").rglob("*"))} == {(uid, 0)})
    finally:
        server.stop()
    logs.add_folder(folder)


def servers_as(report, place_in):
    root = place_in("all")
    users = [None]
    if os.geteuid() != 0:
        report.skip(f"as {USER}",
                    "only root can become somebody else; what ran as this user is counted all the same")
    elif not shutil.which("setpriv"):
        report.skip(f"as {USER}", "setpriv is not installed")
    else:
        users.append(USER)
        for folder in (root, *root.parents):  # the temporary ones are ours, and nobody else's
            if folder.name.startswith("kh-") or folder in (root, root.parent):
                folder.chmod(0o711)
    # The build may lie where nobody else can look.
    build = root / "bin"
    build.mkdir()
    for program in ("kitehook", "kitehook.cgi", "kitehook.fcgi"):
        shutil.copy(place_in.build / program, build)
    with Catcher() as catcher, Reaper() as reaper:
        if not reaper.good:
            report.skip("workers under web servers", "this system has no PR_SET_CHILD_SUBREAPER")
            return
        for make in servers.ALL:
            problem = make().missing()
            if problem:
                report.skip(make.name, problem)
                continue
            for user in users:
                folder = root / f"{make.name}-{user or 'self'}"
                check_server(report, make(), folder, build, user, catcher, reaper, place_in.logs)
