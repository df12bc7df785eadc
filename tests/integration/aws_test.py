#!/usr/bin/env python3
"""aws_test PROBE: the secrets of handler/net/aws_secrets.h against two oracles that are not ours.

PROBE is the built tests/net/aws_probe.c. botocore signs once more what a listener of ours has recorded, over
exactly the headers that were signed, and sends the same calls itself. moto_server checks signatures and
permissions as AWS does. Everything is on loopback. Whichever of the two this machine lacks is reported as not
run.
"""
import argparse
import http.server
import json
import os
import pathlib
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
from unittest import mock

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parent))
from common import Report, wait_until  # noqa: E402

try:
    import botocore.auth
    import botocore.awsrequest
    import botocore.config
    import botocore.credentials
    import botocore.session
    import botocore.validate
except ImportError:
    botocore = None

KEY_ID, KEY, TOKEN = ("AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY",
                      "FwoGZXIvYXdzEPL4nt3d//T0ken+==")
VALUE = "pl4nt3d-\u00e9-value"
ONE = "webhook: {signature: {ssm: /kitehook/webhook-secret}}\n"


# ---- the program

class Probe:
    """The running probe: `read` makes it read the configuration once more."""

    def __init__(self, program, config, timeout_ms=5000, **environment):
        self.folder = tempfile.TemporaryDirectory(prefix="kh-")
        path = pathlib.Path(self.folder.name) / "kitehook.yml"
        path.write_text(config, encoding="utf-8")
        self.process = subprocess.Popen([program, str(path), str(timeout_ms)], stdin=subprocess.PIPE,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment)
        self.printed = ""

    def read(self):
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()
        line = self.process.stdout.readline()
        self.printed += line.decode()
        return json.loads(line) if line else {"ok": False, "said": ["the program ended"], "secrets": {}}

    def close(self):
        """Its exit status, and what it wrote to standard error."""
        try:
            _, errors = self.process.communicate(timeout=20)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, errors = self.process.communicate()
        self.folder.cleanup()
        return self.process.returncode, errors.decode(errors="replace")


class Bench:
    """Runs the probe and holds it to what must always be so."""

    def __init__(self, program, report):
        self.program, self.report = program, report

    def run(self, name, config, rounds=1, **environment):
        probe = Probe(self.program, config, **environment)
        results = [probe.read() for _ in range(rounds)]
        status, errors = probe.close()
        self.report.check(f"{name}: ends well", status == 0 and not errors, f"{status} {errors}")
        said = json.dumps([result["said"] for result in results])
        for word in (environment.get("AWS_SECRET_ACCESS_KEY"), environment.get("AWS_SESSION_TOKEN"),
                     "pl4nt3d"):
            if word:
                self.report.check(f"{name}: tells no secret", word not in said, said)
        return results

    def expect(self, name, result, value):
        self.report.check(name,
                          result["ok"] and result["secrets"].get("default") == value and result["remote"],
                          result)

    def refuse(self, name, result, *words):
        text = " ".join(result["said"])
        self.report.check(name, not result["ok"] and all(word in text for word in words),
                          f"{words} not in {text}")


# ---- a listener that records

class Listener(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self):
        super().__init__(("127.0.0.1", 0), Recorder)
        self.requests, self.connections, self.replies = [], 0, {}
        self.thread = threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True)
        self.thread.start()

    @property
    def url(self):
        return f"http://127.0.0.1:{self.server_address[1]}"

    def close(self):
        self.shutdown()
        self.server_close()


class Recorder(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def setup(self):
        super().setup()
        self.server.connections += 1

    def do_POST(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        headers = [(name.lower(), value) for name, value in self.headers.items()]
        self.server.requests.append((self.path, headers, body))
        target = self.headers.get("X-Amz-Target", "")
        usual = {"AmazonSSM.GetParameter": {"Parameter": {"Type": "SecureString", "Value": VALUE}},
                 "secretsmanager.GetSecretValue": {"SecretString": json.dumps({"a": VALUE})}}
        status, more, answer = self.server.replies.get(target, (200, {}, usual.get(target, {})))
        content = answer if isinstance(answer, bytes) else json.dumps(answer).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/x-amz-json-1.1")
        self.send_header("Content-Length", str(len(content)))
        for name, value in more.items():
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, *_):
        pass


# ---- botocore as the oracle

def sign_again(request, url, key_id, key, token):
    """(the signature that was sent, botocore's over the same signed headers, problems)"""
    path, headers, body = request
    sent = dict(headers)
    kind, _, rest = sent["authorization"].partition(" ")
    words = dict(word.strip().split("=", 1) for word in rest.split(","))
    signed = words["SignedHeaders"].split(";")
    problems = [f"{name} is signed but was not sent" for name in signed if name not in sent]
    problems += [f"{name} was sent twice" for name in sent if [one for one, _ in headers].count(name) > 1]
    problems += [f"{name} is not signed" for name in ("host", "x-amz-date", "x-amz-target", "content-type")
                 if name not in signed]
    if token:
        problems += [] if "x-amz-security-token" in signed else ["the token is not signed"]
    elif "x-amz-security-token" in sent:
        problems.append("a token was sent")
    if kind != "AWS4-HMAC-SHA256" or signed != sorted(signed) or "expect" in sent:
        problems.append(f"{kind} {signed} {sent.get('expect')}")
    owner, date, region, service, end = words["Credential"].split("/")
    if owner != key_id or end != "aws4_request" or not sent["x-amz-date"].startswith(date):
        problems.append(words["Credential"])
    again = botocore.awsrequest.AWSRequest("POST", url + path, data=body)
    for name in signed:
        again.headers[name] = sent.get(name, "")
    again.context["timestamp"] = sent["x-amz-date"]
    auth = botocore.auth.SigV4Auth(botocore.credentials.Credentials(key_id, key, token or None), service,
                                   region)
    with mock.patch.object(botocore.auth, "SIGNED_HEADERS_BLACKLIST", []):
        signature = auth.signature(auth.string_to_sign(again, auth.canonical_request(again)), again)
    return words["Signature"], signature, problems, (region, service)


def client_of(service, url, region="eu-west-1", key_id=KEY_ID, key=KEY, token=None):
    settings = botocore.config.Config(retries={"max_attempts": 0}, connect_timeout=5, read_timeout=20)
    return botocore.session.get_session().create_client(
        service, region_name=region, endpoint_url=url, aws_access_key_id=key_id, aws_secret_access_key=key,
        aws_session_token=token, config=settings)


SIGNED = [
    # name, config, region, token, service
    ("ssm", ONE, "eu-west-1", "", "ssm"),
    ("ssm with a token", ONE, "eu-west-1", TOKEN, "ssm"),
    ("ssm in China", ONE, "cn-north-1", TOKEN, "ssm"),
    ("a version", 'webhook: {signature: {ssm: "/a/b:3"}}\n', "us-gov-west-1", TOKEN, "ssm"),
    ("an ARN", 'webhook: {token: {ssm: "arn:aws:ssm:eu-west-1:123456789012:parameter/a"}}\n', "eu-west-1",
     TOKEN, "ssm"),
    ("secretsmanager", "webhook: {token: {secretsmanager: prod/a+b=c@d, key: a}}\n", "eu-west-1", TOKEN,
     "secretsmanager"),
    ("secretsmanager without a token", "webhook: {token: {secretsmanager: prod, key: a}}\n", "eu-west-1", "",
     "secretsmanager"),
]


def test_signatures(bench, report):
    for name, config, region, token, service in SIGNED:
        listener = Listener()
        results = bench.run(name, config, 3, AWS_REGION=region, AWS_ACCESS_KEY_ID=KEY_ID,
                            AWS_SECRET_ACCESS_KEY=KEY, AWS_SESSION_TOKEN=token, AWS_ENDPOINT_URL=listener.url)
        listener.close()
        for result in results:
            bench.expect(f"{name}: the secret", result, VALUE)
        report.check(f"{name}: one kept connection", (listener.connections, len(listener.requests)) == (1, 3),
                     f"{listener.connections} connections, {len(listener.requests)} requests")
        for request in listener.requests:
            sent, again, problems, scope = sign_again(request, listener.url, KEY_ID, KEY, token)
            report.check(f"{name}: botocore's signature", sent == again, f"{sent} {again}")
            report.check(f"{name}: what is signed",
                         not problems and request[0] == "/" and scope == (region, service),
                         f"{problems} {request[0]} {scope}")
            report.check(f"{name}: another key gives another signature",
                         sent != sign_again(request, listener.url, KEY_ID, KEY + "x", token)[1])


def test_as_botocore_sends(bench, report):
    """The body, the target and the content type are those that botocore sends for the same call."""
    calls = [
        (ONE, "ssm", "GetParameter", "get_parameter",
         {"Name": "/kitehook/webhook-secret", "WithDecryption": True}),
        ("webhook: {token: {secretsmanager: prod/a, key: a}}\n", "secretsmanager", "GetSecretValue",
         "get_secret_value", {"SecretId": "prod/a"}),
    ]
    for config, service, operation, method, words in calls:
        listener = Listener()
        bench.run(operation, config, 1, AWS_REGION="eu-west-1", AWS_ACCESS_KEY_ID=KEY_ID,
                  AWS_SECRET_ACCESS_KEY=KEY, AWS_ENDPOINT_URL=listener.url)
        client = client_of(service, listener.url)
        getattr(client, method)(**words)
        listener.close()
        ours, theirs = ((dict(headers), json.loads(body)) for _, headers, body in listener.requests)
        report.check(f"{operation}: the body", ours[1] == theirs[1], f"{ours[1]} {theirs[1]}")
        for header in ("x-amz-target", "content-type"):
            report.check(f"{operation}: {header}", ours[0][header] == theirs[0][header],
                         f"{ours[0][header]} {theirs[0][header]}")
        shape = client.meta.service_model.operation_model(operation).input_shape
        report.check(f"{operation}: AWS's model",
                     not botocore.validate.ParamValidator().validate(ours[1], shape).has_errors())


# ---- what needs no oracle but the listener

def test_answers(bench, report):
    target = "AmazonSSM.GetParameter"
    where = "1:23 webhook.signature: cannot fetch /kitehook/webhook-secret: ssm:GetParameter in eu-west-1: "
    cases = [
        ("a code in the body", (400, {}, {"__type": "com.amazon.coral#ParameterNotFound"}),
         "ParameterNotFound; there is none"),
        ("a code in the header", (400, {"x-amzn-ErrorType": "AccessDeniedException:http://x"}, {}),
         "AccessDeniedException; the role"),
        ("a redirect", (307, {"Location": "http://127.0.0.1:1/"}, {}), "HTTP 307; AWS refuses it"),
        ("trouble twice", (500, {}, {"__type": "InternalServerError"}),
         "InternalServerError; AWS has trouble"),
        ("an echo of the request",
         (403, {}, {"__type": "InvalidSignatureException", "message": f"x-amz-security-token:{TOKEN}"}),
         "InvalidSignatureException; AWS_SECRET_ACCESS_KEY does not belong"),
    ]
    for name, reply, words in cases:
        listener = Listener()
        listener.replies[target] = reply
        result, = bench.run(name, ONE, 1, AWS_REGION="eu-west-1", AWS_ACCESS_KEY_ID=KEY_ID,
                            AWS_SECRET_ACCESS_KEY=KEY, AWS_SESSION_TOKEN=TOKEN, AWS_ENDPOINT_URL=listener.url)
        listener.close()
        bench.refuse(name, result, where + words)
        report.check(f"{name}: tries", len(listener.requests) == (2 if reply[0] == 500 else 1),
                     len(listener.requests))


def test_endpoints(bench, report):
    usual = {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": KEY_ID, "AWS_SECRET_ACCESS_KEY": KEY}
    config = "webhook: {signature: {ssm: /a}, token: {secretsmanager: b, key: a}}\n"
    both, ssm = Listener(), Listener()
    result, = bench.run("endpoints", config, 1, AWS_ENDPOINT_URL=both.url, AWS_ENDPOINT_URL_SSM=ssm.url + "/",
                        **usual)
    both.close()
    ssm.close()
    report.check("endpoints: each its own",
                 result["ok"] and (len(both.requests), len(ssm.requests)) == (1, 1), result)

    with socket.create_server(("127.0.0.1", 0)) as silent:
        port = silent.getsockname()[1]
        start = time.monotonic()
        probe = Probe(bench.program, ONE, 300, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}", **usual)
        bench.refuse("silence", probe.read(), "no answer (Timeout was reached)")
        report.check("silence: in time", time.monotonic() - start < 5)
        probe.close()
    result, = bench.run("nobody", ONE, 1, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}", **usual)
    bench.refuse("nobody", result, "no answer (")
    usual.pop("AWS_SECRET_ACCESS_KEY")
    result, = bench.run("no keys", ONE, 1, AWS_ENDPOINT_URL=f"http://127.0.0.1:{port}",
                        AWS_SECRET_ACCESS_KEY="", **usual)
    bench.refuse("no keys", result, "AWS_SECRET_ACCESS_KEY is not set")


def test_nothing_to_fetch(bench, report):
    """Without such references nothing is sent, and no variable is needed."""
    listener = Listener()
    with tempfile.NamedTemporaryFile("w", prefix="kh-", suffix="-secret") as secret:
        secret.write("a-secret-in-a-file")
        secret.flush()
        result, = bench.run("a file", f"webhook: {{signature: {{file: {secret.name}}}}}\n", 1,
                            AWS_ENDPOINT_URL=listener.url)
    listener.close()
    report.check("a file: nothing is sent",
                 result["ok"] and not result["remote"] and listener.connections == 0, result)


# ---- moto_server, which checks signatures and permissions

class Moto:
    SETUP = 8  # calls that are let in before it checks

    def __init__(self, program):
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        self.log = tempfile.TemporaryFile()
        self.process = subprocess.Popen([program, "-H", "127.0.0.1", "-p", str(self.port)], stdout=self.log,
                                        stderr=self.log,
                                        env={**os.environ, "INITIAL_NO_AUTH_ACTION_COUNT": str(self.SETUP)})
        self.users = {}

    def is_up(self):
        try:
            socket.create_connection(("127.0.0.1", self.port), 1).close()
            return True
        except OSError:
            return self.process.poll() is not None

    def add_user(self, name, *actions):
        iam = client_of("iam", self.url)
        iam.create_user(UserName=name)
        made = iam.create_access_key(UserName=name)["AccessKey"]
        if actions:
            iam.put_user_policy(UserName=name, PolicyName="p", PolicyDocument=self.policy(*actions))
        self.users[name] = (made["AccessKeyId"], made["SecretAccessKey"])

    @staticmethod
    def policy(*actions):
        return json.dumps(
            {"Version": "2012-10-17",
             "Statement": [{"Effect": "Allow", "Action": list(actions), "Resource": "*"}]})

    def environment(self, name, **more):
        key_id, key = self.users[name]
        return {"AWS_REGION": "eu-west-1", "AWS_ACCESS_KEY_ID": key_id, "AWS_SECRET_ACCESS_KEY": key,
                "AWS_ENDPOINT_URL": self.url, **more}

    def close(self):
        self.process.terminate()
        try:
            self.process.wait(10)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.log.close()


def fill(moto):
    """What the writer puts there, signed: parameters, secrets, and a role for keys with a token."""
    key_id, key = moto.users["writer"]
    as_writer = {name: client_of(name, moto.url, key_id=key_id, key=key)
                 for name in ("ssm", "secretsmanager", "iam", "sts")}
    as_writer["ssm"].put_parameter(Name="/kitehook/webhook-secret", Value=VALUE, Type="SecureString")
    secrets = as_writer["secretsmanager"]
    secrets.create_secret(Name="kitehook/plain", SecretString=VALUE)
    secrets.create_secret(Name="kitehook/pairs", SecretString=json.dumps({"webhook": VALUE, "port": 5}))
    secrets.create_secret(Name="kitehook/binary", SecretBinary=b"\x01pl4nt3d")
    secrets.create_secret(Name="kitehook/deleted", SecretString=VALUE)
    secrets.delete_secret(SecretId="kitehook/deleted", RecoveryWindowInDays=7)
    role = as_writer["iam"].create_role(RoleName="r",
                                        AssumeRolePolicyDocument=moto.policy("sts:AssumeRole"))["Role"]["Arn"]
    as_writer["iam"].put_role_policy(RoleName="r", PolicyName="p",
                                     PolicyDocument=moto.policy("ssm:GetParameter"))
    made = as_writer["sts"].assume_role(RoleArn=role, RoleSessionName="session")["Credentials"]
    moto.users["session"] = (made["AccessKeyId"], made["SecretAccessKey"])
    return as_writer, made["SessionToken"]


def test_moto(bench, report, moto):
    moto.add_user("reader", "ssm:GetParameter", "secretsmanager:GetSecretValue")
    moto.add_user("writer", "*")
    moto.add_user("nobody")
    as_writer, token = fill(moto)
    arn = as_writer["secretsmanager"].describe_secret(SecretId="kitehook/plain")["ARN"]

    def run(name, config, user="reader", **more):
        return bench.run(f"moto: {name}", config, 1, **moto.environment(user, **more))[0]

    bench.expect("moto: a parameter, decrypted", run("parameter", ONE), VALUE)
    bench.expect("moto: a version", run("version", 'webhook: {token: {ssm: "/kitehook/webhook-secret:1"}}\n'),
                 VALUE)
    bench.expect("moto: keys with a token", run("token", ONE, "session", AWS_SESSION_TOKEN=token), VALUE)
    bench.expect("moto: a secret", run("secret", "webhook: {token: {secretsmanager: kitehook/plain}}\n"),
                 VALUE)
    bench.expect("moto: by its ARN", run("arn", f'webhook: {{token: {{secretsmanager: "{arn}"}}}}\n'), VALUE)
    bench.expect("moto: a member",
                 run("member", "webhook: {token: {secretsmanager: kitehook/pairs, key: webhook}}\n"), VALUE)

    refusals = [
        ("pairs without a key", "{secretsmanager: kitehook/pairs}", "reader", {}, "name the member to take"),
        ("no such member", "{secretsmanager: kitehook/pairs, key: hook}", "reader", {},
         "no member of the name"),
        ("a number", "{secretsmanager: kitehook/pairs, key: port}", "reader", {}, "is no text"),
        ("binary", "{secretsmanager: kitehook/binary}", "reader", {}, "SecretBinary"),
        ("deleted", "{secretsmanager: kitehook/deleted}", "reader", {},
         "InvalidRequestException; it cannot be read now"),
        ("no such secret", "{secretsmanager: kitehook/none}", "reader", {},
         "ResourceNotFoundException; there is none"),
        ("no such parameter", "{ssm: /none}", "reader", {}, "ParameterNotFound; there is none"),
        ("a wrong key", "{ssm: /kitehook/webhook-secret}", "reader", {"AWS_SECRET_ACCESS_KEY": KEY},
         "SignatureDoesNotMatch; AWS_SECRET_ACCESS_KEY does not belong to AWS_ACCESS_KEY_ID"),
        ("a wrong key, the other service", "{secretsmanager: kitehook/plain}", "reader",
         {"AWS_SECRET_ACCESS_KEY": KEY}, "SignatureDoesNotMatch; "),
        ("an unknown key", "{ssm: /kitehook/webhook-secret}", "reader", {"AWS_ACCESS_KEY_ID": KEY_ID},
         "InvalidClientTokenId; AWS does not know these keys"),
        ("no permission", "{ssm: /kitehook/webhook-secret}", "nobody", {},
         "ssm:GetParameter in eu-west-1: AccessDenied"),
        ("no permission, the other service", "{secretsmanager: kitehook/plain}", "nobody", {},
         "secretsmanager:GetSecretValue in eu-west-1: AccessDenied"),
        ("another region", "{ssm: /kitehook/webhook-secret}", "reader", {"AWS_REGION": "us-east-1"},
         "ParameterNotFound"),
    ]
    for name, reference, user, more, words in refusals:
        environment = moto.environment(user)
        environment.update(more)
        result, = bench.run(f"moto: {name}", f"webhook: {{signature: {reference}}}\n", 1, **environment)
        bench.refuse(f"moto: {name}", result, words, "cannot fetch ")

    probe = Probe(bench.program, ONE, **moto.environment("reader"))
    before = probe.read()
    as_writer["ssm"].put_parameter(Name="/kitehook/webhook-secret", Value="rotated-value",
                                   Type="SecureString", Overwrite=True)
    after = probe.read()
    probe.close()
    bench.expect("moto: before the rotation", before, VALUE)
    bench.expect("moto: after the rotation", after, "rotated-value")


def clear_environment():
    """What a developer's shell holds about AWS and proxies must not reach botocore or moto."""
    for name in list(os.environ):
        if name.startswith("AWS_") or name.lower().endswith("_proxy"):
            del os.environ[name]
    os.environ.update(AWS_CONFIG_FILE=os.devnull, AWS_SHARED_CREDENTIALS_FILE=os.devnull,
                      AWS_EC2_METADATA_DISABLED="true")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("probe", type=lambda text: str(pathlib.Path(text).resolve()))
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    clear_environment()
    report = Report(chosen.verbose)
    bench = Bench(chosen.probe, report)
    test_answers(bench, report)
    test_endpoints(bench, report)
    test_nothing_to_fetch(bench, report)
    if not botocore:
        report.skip("botocore's signatures", "this Python has no botocore (Debian: python3-botocore)")
        report.skip("moto_server", "this Python has no botocore")
        return report.close()
    test_signatures(bench, report)
    test_as_botocore_sends(bench, report)
    program = shutil.which("moto_server")
    if not program:
        report.skip("moto_server", "it is not installed (PyPI: moto[server])")
        return report.close()
    moto = Moto(program)
    try:
        if wait_until(moto.is_up, 60, 0.1) and moto.process.poll() is None:
            test_moto(bench, report, moto)
        else:
            report.check("moto_server: starts", False, f"exit {moto.process.poll()}")
    finally:
        moto.close()
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
