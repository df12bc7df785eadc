"""fixtures/stories: webhooks that come one after the other, told to a real worker."""
import json
import time

from cli_worker import drop, entry, once
from common import FIXTURES


class Story:
    def __init__(self, folder):
        self.folder, self.name = folder, folder.name
        self.bodies = json.loads((folder / "webhooks.json").read_text(encoding="utf-8"))["webhooks"]
        self.event = self.bodies[-1]["event"]

    def golden(self, notifier):
        """What NOTIFIER makes of the last webhook; None where it has no place for that."""
        file = self.folder / f"{notifier}.json"
        return json.loads(file.read_text(encoding="utf-8")) if file.exists() else None

    def only_last(self):
        """What a rule needs beside its notifier to be for the last webhook alone."""
        number = self.bodies[-1].get("build", {}).get("number")
        return f"    events: {self.event}\n" + (f"    if: build.number == {number}\n" if number else "")


def stories():
    return [Story(folder) for folder in sorted((FIXTURES / "stories").iterdir())]


def tell(cli, story):
    """A worker's only pass, over all of STORY, in cli.path(story.name)."""
    state, now = cli.path(story.name), time.time()
    for number, body in enumerate(story.bodies):
        drop(state, entry(json.dumps(body).encode(), at=now, number=number, event=body["event"]))
    return once(cli)
