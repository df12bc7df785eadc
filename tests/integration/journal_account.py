"""What the journal holds, read out of memory.sqlite without kitehook, and what must be true of it at any
moment."""
import collections
import contextlib
import json
import shutil
import sqlite3

DELIVERED = 40  # as it stands on disk: handler/memory/reason.h
OWN = ("journal", "ended")  # the tables that journal.max_bytes bounds
BESIDE = ("rule_lists", "sqlite_autoindex_rule_lists_1", "seen")

Line = collections.namedtuple("Line", "seq entry request_id verdict deliveries decisions rules")
Fate = collections.namedtuple("Fate", "webhook id rule reason tries")
Owed = collections.namedtuple("Owed", "webhook id rule is_dead status")


class Look:
    """One moment of it."""

    def __init__(self, db, with_pages=False):
        rules = {None: None, 0: None}
        rules.update((number, json.loads(text)) for number, text in db.execute(
            "SELECT id, rules FROM rule_lists"))
        self.lines = [Line(*row[:-1], rules[row[-1]]) for row in db.execute(
            "SELECT seq, entry, request_id, verdict, deliveries, decisions, rule_list FROM journal"
            " ORDER BY seq")]
        self.fates = [Fate(*row) for row in db.execute("SELECT webhook, id, rule, reason, tries FROM ended")]
        self.owed = [Owed(*row) for row in db.execute(
            "SELECT webhook, id, rule, dead_us IS NOT NULL, status FROM deliveries")]
        self.pages = {name: db.execute("SELECT coalesce(sum(pgsize), 0) FROM dbstat WHERE name = ?",
                                       (name,)).fetchone()[0] for name in OWN + BESIDE} if with_pages else {}

    @property
    def bytes(self):
        return sum(self.pages[name] for name in OWN)

    def faults(self):
        """What cannot be, whatever happened."""
        found, count = [], collections.Counter()
        for one in (*self.fates, *self.owed):
            count[one.webhook] += 1
        seqs = [line.seq for line in self.lines]
        if seqs != list(range(seqs[0], seqs[0] + len(seqs)) if seqs else []):
            found.append(("a gap between lines", seqs[:3], len(seqs)))
        entries = [line.entry for line in self.lines if line.verdict != "aside"]  # that may be tried again
        if len(set(entries)) < len(entries):
            found.append(("two lines of one webhook",))
        for line in self.lines:
            if line.deliveries != count[line.seq]:
                found.append(("a delivery has not just one fate", line, count[line.seq]))
            if line.verdict == "done" and len(line.decisions) != len(line.rules or ()):
                found.append(("not each rule has its decision", line))
            if line.verdict != "done" and (line.deliveries or line.decisions):
                found.append(("it had to notify of nothing", line))
        strangers = [one for one in self.fates if not seqs or not seqs[0] <= one.webhook <= seqs[-1]]
        if strangers:
            found.append(("fates of no line", strangers[:3], len(strangers)))
        return found


def look(state):
    """Beside a worker, in one transaction."""
    with contextlib.closing(sqlite3.connect(f"file:{state}/memory.sqlite?mode=ro", uri=True, timeout=30,
                                            isolation_level=None)) as db:
        db.execute("BEGIN")
        return Look(db, with_pages=True)


def look_at_copy(state, folder):
    """Nobody else runs. A copy, or the next worker would not find what the last one left. None before there
    is a memory."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for name in ("memory.sqlite", "memory.sqlite-wal"):
        if (state / name).exists():
            shutil.copy(state / name, folder)
    if not (folder / "memory.sqlite").exists():
        return None
    with contextlib.closing(sqlite3.connect(folder / "memory.sqlite")) as db:
        has = db.execute("SELECT 1 FROM sqlite_schema WHERE name = 'ended'").fetchone()
        return Look(db) if has else None
