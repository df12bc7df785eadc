"""What a disk holds after a power cut, from the trace that tests/shim/faults.c wrote.

A file is what was synced of it; a name is where its folder was synced. Everything else was on its way: after
a cut any part of it may be there, in any order, and a write may be there by halves, down to single sectors.
"""
import fcntl
import hashlib
import os
import re
import shutil

SECTOR = 512
SHARED_MEMORY = re.compile(r".*-shm")  # mapped, never synced, and made anew by whoever opens the file first


class Record:
    """One line of a trace; see tests/shim/faults.c. Tests add marks of kind N."""

    def __init__(self, kind, a, b, number, one, two):
        self.kind, self.a, self.b, self.number, self.one, self.two = kind, a, b, number, one, two

    @property
    def name(self):
        return self.one.decode()

    def __repr__(self):
        return f"{self.kind} {self.a} {self.b} {self.number} {self.one[:40]!r} {self.two[:40]!r}"


def read_trace(path):
    records, at = [], 0
    raw = path.read_bytes() if path.exists() else b""
    while at < len(raw):
        end = raw.index(b"\n", at)
        kind, a, b, number, one, two = raw[at:end].decode().split(" ")
        at, one, two = end + 1, int(one), int(two)
        records.append(
            Record(kind, int(a), int(b), int(number), raw[at:at + one], raw[at + one:at + one + two]))
        at += one + two
    return records


def mark(path, text):
    """Adds a record of our own: from here on TEXT has happened."""
    with open(path, "ab") as trace:
        fcntl.flock(trace, fcntl.LOCK_EX)
        trace.write(b"N 0 0 0 %d 0\n%s" % (len(text), text))
        trace.flush()


class Node:
    """A file, folder or FIFO: what is synced, and the changes that are not."""

    def __init__(self, kind):
        self.kind, self.pending = kind, []
        self.synced = {} if kind == "D" else bytearray()

    def sync(self):
        for change in self.pending:
            change(self.synced)
        self.pending = []


class Write:
    def __init__(self, at, content):
        self.at, self.content = at, content

    def __call__(self, content):
        if len(content) < self.at:
            content.extend(bytes(self.at - len(content)))
        content[self.at:self.at + len(self.content)] = self.content

    def parts(self):
        """Cut at the sectors of the disk."""
        at, end = self.at, self.at + len(self.content)
        while at < end:
            to = min(end, at - at % SECTOR + SECTOR)
            yield Write(at, self.content[at - self.at:to - self.at])
            at = to


class Cut:
    def __init__(self, size):
        self.size = size

    def __call__(self, content):
        if len(content) > self.size:
            del content[self.size:]
        else:
            content.extend(bytes(self.size - len(content)))

    def parts(self):
        yield self


class Name:
    """A name comes (NODE) or goes (None). MOVE: both ends of a rename know it, and the old name never goes
    without the new one."""

    def __init__(self, name, node, move=None):
        self.name, self.node, self.move = name, node, move

    def __call__(self, names):
        if self.node is None:
            names.pop(self.name, None)
        else:
            names[self.name] = self.node

    def parts(self):
        yield self


class Disk:
    """ROOT's inode is where it begins; the folder is empty and on the disk."""

    def __init__(self, root_inode):
        self.root = Node("D")
        self.nodes = {root_inode: self.root}
        self.live = {id(self.root): {}}  # the names as processes see them

    def apply(self, record):
        {"C": self._make, "D": self._make, "P": self._make, "W": self._write, "T": self._cut, "S": self._sync,
         "R": self._rename, "L": self._link, "U": self._unlink}.get(record.kind, lambda _: None)(record)

    def _names(self, folder):
        return self.live.setdefault(id(folder), {})

    def _name(self, folder, name, node, move=None):
        change = Name(name, node, move)
        folder.pending.append(change)
        change(self._names(folder))

    def _make(self, record):
        node = self.nodes[record.b] = Node(record.kind)
        self._name(self.nodes[record.a], record.name, node)

    def _write(self, record):
        self.nodes[record.a].pending.append(Write(record.number, record.two))

    def _cut(self, record):
        self.nodes[record.a].pending.append(Cut(record.number))

    def _sync(self, record):
        self.nodes[record.a].sync()

    def _rename(self, record):
        old, new, to = self.nodes[record.a], self.nodes[record.b], record.two.decode()
        node, move = self._names(old)[record.name], object()
        self._name(new, to, node, move)
        self._name(old, record.name, None, move)

    def _link(self, record):
        self._name(self.nodes[record.b], record.two.decode(), self._names(self.nodes[record.a])[record.name])

    def _unlink(self, record):
        self._name(self.nodes[record.a], record.name, None)

    # ---- after the cut

    def after(self, keep):
        """{path: bytes, or None for a folder}. KEEP(kind, part) says whether a change that was not synced
        made it to the disk."""
        moved = {change.move: keep("D", change) for node in dict.fromkeys(self.nodes.values())
                 if node.kind == "D"
                 for change in node.pending if change.move is not None and change.node is not None}

        def is_kept(kind, part):
            if kind == "C" or part.move is None:
                return keep(kind, part)
            if part.node is not None:
                return moved[part.move]
            return moved.get(part.move, True) and keep(kind, part)

        def content(node):
            kept = node.synced.copy() if node.kind == "D" else bytearray(node.synced)
            for change in node.pending:
                for part in change.parts():
                    if is_kept(node.kind, part):
                        part(kept)
            return kept

        found, left = {}, [("", self.root)]
        while left:
            path, folder = left.pop()
            for name, node in sorted(content(folder).items()):
                if node.kind == "D":
                    found[f"{path}/{name}"] = None
                    left.append((f"{path}/{name}", node))
                elif node.kind == "C" and not SHARED_MEMORY.fullmatch(name):
                    found[f"{path}/{name}"] = bytes(content(node))
        return found


def strict(_kind, _part):
    return False


def everything(_kind, _part):
    return True


def only_names(kind, _part):
    return kind == "D"


def only_contents(kind, _part):
    return kind == "C"


def by_chance(random):
    share = random.choice((0.1, 0.5, 0.9))
    return lambda _kind, _part: random.random() < share


def digest(found):
    state = hashlib.sha256()
    for path, content in sorted(found.items()):
        state.update(repr((path, content)).encode())
    return state.digest()


def write(found, folder):
    """Makes FOLDER, which is replaced, hold what was FOUND."""
    shutil.rmtree(folder, ignore_errors=True)
    os.mkdir(folder, 0o700)
    for path, content in sorted(found.items()):
        if content is None:
            os.mkdir(f"{folder}{path}", 0o700)
        else:
            with open(os.open(f"{folder}{path}", os.O_WRONLY | os.O_CREAT, 0o600), "wb") as file:
                file.write(content)


def read(folder):
    """What FOLDER holds, as `after` has it."""
    found = {}
    for path, folders, files in os.walk(folder):
        below = path[len(str(folder)):]
        found.update({f"{below}/{name}": None for name in folders})
        for name in files:
            if not SHARED_MEMORY.fullmatch(name) and os.path.isfile(f"{path}/{name}"):
                with open(f"{path}/{name}", "rb") as file:
                    found[f"{below}/{name}"] = file.read()
    return found
