"""The Lambda function: how soon a process asks for its first event, what an event costs it, and its memory by
then."""

import contextlib
import json
import os
import platform
import sys
import urllib.request
from dataclasses import dataclass
from pathlib import Path

from .bench import median_result
from .costs import columns
from .errors import MeasuringError
from .programs import SOURCE, need_tool, run
from .servers import answers, child, free_port
from .webhook import count_in_log

sys.path.append(str(SOURCE / "tests/support"))
import lambda_envelopes  # noqa: E402

ARCHITECTURES = {"x86_64": "x86_64", "aarch64": "arm64"}
LIMIT_KIB = 4096
SSM_NAME = "/kitehook/webhook-secret"


@dataclass(frozen=True)
class Ours:
    program: Path
    is_static: bool

    def bar(self, value):
        """What is promised is promised of the static one, which is what gets deployed."""
        return value if self.is_static else None

    def against(self, text):
        return (text +
                (" (ours: static)" if self.is_static
                 else " (ours: dynamic; ./script/build-lambda makes the static one)"))


def ours_of(bench):
    """$KH_BOOTSTRAP, else what script/build-lambda made of these sources, else the build's own, which is
    dynamic."""
    named = os.environ.get("KH_BOOTSTRAP")
    if named:
        program = Path(named).resolve()
        if not program.is_file():
            raise MeasuringError(f"there is no {program}, which KH_BOOTSTRAP names")
    else:
        program = static_of(bench) or bench.program("bootstrap")
    return Ours(program, is_static(program))


def static_of(bench):
    """What script/build-lambda made of the build's sources; None where there is none, or a stale one."""
    built = bench.source / f"build/lambda-{ARCHITECTURES.get(platform.machine(), '')}/bootstrap"
    return built if built.is_file() and not is_stale(built, bench.source) else None


def is_static(program):
    """No ELF interpreter is named where linkers put its name."""
    with open(program, "rb") as file:
        return b"/ld-" not in file.read(4096)


def is_stale(program, tree):
    sources = [file for folder in ("handler", "lambda") for file in (tree / folder).rglob("*.[ch]")]
    return any(file.stat().st_mtime > program.stat().st_mtime for file in sources)


def write_event(folder, webhook):
    """The webhook, signed now, as an HTTP API sends it."""
    file = folder / "event.json"
    headers = list(webhook.headers().items())
    file.write_bytes(lambda_envelopes.envelope("http_api", "POST", headers, webhook.body, "escaped"))
    return file


def write_config(folder, secret):
    """A kitehook.yml without rules: the rivals send nothing either; SECRET is the reference to its secret."""
    path = folder / "kitehook.yml"
    path.write_text(f"webhook:\n  signature: {{{secret}}}\n  freshness: 1d\n")
    return path


def environment_of(bench, config):
    """What both sides get. Kitehook's region and keys are used only where a secret is fetched."""
    return {"PATH": os.environ.get("PATH", ""), "TZ": ":UTC", "LANG": "en_US.UTF-8", "_HANDLER": "kitehook",
            "LAMBDA_TASK_ROOT": str(config.parent), "AWS_LAMBDA_FUNCTION_NAME": "bench",
            "AWS_REGION": "eu-central-1",
            "KITEHOOK_CONFIG": str(config), "BENCH_SECRET": str(bench.webhook.secret_file)}


def played(bench, name, what, commands, loggers, rounds, warm_up):
    """Figures of two COMMANDS by lambda_api.c; so many of them are kitehook's and log what they receive."""
    folder = bench.scratch(name)
    event, log = write_event(folder, bench.webhook), folder / "output.log"
    config = write_config(folder, f"file: {bench.webhook.secret_file}")
    output = run([bench.helper("lambda_api"), what, rounds + warm_up, event, log, *commands],
                 environment_of(bench, config))
    answered = loggers * (1 if what == "starts" else rounds + warm_up)
    received = count_in_log(log, '"message":"webhook received"')
    if received != answered:
        raise MeasuringError(f"of {answered} webhooks {commands[0]} logged {received}: see {log}")
    return columns(output, warm_up)


def measure(bench, name, what, theirs, rounds, warm_up):
    """Figures of OURS and of THEIRS, a command."""
    ours = ours_of(bench)
    return ours, *played(bench, name, what, [ours.program, *theirs], 1, rounds, warm_up)


def minimal(bench):
    return [bench.helper("rivals/lambda_min")], "a minimal static C bootstrap"


def go(bench):
    return [bench.go_helper("rivals/lambda_go")], "a bootstrap in Go"


def node(bench):
    return [need_tool("node"), SOURCE / "bench/rivals/lambda_node.mjs"], "a loop in Node"


def times(bench, name, what, rival, bar):
    theirs, text = rival(bench)
    ours, ours_ns, theirs_ns = measure(bench, name, what, theirs, bench.effort.starts,
                                       bench.effort.start_warm_up)
    return median_result(name, [ns / 1e3 for ns in ours_ns], "us", ours.against(text),
                         [ns / 1e3 for ns in theirs_ns], ours.bar(bar))


def lambda_start(bench):
    return times(bench, "lambda_start", "starts", minimal, 0.625)


def lambda_start_go(bench):
    return times(bench, "lambda_start_go", "starts", go, 3)


def lambda_warm(bench):
    return times(bench, "lambda_warm", "warm", minimal, None)


def lambda_warm_node(bench):
    return times(bench, "lambda_warm_node", "warm", node, 3)


def memory(bench, name, rival):
    theirs, text = rival(bench)
    return *measure(bench, name, "memory", theirs, bench.effort.memories, 0), text


def lambda_rss(bench):
    ours, ours_kib, _, _ = memory(bench, "lambda_rss", minimal)
    return median_result("lambda_rss", ours_kib, "KiB", ours.against("the limit of 4 MiB"), [LIMIT_KIB],
                         ours.bar(1))


def rss_against(bench, name, rival):
    ours, ours_kib, theirs_kib, text = memory(bench, name, rival)
    return median_result(name, ours_kib, "KiB", ours.against(text), theirs_kib, None)


def lambda_rss_min(bench):
    return rss_against(bench, "lambda_rss_min", minimal)


def lambda_rss_go(bench):
    return rss_against(bench, "lambda_rss_go", go)


def lambda_rss_node(bench):
    return rss_against(bench, "lambda_rss_node", node)


# ---- with a secret from SSM

KEYS = {"AWS_ACCESS_KEY_ID": "AKIDBENCH", "AWS_SECRET_ACCESS_KEY": "bench-secret-access-key"}


def put_parameter(port, value):
    """moto only looks at the region in the credential."""
    body = json.dumps({"Name": SSM_NAME, "Value": value, "Type": "SecureString"}).encode()
    headers = {"Content-Type": "application/x-amz-json-1.1", "X-Amz-Target": "AmazonSSM.PutParameter",
               "Authorization": f"AWS4-HMAC-SHA256 Credential={KEYS['AWS_ACCESS_KEY_ID']}"
                                "/20260101/eu-central-1/ssm/aws4_request, SignedHeaders=host, Signature=0"}
    try:
        with urllib.request.urlopen(urllib.request.Request(f"http://127.0.0.1:{port}/", body, headers),
                                    timeout=30):
            pass
    except OSError as error:
        raise MeasuringError(f"moto_server did not take the parameter: {error}") from None


@contextlib.contextmanager
def parameter_store(folder, value):
    """moto_server with one parameter; gives the environment that leads there."""
    server, port = need_tool("moto_server"), free_port()
    with child([server, "-H", "127.0.0.1", "-p", port], {}, folder / "moto.log",
               lambda: answers(2, ("127.0.0.1", port))):
        put_parameter(port, value)
        yield {"AWS_ENDPOINT_URL_SSM": f"http://127.0.0.1:{port}", **KEYS}


def lambda_start_ssm(bench):
    ours = ours_of(bench)
    folder = bench.scratch("lambda_start_ssm")
    log = folder / "output.log"
    event = write_event(folder, bench.webhook)
    config = write_config(folder, f"ssm: {SSM_NAME}")
    starts = max(bench.effort.starts // 10, 5)
    with parameter_store(folder, bench.webhook.secret.decode()) as environment:
        output = run(
            [bench.helper("lambda_api"), "starts", starts, event, log, ours.program, *minimal(bench)[0]],
                     {**environment_of(bench, config), **environment})
    ours_ns, theirs_ns = columns(output, 0)
    return median_result("lambda_start_ssm", [ns / 1e3 for ns in ours_ns], "us",
                         ours.against("a minimal static C bootstrap with a file secret; "
                                      "moto_server's time is in ours"),
                         [ns / 1e3 for ns in theirs_ns], None)
