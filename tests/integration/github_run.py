"""Parts of github_test.py: a config, webhooks of a repository, and a worker's passes over them."""
import json
import pathlib
import subprocess
import time

import cli_run
from cli_worker import drop, entry
from common import ROOT, webhook

COMMIT = "3f9c1a7be2d04c8896a5f00d1b2c3d4e5f607182"
TOKEN = "ghp_plantedPlantedPlanted0123456789"
APP = "app: 123456, installation: 7890, private_key: { file: app.pem }, url: { env: URL }"
START = int(time.time()) - 100


def key(cli):
    cli.file("app.pem", subprocess.run(["openssl", "genrsa", "2048"], capture_output=True, check=True).stdout)
    cli.file("public.pem", subprocess.run(["openssl", "rsa", "-in", cli.path("app.pem"), "-pubout"],
                                          capture_output=True, check=True).stdout)


def config(cli, notify, url, service="token: { env: TOKEN }, url: { env: URL }"):
    cli.file("webhook-secret", cli_run.SECRET)
    cli.file("env", f"TOKEN={TOKEN}\nURL={url}\n")
    return cli.file("kitehook.yml",
                    "webhook:\n  signature: { file: webhook-secret }\nenv_file: env\nstate: state\n"
                    f"worker: service\nservices: {{ github: {{ {service} }} }}\nnotify:\n{notify}")


def body_of(number, repository="git@github.com:acme/web.git", provider=None, **build):
    """A webhook whose pipeline has REPOSITORY."""
    made = json.loads(webhook(number, **{"commit": COMMIT, **build}))
    made["pipeline"]["repository"] = repository
    if provider:
        made["pipeline"]["provider"] = provider
    return json.dumps(made).encode()


def send(cli, what):
    given, name = (what, "-") if isinstance(what, bytes) else (b"", str(ROOT / "fixtures/events" / what))
    done = cli.run("invoke", "--send", "--sign", "--json", "--config", cli.path("kitehook.yml"), name,
                   input=given)
    return json.loads(done.out)


def made(*_):
    return 201, {"Content-Type": "application/json"}, b'{"id":1}'


def work(cli, path, bodies, report, code=0):
    """A worker's single pass over BODIES, (seconds after START, body) each, as they came. Its log."""
    state = pathlib.Path(cli.path("state"))
    for number, (after, body) in enumerate(bodies):
        drop(state, entry(body, at=START + after, number=number, event=json.loads(body)["event"]))
    done = cli.run("worker", "--once", "--config", path, seconds=60)
    report.check("the worker ends as it should", done.code == code, done)
    return done.out + done.err


def of_commits(numbers):
    """A build for each of as many commits, for `work`."""
    return [(number, body_of(number, commit=f"{number:040x}")) for number in numbers]


def kept_in(cli):
    """All bytes of the state folder."""
    return b"".join(one.read_bytes() for one in pathlib.Path(cli.path("state")).rglob("*") if one.is_file())
