"""GitHub for an app, with what it keeps: tokens of an hour, and check runs that are made, changed and looked
for. As docs.github.com/en/rest/checks/runs has it, and no kinder: what it does not know it refuses, and a run
that is completed does not go back."""
import datetime
import json
import re
import threading
import time
import urllib.parse

GRANT = "ghs_plantedGrant"
CHANGED = {"name", "details_url", "external_id", "started_at", "status", "conclusion", "completed_at",
           "output", "actions"}
MADE = CHANGED | {"head_sha"}
OUTPUT = {"title", "summary", "text", "annotations", "images"}
CONCLUSIONS = {"action_required", "cancelled", "failure", "neutral", "success", "skipped", "timed_out"}
RUNS = re.compile(r"/repos/([\w.-]+/[\w.-]+)/check-runs$")
RUN = re.compile(r"/repos/([\w.-]+/[\w.-]+)/check-runs/(\d+)$")
LIST = re.compile(r"/repos/([\w.-]+/[\w.-]+)/commits/([0-9a-f]{40})/check-runs$")
TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z$")


def refused(status, message):
    return status, {}, json.dumps({"message": message, "status": str(status),
                                   "documentation_url": "https://docs.github.com/rest"}).encode()


def mistake(sent, known):
    """What GitHub would not take of SENT."""
    output = sent.get("output", {})
    if set(sent) - known or set(output) - OUTPUT:
        return f"unknown: {set(sent) - known | set(output) - OUTPUT}"
    if output and not ("summary" in output and len(output.get("title", "x")) <= 255):
        return "output"
    if sent.get("status", "completed") not in ("queued", "in_progress", "completed"):
        return "status"
    if (sent.get("status") == "completed") != ("conclusion" in sent) or \
            sent.get("conclusion", "neutral") not in CONCLUSIONS:
        return "conclusion"
    if any(key in sent and not TIME.match(sent[key]) for key in ("started_at", "completed_at")):
        return "a time"
    return None


class GitHub:
    """A script of a Catcher. `runs` by id; `answers` says what one answers in place of the usual, by method;
    `hold` makes a run and then waits before the answer."""

    takes_method = True

    def __init__(self, app=123456, client_id="Iv23planted"):
        self.app, self.client_id = app, client_id
        self.runs, self.calls, self.answers = {}, [], {}
        self.hold_s, self.grants, self.long = 0, 0, ""
        self._lock = threading.Lock()

    def __call__(self, method, path, body):
        url = urllib.parse.urlsplit(path)
        query = dict(urllib.parse.parse_qsl(url.query))
        if url.path.endswith("/access_tokens"):
            self.grants += 1
            end = datetime.datetime.now(datetime.timezone.utc) + datetime.timedelta(hours=1)
            return 201, {}, json.dumps({"token": f"{GRANT}{self.grants}", "permissions": {"checks": "write"},
                                        "expires_at": end.strftime("%Y-%m-%dT%H:%M:%SZ")}).encode()
        with self._lock:
            self.calls.append(method)
            told = self.answers.get(method) or self.work(method, url.path, query, body)
        if self.hold_s and method != "GET":
            time.sleep(self.hold_s)
        return told

    def work(self, method, path, query, body):
        if method == "GET" and (found := LIST.search(path)):
            return self.list(*found.groups(), query)
        sent = json.loads(body or b"{}")
        if method == "POST" and (found := RUNS.search(path)):
            return self.make(found[1], sent)
        if method == "PATCH" and (found := RUN.search(path)):
            return self.change(found[1], int(found[2]), sent)
        return refused(404, "Not Found")

    def make(self, repository, sent):
        wrong = mistake(sent, MADE)
        if wrong or not re.fullmatch("[0-9a-f]{40}", sent.get("head_sha", "")) or not sent.get("name"):
            return refused(422, f"Invalid request: {wrong}")
        number = 9000000001 + len(self.runs)
        output = {"title": None, "summary": None, "text": None, **sent.pop("output", {})}
        self.runs[number] = {
            "id": number, "node_id": "CR_x", "repository": repository, "conclusion": None, "status": "queued",
            "started_at": None, "completed_at": None, "external_id": "", "details_url": None, **sent,
            "app": {"id": self.app, "client_id": self.client_id, "slug": "kites", "name": "Kites"},
            "annotations": output.pop("annotations", []), "output": output, "states": [self.word(sent)]}
        return 201, {}, self.shown(self.runs[number])

    def change(self, repository, number, sent):
        run = self.runs.get(number)
        wrong = mistake(sent, CHANGED)
        if not run or run["repository"] != repository:
            return refused(404, "Not Found")
        if run["app"]["id"] != self.app:
            return refused(403, f"Invalid app_id `{self.app}` - check run can only be modified by the GitHub "
                           "App that created it.")
        if wrong or (run["status"] == "completed" and sent.get("status") != "completed"):
            return refused(422, f"Invalid request: {wrong}")
        output = sent.pop("output", {})
        run["annotations"] += output.pop("annotations", [])
        run["output"].update(output)
        run.update(sent)
        run["states"].append(self.word(sent))
        return 200, {}, self.shown(run)

    def list(self, repository, commit, query):
        if set(query) - {"check_name", "status", "filter", "per_page", "page", "app_id"}:
            return refused(422, "Invalid request")
        runs = [run for run in self.runs.values() if run["repository"] == repository and
                run["head_sha"] == commit and query.get("check_name", run["name"]) == run["name"] and
                str(query.get("app_id", run["app"]["id"])) == str(run["app"]["id"])]
        last = {(run["app"]["id"], run["name"]): run for run in runs}
        chosen = list(last.values()) if query.get("filter", "latest") == "latest" else runs
        shown = b",".join(self.shown(run) for run in reversed(chosen))
        return 200, {}, b'{"total_count":%d,"check_runs":[%s]}' % (len(chosen), shown)

    def shown(self, run):
        told = {key: value for key, value in run.items()
                if key not in ("repository", "annotations", "states")}
        told["output"] = {**run["output"], "text": self.long or run["output"]["text"],
                          "annotations_count": len(run["annotations"])}
        return json.dumps({**told, "check_suite": {"id": 5}, "pull_requests": []}).encode()

    @staticmethod
    def word(sent):
        return sent.get("conclusion") or sent["status"]

    def told(self):
        """Of each run, the oldest first, its name and what it said."""
        return [(run["name"], run["states"]) for _, run in sorted(self.runs.items())]
