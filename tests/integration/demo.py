#!/usr/bin/env python3
"""What ./script/run shows: one webhook, end to end, on this machine.

lighttpd serves kitehook.cgi on a loopback port, a fixture is signed by openssl and posted, kitehook keeps it
and starts its worker, and the notification arrives at a catcher that stands in for Slack.
"""
import argparse
import json
import pathlib
import signal
import sys
import time

from catcher import Catcher
from common import FIXTURES, ROOT, URL, Fixture, Workspace, exchange, wait_until, with_close, worker_is_gone
from servers import LighttpdCgi

CONFIG = """\
webhook:
  signature: {{file: {secret}}}
env_file: {folder}/env
log: {folder}/receiver.log
state: {folder}/state
worker: {{mode: start, program: {build}/kitehook, linger: 2s}}
notify:
  - slack:
      url: {{env: SLACK_WEBHOOK_URL}}
  - log
"""


def title(text):
    print(f"\n\033[1m{text}\033[0m" if sys.stdout.isatty() else f"\n== {text}")


def indent(text):
    for line in text.rstrip().split("\n"):
        print("   " + line)


def write_config(folder, build, catcher):
    (folder / "env").write_text(f"SLACK_WEBHOOK_URL={catcher.url('/services/demo')}\n", encoding="utf-8")
    (folder / "env").chmod(0o600)
    config = folder / "kitehook.yml"
    config.write_text(CONFIG.format(folder=folder, build=build, secret=FIXTURES / "webhook-secret"),
                      encoding="utf-8")
    return config


def post(server, fixture):
    return exchange(server.port, [fixture.message(with_close(fixture.signed(int(time.time()))))])


def show(name, path):
    title(name)
    indent(path.read_text(encoding="utf-8") if path.exists() else "(nothing)")


def worker_is_done(folder, catcher):
    log = folder / "state" / "worker.log"
    return (catcher.at("/services/demo") and log.exists() and
            '"result":"delivered"' in log.read_text(encoding="utf-8"))


def demo(folder, build, keep):
    fixture = Fixture(FIXTURES / "events" / "build_finished_failed")
    with Catcher() as catcher:
        config = write_config(folder, build, catcher)
        server = LighttpdCgi().start(folder / "lighttpd", build, config)
        address = f"http://127.0.0.1:{server.port}{URL}"
        try:
            title(f"lighttpd serves kitehook.cgi at {address}; its config is")
            indent(config.read_text(encoding="utf-8"))
            answer = post(server, fixture)
            title("a signed webhook is posted (fixtures/events/build_finished_failed); the answer")
            indent(f"{answer.status} {answer.body.decode()}")
            wait_until(lambda: worker_is_done(folder, catcher), 10)
            show("the receiver's log line", folder / "receiver.log")
            show("the worker's log lines", folder / "state" / "worker.log")
            title("the notification, as it arrived where Slack would be")
            for caught in catcher.at("/services/demo"):
                indent(f"POST {caught.path}")
                indent(json.dumps(caught.json, ensure_ascii=False))
            good = answer.status == 200 and catcher.at("/services/demo")
            if not good:
                indent(server.tail())
                print("\nSomething went wrong: the webhook or its notification did not come through.")
                return 1
            suggest(build, config, address, keep)
            while keep and server.children[0].poll() is None:
                time.sleep(1)
        finally:
            server.stop()
            wait_until(lambda: worker_is_gone(folder), 10)
    return 0


def suggest(build, config, address, keep):
    here = pathlib.Path.cwd()
    program = build.relative_to(here) if build.is_relative_to(here) else build
    title("what to try next")
    if keep:
        indent(f"curl {address}\n"
               f"tail -f {config.parent}/receiver.log {config.parent}/state/worker.log\n"
               f"{program}/kitehook check --config {config}\n"
               "Ctrl-C ends lighttpd, the worker and this demonstration.")
        return
    indent("./script/run --keep                       the same, and goes on serving\n"
           f"{program}/kitehook invoke --config fixtures/kitehook.yml fixtures/events/build_finished_failed\n"
           f"{program}/kitehook check --config fixtures/kitehook.yml\n"
           "docs/recipes/                              lighttpd, Apache and nginx, ready to copy\n"
           "README.md                                  how to point Buildkite here")


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        default=ROOT / "build" / "release")
    parser.add_argument("--keep", action="store_true", help="go on serving until Ctrl-C")
    chosen = parser.parse_args()
    for ending in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(ending, signal.default_int_handler)
    try:
        with Workspace() as folder:
            return demo(folder, chosen.build, chosen.keep)
    except KeyboardInterrupt:
        print("\nended")
        return 0


if __name__ == "__main__":
    sys.exit(main())
