"""A service manager for tests: the socket of NOTIFY_SOCKET, and the descriptor of socket activation."""
import os
import random
import socket
import struct
import subprocess
import threading
import time

import common
import fcgi


class Notified:
    """One datagram: when it was read, who sent it, and its lines."""

    def __init__(self, pid, text):
        self.at, self.pid, self.text = time.monotonic(), pid, text
        self.fields = dict(line.partition("=")[::2] for line in text.split("\n"))

    def __repr__(self):
        return f"{self.at:.3f} {self.text!r}"


class Notifications:
    """A datagram socket at a path, or in the abstract space."""

    def __init__(self, folder, abstract=False):
        name = f"notify-{random.getrandbits(48):012x}"
        self.name = f"@kitehook-{name}" if abstract else str(folder / name)
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_PASSCRED, 1)
        self.socket.bind(self.name.replace("@", "\0", 1) if abstract else self.name)
        self.socket.setblocking(False)
        self.got = []
        self._lock = threading.Lock()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.socket.close()

    def read(self):
        """All that has arrived by now; safe from any thread."""
        with self._lock:
            while True:
                try:
                    data, control, _, _ = self.socket.recvmsg(4096, socket.CMSG_SPACE(12))
                except BlockingIOError:
                    return list(self.got)
                pid = next(
                    (struct.unpack("3i", more)[0] for _, kind, more in control
                     if kind == socket.SCM_CREDENTIALS), None)
                self.got.append(Notified(pid, data.decode()))

    def of(self, name):
        return [one for one in self.read() if name in one.fields]

    def wait(self, name, seconds=10, count=1):
        """True when NAME has come COUNT times."""
        return common.wait_until(lambda: len(self.of(name)) >= count, seconds)

    def longest_silence(self, name, since, until):
        """The longest time without NAME between the two moments."""
        times = [since, *(one.at for one in self.of(name) if since < one.at < until), until]
        return max(later - earlier for earlier, later in zip(times, times[1:]))

    def listen(self, seconds):
        """Reads for that long, so that each datagram has its own time. Returns when it began and ended."""
        began = time.monotonic()
        common.wait_until(lambda: self.read() and False, seconds, 0.02)
        return began, time.monotonic()


class Activated(fcgi.Process):
    """A kitehook.fcgi that gets LISTENER as descriptor 3, as systemd hands it over."""

    def __init__(self, build, folder, config, listener, path, fds="1", pid="$$"):
        self.path, self.listener = path, listener
        self.stderr = open(folder / f"activated-{random.getrandbits(32):08x}", "w+b")
        script = f'exec 3<&0 0</dev/null; LISTEN_FDS={fds} LISTEN_PID={pid} exec "$0"'
        self.child = subprocess.Popen(["sh", "-c", script, build / "kitehook.fcgi"], stdin=listener,
                                      stdout=subprocess.DEVNULL, stderr=self.stderr,
                                      env={"PATH": os.environ["PATH"], "KITEHOOK_CONFIG": str(config)})

    def said(self):
        self.stderr.seek(0)
        return self.stderr.read().decode(errors="replace")


class SocketActivated(Activated):
    """The same by systemd-socket-activate, which starts the program at the first connection."""

    def __init__(self, build, folder, config):
        self.path, self.listener = str(folder / "activate.sock"), socket.socket(socket.AF_UNIX)
        self.stderr = open(folder / "activate.stderr", "w+b")
        self.child = subprocess.Popen(
            ["systemd-socket-activate", "-l", self.path, "-E", f"KITEHOOK_CONFIG={config}",
             build / "kitehook.fcgi"],
            stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=self.stderr,
            env={"PATH": os.environ["PATH"]})
        common.wait_until(lambda: b"Listening on" in (folder / "activate.stderr").read_bytes(), 10)
