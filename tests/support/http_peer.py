#!/usr/bin/env python3
"""http_peer: the other side of an HTTP exchange, byte by byte, right or wrong, for tests. Loopback only.

A play is a function of one connected socket and the request that came in. The peer reads one request after
the other from a connection and plays what its path names, until the play returns False.
"""
import socket
import ssl
import struct
import threading
import time

PATIENCE_S = 20


class Peer:
    """Listens until it is closed. `requests` are what came, each a dict; `connections` counts the
    accepted."""

    def __init__(self, plays, certificate=None):
        self.plays, self.requests, self.connections, self.sent_bytes = plays, [], 0, 0
        self.context, self.alpn = None, set()
        if certificate:
            self.context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
            self.context.load_cert_chain(*certificate)
            self.context.set_alpn_protocols(["h2", "http/1.1"])
        self.socket = socket.create_server(("127.0.0.1", 0))
        self.port = self.socket.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def url(self, path, scheme="http"):
        return f"{scheme}://127.0.0.1:{self.port}{path}"

    def close(self):
        self.socket.close()

    def accept(self):
        while True:
            try:
                connection, _ = self.socket.accept()
            except OSError:
                return
            self.connections += 1
            threading.Thread(target=self.serve, args=(connection,), daemon=True).start()

    def serve(self, connection):
        connection.settimeout(PATIENCE_S)
        try:
            if self.context:
                connection = self.context.wrap_socket(connection, server_side=True)
                self.alpn.add(connection.selected_alpn_protocol())
            while self.serve_one(connection):
                pass
        except OSError:
            pass
        finally:
            connection.close()

    def serve_one(self, connection):
        head = b""
        while b"\r\n\r\n" not in head:
            more = connection.recv(65536)
            if not more:
                return False
            head += more
        head, body = head.split(b"\r\n\r\n", 1)
        lines = head.decode("latin-1").split("\r\n")
        headers = [tuple(line.split(": ", 1)) if ": " in line else (line, "") for line in lines[1:]]
        length = int(dict((name.lower(), value) for name, value in headers).get("content-length", "0"))
        while len(body) < length:
            more = connection.recv(65536)
            if not more:
                return False
            body += more
        method, target, version = lines[0].split(" ")
        self.requests.append({"method": method, "target": target, "version": version, "headers": headers,
                              "body": body, "from_port": connection.getpeername()[1]})
        play = self.plays.get(target.split("?")[0]) or self.plays["*"]
        return play(self, connection) is not False


def answer(status, body=b"ok", *headers):
    """A play: one whole answer."""
    lines = [f"HTTP/1.1 {status}", *headers]
    if body is not None:
        lines.append(f"Content-Length: {len(body)}")
    whole = "\r\n".join(lines).encode() + b"\r\n\r\n" + (body or b"")
    return lambda peer, connection: connection.sendall(whole)


def raw(data):
    """A play: these bytes, and then the end."""
    def play(peer, connection):
        connection.sendall(data)
        connection.shutdown(socket.SHUT_WR)
        return False
    return play


def reset(peer, connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    return False


def drip(data, pause_s, head=b""):
    """A play: HEAD at once, then one byte of DATA after the other."""
    def play(peer, connection):
        connection.sendall(head)
        for i in range(len(data)):
            time.sleep(pause_s)
            connection.sendall(data[i:i + 1])
        return False
    return play


def flood(total_bytes):
    """A play: a very long answer, sent for as long as somebody takes it."""
    def play(peer, connection):
        connection.sendall(f"HTTP/1.1 200 OK\r\nContent-Length: {total_bytes}\r\n\r\n".encode())
        block = b"x" * 65536
        for _ in range(total_bytes // len(block)):
            connection.sendall(block)
            peer.sent_bytes += len(block)
        return False
    return play


def endless(head, block):
    """A play: HEAD, then BLOCK again and again, for as long as somebody takes it."""
    def play(peer, connection):
        connection.sendall(head)
        while True:
            connection.sendall(block)
            peer.sent_bytes += len(block)
    return play
