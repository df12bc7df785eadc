"""`kitehook worker`: it delivers, leaves, comes back, obeys signals, reads its config again, and strands
nothing.

Entries are written here as handler/inbox/entry.h describes them, and rung for as wake.h does: a receiver of
our own.
"""
import fcntl
import hashlib
import hmac
import json
import os
import pathlib
import random
import signal
import sqlite3
import stat
import subprocess
import time

from catcher import Catcher
from common import (cgi_variables, post_headers, run_cgi, SECRET, sign_quickly, wait_until, webhook,
                    whole_text)

HOOK = "/services/T0PLANTED/secret-path"
STATE = "state: state\n"


def entry(body, secret=SECRET, name="default", at=None, number=0, event="build.finished"):
    """The bytes of one entry."""
    now = int(at or time.time())
    line = json.dumps({
        "v": 1, "received_us": now * 1000000 + number, "request_id": f"r-{number}", "transport": "cgi",
        "proof": "signature",
        "secret": name, "timestamp_s": now, "signature": sign_quickly(secret, now, body),
        "event": event,
    }, separators=(",", ":")).encode()[:-1]
    mac = hmac.new(secret, b"kitehook-entry" + line + b"}\n" + body, hashlib.sha256).hexdigest()
    return line + b',"mac":"' + mac.encode() + b'"}\n' + body


def drop(state, content):
    """Keeps an entry as a receiver does; returns its name."""
    state = pathlib.Path(state)
    for folder in (state, state / "inbox", *(state / "inbox" / part for part in ("tmp", "new", "aside"))):
        folder.mkdir(mode=0o700, exist_ok=True)
    name = f"{time.time_ns() // 1000:016x}.{os.getpid()}.{random.getrandbits(32):08x},S={len(content)}"
    (state / "inbox" / "tmp" / name).write_bytes(content)
    os.rename(state / "inbox" / "tmp" / name, state / "inbox" / "new" / name)
    return name


def ring(state):
    """One byte into the FIFO; False when nobody listens."""
    try:
        fd = os.open(f"{state}/worker.wake", os.O_WRONLY | os.O_NONBLOCK)
    except OSError:
        return False
    try:
        os.write(fd, b"w")
    finally:
        os.close(fd)
    return True


def waiting(state, part="new"):
    return sorted(name for name in os.listdir(f"{state}/inbox/{part}") if not name.endswith(".reason"))


def lock(state):
    """The lock's descriptor, or None when a worker has it."""
    fd = os.open(f"{state}/worker.lock", os.O_RDWR | os.O_CREAT, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(fd)
        return None
    return fd


class Worker:
    """A worker in the background. Whatever happens, it is gone behind the `with`."""

    def __init__(self, cli, *arguments, config="kitehook.yml", pass_fds=()):
        self.cli = cli
        self.command = [str(cli.program), "worker", "--config", cli.path(config), *arguments]
        self.stderr = cli.folder / f"stderr-{random.getrandbits(32):08x}"
        with open(self.stderr, "wb") as stderr:
            self.child = subprocess.Popen(self.command, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                                          stderr=stderr, env=cli.environment, pass_fds=pass_fds)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        if self.child.poll() is None:
            self.child.kill()
        self.child.wait()
        self.cli.said.append((self.command[1:], self.text()))
        self.cli.lines += self.lines()

    def text(self):
        return whole_text(self.stderr)

    def lines(self, message=None):
        return of_message(self.text(), message)

    def said(self, message, seconds=15, count=1):
        return wait_until(lambda: len(self.lines(message)) >= count, seconds)

    def left(self, seconds=20):
        """Its exit code, None when it stays."""
        try:
            return self.child.wait(seconds)
        except subprocess.TimeoutExpired:
            return None


def of_message(text, message=None):
    lines = [json.loads(line) for line in text.splitlines() if line.startswith("{")]
    return [line for line in lines if message in (None, line["message"])]


def once(cli, *more):
    """One pass. Returns what `run` does, with its log lines."""
    done = cli.run("worker", "--config", cli.path("kitehook.yml"), "--once", *more)
    done.lines = of_message(done.err)
    cli.lines += done.lines
    return done


def verdicts(lines):
    return [line["verdict"] for line in lines if line["message"] == "webhook handled"]


def test_worker_once(cli, report):
    with Catcher() as catcher:
        cli.config(top=STATE, url=catcher.url(HOOK),
                   rules="  - slack: { url: { env: SLACK_WEBHOOK_URL } }\n"
                         "    if: build.number == 1 || build.number == 2\n"
                         "  - log\n")
        state = cli.path("state")
        done = once(cli)
        report.check("worker --once with nothing to do", done.code == 0 and catcher.caught == [], done)
        names = [drop(state, entry(webhook(number, "failed"), number=number)) for number in range(1, 151)]
        done = once(cli)
        report.check("worker --once delivers, in order", done.code == 0 and waiting(state) == [] and
                     [f"#{number} " in json.dumps(one.json)
                      for number, one in enumerate(catcher.at(HOOK), 1)] == [True] * 2, done)
        said = [line["message"] for line in done.lines]
        report.check("and says so",
                     said[0] == "worker started" and said[-1] == "worker left" and
                     said.count("webhook handled") == 150 and
                     said.count("delivery attempt") == 152 and said.count("notification") == 150, said)
        report.check("the lines have the entries' names",
                     [line["entry"] for line in done.lines if line["message"] == "webhook handled"]
                     == names, "")
        modes = {name: stat.S_IMODE(os.stat(f"{state}/{name}").st_mode) for name in os.listdir(state)}
        report.check("nobody else can read the state", all(mode & 0o077 == 0 for mode in modes.values()),
                     modes)
        report.check("no log file unless a receiver started it", "worker.log" not in modes, modes)


def test_worker_repeats(cli, report):
    with Catcher() as catcher:
        cli.config(top=STATE, url=catcher.url(HOOK))
        state, body, now = cli.path("state"), webhook(1), time.time()
        kept = entry(body, at=now)
        drop(state, kept)
        report.check("worker: the first time", verdicts(once(cli).lines) == ["done"], "")
        drop(state, kept)
        report.check("worker: a replay", verdicts(once(cli).lines) == ["replay"], "")
        drop(state, entry(body, at=now + 1))
        report.check("worker: a repeat", verdicts(once(cli).lines) == ["repeat"], "")
        report.check("one notification of all three", len(catcher.caught) == 1 and waiting(state) == [],
                     catcher.caught)


def test_worker_repeats_without_time(cli, report):
    """The same bytes may be another event: only for ten minutes they are not, and never under the same id."""
    alarm = b'{"event":"workflow.alarm","workflow_id":"w1","subject":{"type":"test","test_id":"t1"}}'
    blocked = b'{"event":"cluster_token.registration_blocked","cluster_token":{"id":"c1"}}'
    cli.config(top=STATE, rules="  - { log: {}, events: [workflow.*, cluster_token.*, kites.*] }\n")
    state, now = cli.path("state"), time.time()
    for body in alarm, blocked, b'{"event":"kites.fly"}':
        ids, seen = [], []
        for number, after in enumerate((-3000, -2401, -2399, -1500)):
            drop(state, entry(body, at=now + after, number=number, event=json.loads(body)["event"]))
            lines = once(cli).lines
            seen += verdicts(lines)
            ids += [line["delivery"] for line in lines if line["message"] == "notification"]
        report.check(f"worker: what may come again, {json.loads(body)['event']}",
                     seen == ["done", "repeat", "done", "done"] and len(set(ids)) == 3, (seen, ids))


def test_worker_aside(cli, report):
    cli.config(top=STATE + "worker: service\n", rules="  - log\n")  # retry starts none
    state, good = cli.path("state"), entry(webhook(1))
    for reason, content in {
        "entry_mac": good.replace(b'"number":1', b'"number":2'),
        "entry_secret_gone": entry(webhook(2), name="previous"),
        "entry_malformed": b"nonsense", "json_syntax": entry(b"{"),
    }.items():
        name = drop(state, content)
        done = once(cli)
        line = next((line for line in done.lines if line["message"] == "inbox aside"), {})
        report.check(f"worker sets aside: {reason}",
                     done.code == 0 and line.get("reason") == reason and line.get("entry") == name and
                     waiting(state) == [] and name in waiting(state, "aside"), done)
        if reason in ("entry_mac", "entry_secret_gone"):
            report.check(f"and what to type: {reason}",
                         "taken out" in line.get("detail", "") and
                         "`kitehook inbox retry`" in line["detail"], line)
    drop(state, good)
    report.check("and goes on", verdicts(once(cli).lines) == ["done"], "")
    name = drop(state, entry(webhook(3), number=3))
    (cli.folder / "webhook-secret").write_text("another secret altogether", encoding="utf-8")
    once(cli)
    (cli.folder / "webhook-secret").write_bytes(SECRET)
    cli.run("inbox", "retry", name, "--config", cli.path("kitehook.yml"))
    report.check("what was typed mends it", verdicts(once(cli).lines) == ["done"] and
                 name not in waiting(state, "aside"), waiting(state))


def test_worker_lingers(cli, report):
    cli.config(top=STATE, rules="  - log\n")
    state = cli.path("state")
    with Worker(cli, "--linger", "4") as worker:
        report.check("worker starts", worker.said("worker started"), worker.text())
        wait_until(lambda: os.path.exists(f"{state}/worker.wake"), 5)
        drop(state, entry(webhook(1)))
        report.check("worker is rung for", ring(state) and worker.said("notification", 3.5), worker.text())
        time.sleep(2)
        drop(state, entry(webhook(2)))
        started = time.monotonic()
        report.check("worker is still there", ring(state) and worker.said("notification", 3.5, count=2),
                     worker.text())
        report.check("worker leaves when it is idle", worker.left() == 0 and time.monotonic() - started > 3.8,
                     worker.text())
    report.check("and nobody listens then", not ring(state), "")
    with Worker(cli, "--linger", "0") as worker:
        report.check("worker --linger 0 leaves at once", worker.left(10) == 0, worker.text())


def test_worker_stays_while_it_owes(cli, report):
    answers = iter([503, 200])
    with Catcher(lambda path, body: next(answers)) as catcher:
        cli.config(top=STATE, url=catcher.url(HOOK))
        drop(cli.path("state"), entry(webhook(1)))
        with Worker(cli, "--linger", "0") as worker:
            report.check("worker stays until a retry is through", worker.left(40) == 0 and
                         [one.status for one in catcher.caught] == [503, 200], worker.text())
            report.check("and says both attempts",
                         [line["result"] for line in worker.lines("delivery attempt")] ==
                         ["retry", "delivered"], worker.text())


def test_worker_signals(cli, report):
    state = cli.path("state")
    cli.config(top=STATE, rules="  - log\n")
    for number in (signal.SIGTERM, signal.SIGINT):
        with Worker(cli, "--serve") as worker:
            worker.said("worker started")
            time.sleep(0.3)
            report.check(f"worker --serve stays ({number.name})", worker.child.poll() is None, worker.text())
            worker.child.send_signal(number)
            report.check(f"worker leaves on {number.name}",
                         worker.left(10) == 0 and len(worker.lines("worker left")) == 1, worker.text())
        fd = lock(state)
        report.check(f"and has given the lock back ({number.name})", fd is not None, "")
        os.close(fd)

    def slowly(path, body):
        time.sleep(1)
        return 200

    with Catcher(slowly) as catcher:
        cli.config(top=STATE, url=catcher.url(HOOK))
        for number in range(3):
            drop(state, entry(webhook(number)))
        with Worker(cli, "--serve") as worker:
            worker.said("webhook handled", count=3)
            worker.child.terminate()
            report.check("worker finishes the delivery at hand", worker.left(10) == 0 and
                         {line["result"] for line in worker.lines("delivery attempt")} == {"delivered"} and
                         0 < len(catcher.at(HOOK)) < 3, worker.text())
        done = once(cli)
        report.check("and the next worker sends the others",
                     len({one.body for one in catcher.caught}) == len(catcher.caught) == 3, done)


def test_worker_alone(cli, report):
    cli.config(top=STATE + "worker: service\n", rules="  - log\n")
    with Worker(cli) as worker:
        worker.said("worker started")
        for how in ([], ["--once"]):
            done = cli.run("worker", "--config", cli.path("kitehook.yml"), *how)
            report.check(f"a second worker {how}", done.code == 5 and "another worker" in done.err, done)
        time.sleep(0.5)
        report.check("worker: service never leaves", worker.child.poll() is None, worker.text())
    cli.config(rules="")
    done = cli.run("worker", "--config", cli.path("kitehook.yml"))
    report.check("worker without state", done.code == 3 and "`state:`" in done.err, done)
    report.check("worker without a config", cli.run("worker", "--config", "nowhere.yml").code == 3, "")


def test_worker_owner(cli, report):
    if os.geteuid() != 0:
        report.skip("worker refuses another user's folder", "only root can give a folder away")
        return
    cli.config(top=STATE, rules="  - log\n")
    os.mkdir(cli.path("state"), 0o700)
    os.chown(cli.path("state"), 65534, 65534)
    done = cli.run("worker", "--config", cli.path("kitehook.yml"), "--once")
    report.check("worker refuses another user's folder", done.code == 5 and
                 f"sudo -u nobody kitehook worker --config {cli.path('kitehook.yml')}" in done.err, done)
    report.check("and makes nothing there", os.listdir(cli.path("state")) == [], "")


def test_worker_reload(cli, report):
    with Catcher() as old, Catcher() as new:
        state = cli.path("state")
        cli.config(top=STATE, url=old.url(HOOK))

        def send(number):
            time.sleep(1.1)  # it looks at most once a second
            drop(state, entry(webhook(number)))
            ring(state)

        with Worker(cli, "--serve") as worker:
            worker.said("worker started")
            send(1)
            report.check("worker: before the change", wait_until(lambda: len(old.caught) == 1, 5),
                         worker.text())
            cli.config(top=STATE, url=new.url(HOOK))
            send(2)
            report.check("worker: a changed config counts", wait_until(lambda: len(new.caught) == 1, 5) and
                         len(worker.lines("config reloaded")) == 1, worker.text())
            cli.config(top=STATE, rules="  - teams: {}\n")
            for number in (3, 4):
                send(number)
            report.check("worker: a broken one does not",
                         wait_until(lambda: len(new.caught) == 3, 5) and len(old.caught) == 1, worker.text())
            broken = worker.lines("config broken")
            report.check("and is told once, with its place",
                         len(broken) == 1 and broken[0]["place"].endswith("kitehook.yml:6:5"), broken)
            cli.config(top="state: elsewhere\n", url=new.url(HOOK))
            send(5)
            broken = (
                wait_until(lambda: len(worker.lines("config broken")) == 2, 5) and
                worker.lines("config broken")[1])
            report.check("worker: another state takes another worker",
                         broken and "restart" in broken["detail"] and
                         wait_until(lambda: len(new.caught) == 4, 5), worker.text())
            cli.config(top=STATE, url=old.url(HOOK))
            send(6)
            report.check("worker: a cure counts", wait_until(lambda: len(old.caught) == 2, 5) and
                         len(worker.lines("config reloaded")) == 2 and
                         len(worker.lines("config broken")) == 2, worker.text())


def test_worker_reload_of_a_bomb(cli, report):
    """1 KB of includes must not hold up a worker that is told to go: a limit is where reading ends."""
    cli.config(top=STATE, rules="  - log\n")
    for name, below in (("a", "b"), ("b", "c")):
        cli.file(f"{name}.yml", f"- include: {below}.yml\n" * 24)
    cli.file("c.yml", "- log: {}\n" * 500)
    with Worker(cli, "--serve") as worker:
        worker.said("worker started")
        cli.config(top=STATE, rules="  - include: a.yml\n" * 24)
        worker.child.send_signal(signal.SIGHUP)
        time.sleep(0.3)  # it has begun to read, or is done already
        worker.child.send_signal(signal.SIGTERM)
        code = worker.left()
        report.check("worker: a reload hears SIGTERM", code == 0, code)
        report.check("and keeps the old configuration", worker.lines("config reloaded") == [] and
                     all("more than 32 included files" in line["detail"]
                         for line in worker.lines("config broken")), worker.text())


def test_worker_by_receiver(cli, report):
    """--lock-fd: what a receiver starts logs to a file."""
    cli.config(top=STATE, rules="  - log\n")
    state, log = cli.path("state"), pathlib.Path(cli.path("state/worker.log"))
    drop(state, entry(webhook(1)))
    fd = lock(state)
    with Worker(cli, "--linger", "1", "--lock-fd", str(fd), pass_fds=(fd,)) as worker:
        os.close(fd)
        report.check("worker: the lock went over",
                     wait_until(lambda: log.exists() and lock(state) is None, 10), worker.text())
        report.check("worker: an inherited lock",
                     worker.left() == 0 and waiting(state) == [] and worker.lines() == [], worker.text())
    lines = of_message(whole_text(log))
    cli.lines += lines
    report.check("worker: its log",
                 [line["message"] for line in lines][0::4] == ["worker started", "worker left"] and
                 stat.S_IMODE(log.stat().st_mode) == 0o600, lines)

    with open(log, "ab") as full:
        full.truncate(10 * 1024 * 1024 - 10)
    drop(state, entry(webhook(2)))
    fd = lock(state)
    with Worker(cli, "--linger", "0", "--lock-fd", str(fd), pass_fds=(fd,)) as worker:
        os.close(fd)
        worker.left()
    report.check("worker: its log is bounded", log.stat().st_size < 10000 and
                 os.path.getsize(f"{log}.1") == 10 * 1024 * 1024 - 10 and log.read_bytes().count(b"\n") == 5,
                 log.stat())

    with open(cli.file("other", ""), "rb") as other:
        with Worker(cli, "--lock-fd", str(other.fileno()), pass_fds=(other.fileno(),)) as worker:
            report.check("worker: a descriptor that is not the lock", worker.left() == 5, worker.text())
    with Worker(cli, "--lock-fd", "77") as worker:
        report.check("worker: a descriptor that is none", worker.left() == 5, worker.text())

    log.unlink()
    cli.config(top=STATE, rules="  - teams: {}\n")
    fd = lock(state)
    with Worker(cli, "--lock-fd", str(fd), pass_fds=(fd,)) as worker:
        os.close(fd)
        report.check("worker: a broken rule is in its log",
                     worker.left() == 3 and [line["message"] for line in of_message(whole_text(log))]
                     == ["config broken"], worker.text())
    cli.lines += of_message(whole_text(log))

    own = pathlib.Path(cli.path("own.log"))
    cli.config(top=STATE + "worker: { log: own.log }\n", rules="  - log\n")
    with Worker(cli, "--serve") as worker:
        wait_until(lambda: own.exists() and own.read_text(), 10)
        own.rename(cli.path("own.log.old"))
        drop(state, entry(webhook(3)))
        ring(state)
        report.check("worker: a log that was renamed is begun anew", wait_until(
            lambda: own.exists() and "webhook handled" in own.read_text(), 10) and worker.text() == "",
                     worker.text())


def test_worker_strands_nothing(cli, report):
    """Entries that come while workers leave, by the receiver's rules: ring, else take the lock and start
    one."""
    cli.config(top=STATE, rules="  - log\n")
    state, workers, started = cli.path("state"), [], 0
    try:
        for number in range(80):
            drop(state, entry(webhook(number), number=number))
            if not ring(state):
                fd = lock(state)
                if fd is not None:
                    workers.append(Worker(cli, "--linger", "0", "--lock-fd", str(fd), pass_fds=(fd,)))
                    os.close(fd)
                    started += 1
            time.sleep(random.random() * 0.12)
        left = [worker.left() for worker in workers]
        report.check(f"80 entries, {started} workers: all left in order", started > 3 and set(left) == {0},
                     left)
        report.check("and nothing is stranded", waiting(state) == [], waiting(state))
        handled = verdicts(of_message(whole_text(pathlib.Path(f"{state}/worker.log"))))
        report.check("and each was handled once", handled == ["done"] * 80, len(handled))
    finally:
        for worker in workers:
            worker.__exit__()


def test_worker_budget(cli, report):
    cli.config(top=STATE, rules="  - log\n")
    state = cli.path("state")
    drop(state, entry(webhook(1)))
    done = once(cli, "--budget-ms", "0")
    report.check("worker --budget-ms 0 begins nothing, and says so",
                 done.code == 4 and len(waiting(state)) == 1, done)
    done = once(cli, "--budget-ms", "20000")
    report.check("worker --budget-ms 20000 does", done.code == 0 and waiting(state) == [], done)


def test_worker_trouble(cli, report):
    """Memory that fails: nothing is lost, nothing spins, and a cure is seen."""
    cli.config(top=STATE, rules="  - log\n")
    state = cli.path("state")
    once(cli)
    held = sqlite3.connect(f"{state}/memory.sqlite", isolation_level=None)
    held.execute("BEGIN EXCLUSIVE")
    drop(state, entry(webhook(1)))
    with Worker(cli, "--serve") as worker:
        report.check("worker: memory that is taken", worker.said("worker stalled", 30), worker.text())
        stalled = worker.lines("worker stalled")
        report.check("is told with a reason and a time",
                     stalled and stalled[0]["reason"] == "store" and stalled[0].get("detail") and
                     stalled[0].get("retry_at"), stalled)
        time.sleep(1)
        report.check("and does not make it spin",
                     len(worker.lines("worker stalled")) < 4 and len(waiting(state)) == 1, worker.text())
        held.execute("ROLLBACK")
        held.close()
        report.check("and is tried again", worker.said("notification", 40) and waiting(state) == [],
                     worker.text())
    for name in os.listdir(state):
        if name.startswith("memory"):
            os.unlink(f"{state}/{name}")
    pathlib.Path(f"{state}/memory.sqlite").write_bytes(b"not a database, and long enough to see that" * 99)
    done = once(cli)
    report.check("worker: memory that is none",
                 done.code == 5 and pathlib.Path(f"{state}/memory.sqlite").read_bytes()[:5] == b"not a", done)


def test_worker_behind_cgi(cli, report):
    """The real receiver in front, in the two modes in which it starts the worker."""
    program = cli.program.parent / "kitehook.cgi"
    if not program.exists():
        report.skip("worker behind kitehook.cgi", "it is not built")
        return
    for mode, seen in (("wait", {"ran"}), ("start", {"started", "woken", "busy"})):
        with Catcher() as catcher:
            config = cli.config(
                top=f"state: state-{mode}\nworker: {{ mode: {mode}, program: {cli.program}, linger: 1s }}\n",
                                url=catcher.url(HOOK))
            for number in range(5):
                body = webhook(number)
                headers = post_headers(body, f"r-{number}")
                answer, err, _ = run_cgi(program, cgi_variables(config, "POST", "/", headers, len(body)),
                                         body)
                report.check(f"{mode}: the receiver's answer",
                             answer.status == 200 and (answer.json or {}).get("worker") in seen,
                             (answer, err))
            report.check(f"{mode}: all arrives", wait_until(lambda: len(catcher.at(HOOK)) == 5, 15),
                         catcher.caught)
            state = cli.path(f"state-{mode}")

            def gone():
                fd = lock(state)
                return fd is not None and os.close(fd) is None

            report.check(f"{mode}: and the worker leaves", wait_until(gone, 20, 0.05), "")
            log = whole_text(pathlib.Path(f"{state}/worker.log"))
            cli.lines += of_message(log)
            cli.said.append(([f"worker, {mode}"], log))
            report.check(f"{mode}: with its log in the state folder",
                         verdicts(of_message(log)) == ["done"] * 5, log)


TESTS = [test_worker_once, test_worker_repeats, test_worker_repeats_without_time, test_worker_aside,
         test_worker_lingers, test_worker_stays_while_it_owes,
         test_worker_signals, test_worker_alone, test_worker_owner, test_worker_reload,
         test_worker_reload_of_a_bomb,
         test_worker_by_receiver,
         test_worker_strands_nothing, test_worker_budget, test_worker_trouble, test_worker_behind_cgi]
