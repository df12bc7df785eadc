#!/usr/bin/env python3
"""circles: who needs whom in the code: against the order of folders, and in circles. script/check asks it.

  script/circles.py [ROOT]    prints each breach and each circle with its reasons; ROOT: another tree

A unit is a .c file with its header, or a header that has no .c file of its name. It needs another when it
includes that one's header, or when its code uses what that one's defines for others: a function or a constant
that is not static. Two units are a circle when their headers include each other, or when the code of each
uses the other's, directly or by way of a third; two folders, when each needs the other. A folder and one
inside it are one thing.
"""
import pathlib
import re
import sys

# Folders of handler/ in the order in which data passes them: each may need what stands before it. What lies
# in handler/ itself needs all of them, and none of them needs it.
ORDER = ["base", "config", "net", "receive", "inbox", "memory", "language", "words", "kept", "rules",
         "notify", "deliver"]
MAY_NEED = {"handler": [], "cgi": ["handler"], "lambda": ["handler"], "worker": ["handler"],
            "cli": ["handler", "worker"]}
# At the beginning of a line, not static, with a body or a value behind it.
DEFINITION = re.compile(r"^(?!static|typedef|extern)[a-z_][\w \t\*]*?[\s\*](kh_\w+)\s*"
                        r"(?:\((?:[^;{}]|\n)*?\)\s*\{|(?:\[[^\]]*\])*\s*=)", re.M)


def plain(text):
    """TEXT without comments and the contents of strings; includes stay."""
    text = re.sub(r"/\*.*?\*/", lambda found: "\n" * found.group(0).count("\n"), text, flags=re.S)
    return re.sub(r'(?<!#include )"(\\.|[^"\\\n])*"', '""', text)


def folder_of(unit):
    return unit.rpartition("/")[0]


def are_one(one, other):
    return f"{one}/".startswith(f"{other}/") or f"{other}/".startswith(f"{one}/")


def rank(unit):
    inside = unit.split("/")[1:]
    return ORDER.index(inside[0]) if len(inside) > 1 and inside[0] in ORDER else len(ORDER)


def circles_of(needs):
    """Sets of two or more that need each other by NEEDS (Tarjan's strongly connected components)."""
    index, low, stack, found = {}, {}, [], []

    def visit(one):
        index[one] = low[one] = len(index)
        stack.append(one)
        for other in needs[one]:
            if other not in index:
                visit(other)
            if other in stack:
                low[one] = min(low[one], low[other])
        if low[one] == index[one]:
            circle = []
            while not circle or circle[-1] != one:
                circle.append(stack.pop())
            if len(circle) > 1:
                found.append(sorted(circle))

    sys.setrecursionlimit(10000)
    for one in needs:
        if one not in index:
            visit(one)
    return sorted(found)


class Tree:
    """The sources below ROOT: each unit, what it needs, and why."""

    def __init__(self, root):
        self.texts = {path.relative_to(root).as_posix(): plain(path.read_text(encoding="utf-8"))
                      for tree in MAY_NEED for path in sorted((root / tree).rglob("*.[ch]"))}
        units = sorted({name.rpartition(".")[0] for name in self.texts})
        self.headers, self.code, self.all = ({unit: {} for unit in units} for _ in range(3))  # {needed: why}
        homes = self.homes()
        for name, text in self.texts.items():
            for at, target in self.included(name, text):
                why = f"{name}:{text.count(chr(10), 0, at) + 1} includes {target}"
                self.add([self.all] + [self.headers] * name.endswith(".h"), name, target, why)
            for found in re.finditer(r"\bkh_\w+", text) if name.endswith(".c") else ():
                for home in homes.get(found.group(0), ()):
                    why = f"{name}:{text.count(chr(10), 0, found.start()) + 1} uses {found.group(0)}"
                    self.add([self.all, self.code], name, home, why)

    @staticmethod
    def add(graphs, name, target, why):
        one, other = name.rpartition(".")[0], target.rpartition(".")[0]
        for graph in graphs if one != other else ():
            graph[one].setdefault(other, why)

    def included(self, name, text):
        """(place, file) of each header of ours that NAME includes."""
        for found in re.finditer(r'^#include "([^"]+)"', text, re.M):
            beside = f"{folder_of(name)}/{found.group(1)}"
            target = next((path for path in (beside, f"handler/{found.group(1)}", found.group(1))
                           if path in self.texts), None)
            if target:
                yield found.start(), target

    def homes(self):
        """For each name that a .c file defines for others, the files that do: a program may have a choice."""
        homes = {}
        for name, text in self.texts.items():
            for found in DEFINITION.finditer(text) if name.endswith(".c") else ():
                homes.setdefault(found.group(1), set()).add(name)
        return homes

    def breaches(self):
        """What needs something against the order: {"A needs B": why}."""
        found = {}
        for one, needs in self.all.items():
            tree = one.split("/")[0]
            for other, why in needs.items():
                theirs = other.split("/")[0]
                strange = theirs != tree and theirs not in MAY_NEED[tree]
                if strange or tree == theirs == "handler" and rank(other) > rank(one):
                    found[f"{one} needs {other}"] = why
        return found

    def circles(self):
        """Circles of units and of folders: {"A with B": reasons}."""
        found = {}
        folders = {folder_of(unit): {} for unit in self.all}
        for one, needs in self.all.items():
            for other, why in needs.items():
                if not are_one(folder_of(one), folder_of(other)):
                    folders[folder_of(one)].setdefault(folder_of(other), why)
        for graph in (self.headers, self.code, folders):
            for circle in circles_of(graph):
                found[" with ".join(circle)] = [graph[one][other] for one in circle
                                                for other in sorted(graph[one]) if other in circle]
        return found


def main():
    here = pathlib.Path(__file__).resolve().parent.parent
    tree = Tree(pathlib.Path(sys.argv[1]) if len(sys.argv) > 1 else here)
    for name, why in tree.breaches().items():
        print(f"{name}\n    {why}")
    for name, reasons in tree.circles().items():
        print("\n    ".join([name, *reasons]))


if __name__ == "__main__":
    main()
