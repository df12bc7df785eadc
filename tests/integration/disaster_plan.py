"""What goes wrong, when, and for how long: one list for each seed, with nothing of the machine in it.

Each lane has one disaster at a time; those of different lanes meet as they may.
"""
import random

# Disasters of a lane: (name, what it is about).
LANES = {
    "room": [("disk full", 0), ("disk full", 200 << 10), ("inodes gone", 0)],
    "folders": [("folder moved", "inbox"), ("folder moved", "inbox/new"), ("state moved", ""),
                ("folder moved", "inbox/aside"), ("folder moved", "inbox/tmp"), ("damaged entry", "")],
    "clock": [("clock jumps", 48 * 3600), ("clock jumps", 3600), ("clock jumps", -3600),
              ("clock jumps", 120), ("clock jumps", -120)],
    "config": [("half saved", "rules.yml"), ("half saved", "kitehook.yml"), ("half saved", "env"),
               ("half saved", "webhook-secret")],
    "worker": [("worker killed", "")],
    "receiver": [("receiver killed", "")],
}
# Seconds of the world's: between two of a lane, and how long one lasts; at least and at most. While a
# configuration is not left alone a worker may hold webhooks back, and nothing else would happen to them.
PAUSES = {"room": (0.5, 2), "folders": (0.3, 1.2), "clock": (0.5, 2), "config": (1.5, 4),
          "worker": (1, 4), "receiver": (0.1, 0.5)}
LASTS = {"disk full": (0.5, 3), "inodes gone": (0.5, 2), "folder moved": (0.1, 2), "state moved": (0.1, 1.5),
         "clock jumps": (0.3, 1.5), "half saved": (0.05, 0.3)}


class Disaster:
    """From AT to UNTIL, in seconds from the start; ABOUT says more, CHANCE is its own source of it."""

    def __init__(self, name, about, at, until, chance):
        self.name, self.about, self.at, self.until, self.chance = name, about, at, until, chance

    def __str__(self):
        lasts = f" for {self.until - self.at:.2f} s" if self.until > self.at else ""
        return f"{self.at:6.2f} s  {self.name}{f' {self.about}' if self.about else ''}{lasts}"


def plan(seed, seconds):
    """All disasters of a round, in the order in which they begin; all are over after SECONDS."""
    found = []
    for lane, kinds in LANES.items():
        chance, at, left = random.Random(f"{lane} {seed}"), 0, []
        while True:
            left = left or chance.sample(kinds, len(kinds))  # each of them, before one comes again
            at += chance.uniform(*PAUSES[lane])
            name, about = left.pop()
            until = at + (chance.uniform(*LASTS[name]) if name in LASTS else 0)
            if until > seconds:
                break
            found.append(Disaster(name, about, at, until, random.Random(f"{lane} {at} {seed}")))
            at = until
    return sorted(found, key=lambda one: one.at)


def weather(seed, place, moods, seconds):
    """What PLACE is like: (until when, one of MOODS), one after the other. Every other one is the first."""
    chance, at, found = random.Random(f"{place} {seed}"), 0, []
    while at < seconds:
        at = min(at + chance.uniform(0.2, 1.5), seconds)
        found.append((at, moods[0] if len(found) % 2 == 0 else chance.choice(moods[1:])))
    return found
