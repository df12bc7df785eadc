"""A network of one's own with a name server: what Lambda gives a function, on loopback. Needs user
namespaces.

`enter(script, words)` is the command that runs SCRIPT in a new network and mount namespace as its root. In
there `up()` starts loopback, NameServer answers on port 53 as its ZONE says, and `trust_only(folder)` and the
like are up to the test.
"""
import fcntl
import shutil
import socket
import struct
import subprocess
import sys
import threading

SIOCSIFFLAGS, IFF_UP_RUNNING = 0x8914, 0x41
A, UDP_MAX_BYTES, TCP_MAX_BYTES = 1, 512, 65535


def enter(script, words):
    """None where the machine does not let us."""
    before = ["unshare", "--user", "--map-root-user", "--net", "--mount"]
    if not shutil.which("unshare") or subprocess.run([*before, "true"], capture_output=True).returncode:
        return None
    return [*before, sys.executable, "-B", str(script), *words]


def up():
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, SIOCSIFFLAGS, struct.pack("16sh14x", b"lo", IFF_UP_RUNNING))


class NameServer:
    """ZONE: name to how many A records, all 127.0.0.1; 0 says that there is no such name, -1 says nothing at
    all.

    Over UDP what exceeds 512 bytes is cut, and says so: musl before 1.2.4 is content with that, a newer one
    asks again over TCP. `asked` counts the questions of each name.
    """

    def __init__(self, zone):
        self.zone, self.asked = zone, {}
        self.socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self.socket.bind(("127.0.0.1", 53))
        self.listener = socket.create_server(("127.0.0.1", 53))
        for serve in (self.serve, self.serve_tcp):
            threading.Thread(target=serve, daemon=True).start()

    def serve(self):
        while True:
            question, sender = self.socket.recvfrom(4096)
            answer = self.answer(question, UDP_MAX_BYTES)
            if answer:
                self.socket.sendto(answer, sender)

    def serve_tcp(self):
        while True:
            client, _ = self.listener.accept()
            with client, client.makefile("rb") as stream:
                size = stream.read(2)
                answer = self.answer(stream.read(int.from_bytes(size, "big")), TCP_MAX_BYTES) if size else b""
                if answer:
                    client.sendall(len(answer).to_bytes(2, "big") + answer)

    def answer(self, packet, max_bytes):
        at, labels = 12, []
        while packet[at]:
            labels.append(packet[at + 1:at + 1 + packet[at]].decode("latin-1").lower())
            at += 1 + packet[at]
        kind, = struct.unpack("!H", packet[at + 1:at + 3])
        question, name = packet[12:at + 5], ".".join(labels)
        self.asked[name] = self.asked.get(name, 0) + 1
        count = self.zone.get(name, 0)
        if count < 0:
            return None
        record = b"\xc0\x0c" + struct.pack("!HHIH", A, 1, 60, 4) + socket.inet_aton("127.0.0.1")
        fit = (max_bytes - 12 - len(question)) // len(record)
        wanted = count if kind == A else 0
        flags = 0x8180 | (0x0200 if wanted > fit else 0) | (3 if count == 0 else 0)
        sent = min(wanted, fit)
        return packet[:2] + struct.pack("!HHHHH", flags, 1, sent, 0, 0) + question + record * sent
