#!/usr/bin/env python3
"""template_test: template.yaml lints clean, becomes CloudFormation without AWS, and then says what it should.

cfn-lint and aws-sam-translator are the oracles. They are looked for in the PATH's interpreters and where
`script/setup test` puts them; what is missing is reported as not run. What CloudFormation would make of
parameters and conditions is worked out here.
"""
import argparse
import json
import os
import pathlib
import re
import shutil
import subprocess
import sys

from common import FIXTURES, ROOT, Report, Workspace

sys.path.insert(0, str(ROOT / "tests"))
from packages import python_with, without_python  # noqa: E402

TEMPLATE = ROOT / "template.yaml"
PSEUDO = {"AWS::Region": "eu-central-1", "AWS::AccountId": "123456789012", "AWS::Partition": "aws",
          "AWS::StackName": "kitehook", "AWS::URLSuffix": "amazonaws.com"}
NO_VALUE = object()
MACHINES = {"x86_64": 62, "arm64": 183}  # e_machine
SECRETISH = re.compile(r"secret|token|passw|credential|slack|hook_url|api_key", re.I)
TRANSLATE = """
import json, sys
from samtranslator.translator.transform import transform
from samtranslator.yaml_helper import yaml_parse
class NoPolicies:
    def load(self):
        return {}
template = yaml_parse(open(sys.argv[1]).read())
function = template["Resources"]["KitehookFunction"]["Properties"]
assert function["CodeUri"] == ".", function["CodeUri"]
function["CodeUri"] = "s3://bucket/kitehook.zip"
parameters = {name: str(one.get("Default", "")) for name, one in template["Parameters"].items()}
parameters.update(json.loads(sys.argv[2]))
print(json.dumps(transform(template, parameters, NoPolicies(), passthrough_metadata=True)))
"""


def run(command, **more):
    return subprocess.run(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE,
                          stderr=subprocess.PIPE, text=True, timeout=120, check=False, **more)


def lint(report):
    if shutil.which("cfn-lint"):
        command = ["cfn-lint"]
    else:
        python = python_with("cfnlint")
        if not python:
            report.skip("cfn-lint", without_python())
            return
        command = [*python, "-m", "cfnlint"]
    done = run([*command, str(TEMPLATE)])
    report.check("cfn-lint has nothing to say", done.returncode == 0 and not done.stdout.strip(),
                 done.stdout + done.stderr)
    broken = TEMPLATE.read_text(encoding="utf-8").replace("RetentionInDays:", "RetentionInYears:")
    done = subprocess.run([*command, "-"], input=broken, stdout=subprocess.PIPE, stderr=subprocess.STDOUT,
                          text=True, timeout=120, check=False)
    report.check("cfn-lint would have", done.returncode != 0, "a mistake went unnoticed")


# ---- what CloudFormation makes of it

class Stack:
    """The translated template under one set of parameters: conditions decided, functions resolved."""

    def __init__(self, template, parameters):
        self.template = template
        self.values = dict(PSEUDO)
        for name, one in template["Parameters"].items():
            self.values[name] = str(parameters.get(name, one.get("Default", "")))
        self.resources = {}
        for name, resource in template["Resources"].items():
            if "Condition" not in resource or self.condition(resource["Condition"]):
                self.resources[name] = self.solve(resource)
        self.outputs = {name: self.solve(output["Value"]) for name, output in template["Outputs"].items()}

    def condition(self, name):
        return self.decide(self.template["Conditions"][name])

    def decide(self, rule):
        (function, given), = rule.items()
        if function == "Condition":
            return self.condition(given)
        if function == "Fn::Equals":
            first, second = (self.solve(one) for one in given)
            return str(first) == str(second)
        if function == "Fn::Not":
            return not self.decide(given[0])
        if function == "Fn::And":
            return all(self.decide(one) for one in given)
        raise AssertionError(f"the test does not know {function}")

    def solve(self, node):
        if isinstance(node, list):
            return [one for one in (self.solve(each) for each in node) if one is not NO_VALUE]
        if not isinstance(node, dict):
            return node
        if len(node) == 1:
            (function, given), = node.items()
            if function == "Ref":
                return NO_VALUE if given == "AWS::NoValue" else self.refer(given)
            if function == "Fn::If":
                return self.solve(given[1] if self.condition(given[0]) else given[2])
            if function == "Fn::Sub":
                return re.sub(r"\$\{([^}]+)\}", lambda found: str(self.refer(found.group(1))), given)
            if function == "Fn::GetAtt":
                return self.refer(".".join(given) if isinstance(given, list) else given)
            if function.startswith("Fn::"):
                raise AssertionError(f"the test does not know {function}")
        solved = {name: self.solve(value) for name, value in node.items()}
        return {name: value for name, value in solved.items() if value is not NO_VALUE}

    def refer(self, name):
        if name in self.values:
            return self.values[name]
        resource = name.split(".")[0]
        kept = self.template["Resources"][resource]
        if "Condition" in kept and not self.condition(kept["Condition"]):
            raise AssertionError(f"{name} is referred to, but its condition is false")
        return f"<{name}>"

    def of(self, kind):
        return {name: resource["Properties"] for name, resource in self.resources.items()
                if resource["Type"] == kind}

    def types(self):
        return sorted(resource["Type"] for resource in self.resources.values())


def texts(node):
    """Every text in NODE, keys too."""
    if isinstance(node, dict):
        for key, value in node.items():
            yield key
            yield from texts(value)
    elif isinstance(node, list):
        for one in node:
            yield from texts(one)
    else:
        yield str(node)


# ---- what it should say

COMMON = ["AWS::CloudWatch::Alarm"] * 4 + ["AWS::IAM::Role", "AWS::Lambda::Function", "AWS::Logs::LogGroup"]
ENDPOINTS = {
    "HttpApi": ["AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route",
                "AWS::ApiGatewayV2::Stage", "AWS::Lambda::Permission"],
    "FunctionUrl": ["AWS::Lambda::Permission", "AWS::Lambda::Permission", "AWS::Lambda::Url"],
}
# Of no more than one path: the parameters below it.
BELOW = re.compile(r"arn:aws:ssm:[^:*]+:\d{12}:parameter(/[\w.-]+)+/\*")
PARAMETER = "arn:aws:ssm:eu-central-1:123456789012:parameter"


def check_function(report, what, stack, architecture):
    function = stack.of("AWS::Lambda::Function").get("KitehookFunction", {})
    for key, wanted in {"Runtime": "provided.al2023", "Architectures": [architecture], "MemorySize": 256,
                        "Timeout": 10, "Handler": "bootstrap", "Role": "<KitehookRole.Arn>"}.items():
        report.check(f"{what}: {key}", function.get(key) == wanted, f"{function.get(key)}")
    logging = {"LogFormat": "JSON", "ApplicationLogLevel": "INFO", "SystemLogLevel": "INFO",
               "LogGroup": "<KitehookLogs>"}
    report.check(f"{what}: logs", function.get("LoggingConfig") == logging,
                 f"{function.get('LoggingConfig')}")
    variables = function.get("Environment", {}).get("Variables", {})
    wanted = {"KITEHOOK_CONFIG": "/var/task/kitehook.yml", "SSL_CERT_FILE": "/var/task/ca.pem"}
    report.check(f"{what}: environment", variables == wanted, f"{variables}")
    report.check(f"{what}: no secret in the environment",
                 not any(SECRETISH.search(text) for text in texts(variables)), f"{variables}")
    kept = stack.resources["KitehookLogs"]
    report.check(f"{what}: retention", str(kept["Properties"].get("RetentionInDays")) == "30", f"{kept}")
    report.check(f"{what}: the log outlives the stack",
                 (kept.get("DeletionPolicy"), kept.get("UpdateReplacePolicy")) == ("Retain", "Retain"),
                 f"{kept}")


def check_endpoint(report, what, stack, endpoint, partner):
    of_partner = ["AWS::Events::Rule", "AWS::Lambda::Permission"] if partner else []
    report.check(f"{what}: its resources and no others",
                 stack.types() == sorted(COMMON + ENDPOINTS[endpoint] + of_partner), f"{stack.types()}")
    permissions = sorted((one for name, one in stack.of("AWS::Lambda::Permission").items()
                          if name != "PartnerPermission"), key=lambda one: one["Action"])
    function = stack.of("AWS::Lambda::Function")["KitehookFunction"]
    url = stack.outputs["EndpointUrl"]
    if endpoint == "HttpApi":
        wanted = [
            {"FunctionName": "<KitehookFunction>", "Action": "lambda:InvokeFunction",
             "Principal": "apigateway.amazonaws.com",
             "SourceArn": "arn:aws:execute-api:eu-central-1:123456789012:<HttpApi>/*/*/buildkite"}]
        integration, = stack.of("AWS::ApiGatewayV2::Integration").values()
        report.check(f"{what}: the integration",
                     (integration["PayloadFormatVersion"], integration["IntegrationType"],
                      integration["IntegrationUri"])
                     == ("2.0", "AWS_PROXY", "<KitehookFunction.Arn>"), f"{integration}")
        route, = stack.of("AWS::ApiGatewayV2::Route").values()
        report.check(f"{what}: one path", route["RouteKey"] == "ANY /buildkite", f"{route}")
        stage, = stack.of("AWS::ApiGatewayV2::Stage").values()
        settings = stage.get("DefaultRouteSettings", {})
        report.check(f"{what}: throttled",
                     float(settings.get("ThrottlingRateLimit", 0)) > 0 and
                     float(settings.get("ThrottlingBurstLimit", 0)) > 0, f"{stage}")
        report.check(f"{what}: no concurrency reserved", "ReservedConcurrentExecutions" not in function,
                     f"{function}")
        report.check(f"{what}: URL",
                     url == "https://<HttpApi>.execute-api.eu-central-1.amazonaws.com/buildkite", url)
    else:
        wanted = [
            {"FunctionName": "<KitehookFunction>", "Action": "lambda:InvokeFunction", "Principal": "*",
             "InvokedViaFunctionUrl": True},
                  {"FunctionName": "<KitehookFunction>", "Action": "lambda:InvokeFunctionUrl",
                   "Principal": "*", "FunctionUrlAuthType": "NONE"}]
        made, = stack.of("AWS::Lambda::Url").values()
        report.check(f"{what}: the URL",
                     (made["AuthType"], made["TargetFunctionArn"]) == ("NONE", "<KitehookFunction>"),
                     f"{made}")
        report.check(f"{what}: concurrency reserved",
                     str(function.get("ReservedConcurrentExecutions")) == "10", f"{function}")
        report.check(f"{what}: URL", url == "<FunctionUrl.FunctionUrl>", url)
    report.check(f"{what}: who may call", permissions == wanted, f"{permissions}")


def matches(pattern, event):
    """EventBridge's rule for patterns of plain texts: each key is there with one of the values."""
    return all(event.get(key) in values for key, values in pattern.items())


def check_partner(report, what, stack, source):
    """The rule on the partner's bus, what passes it, and the permission for that rule alone."""
    rule, = stack.of("AWS::Events::Rule").values()
    report.check(f"{what}: the rule's bus", rule["EventBusName"] == source, f"{rule}")
    report.check(f"{what}: the rule's target",
                 rule["Targets"] == [{"Id": "kitehook", "Arn": "<KitehookFunction.Arn>"}], f"{rule}")
    report.check(f"{what}: who may call for the rule", stack.resources["PartnerPermission"]["Properties"] == {
        "FunctionName": "<KitehookFunction>", "Action": "lambda:InvokeFunction",
        "Principal": "events.amazonaws.com", "SourceArn": "<PartnerRule.Arn>"}, "another")
    pattern = rule["EventPattern"]
    report.check(f"{what}: the pattern has plain texts alone",
                 all(isinstance(one, str) for values in pattern.values() for one in values), f"{pattern}")
    for folder in sorted((FIXTURES / "eventbridge").iterdir()):
        event = json.loads((folder / "event.json").read_text(encoding="utf-8"))
        error = json.loads((folder / "expect.json").read_text(encoding="utf-8")).get("error")
        if event.get("account") == "111122223333":
            event["account"] = PSEUDO["AWS::AccountId"]
        passes = error not in ("partner_source", "partner_account", "partner_type")
        report.check(f"{what}: {folder.name} passes the rule: {passes}", matches(pattern, event) == passes,
                     f"{event['detail-type']}")
    code = (ROOT / "handler/receive/partner.c").read_text(encoding="utf-8")
    report.check(f"{what}: what the rule passes is what is understood",
                 pattern["detail-type"] == re.findall(r'\{TEXT\("([^"]+)"\)', code), f"{pattern}")


def statements(stack):
    role, = stack.of("AWS::IAM::Role").values()
    return role, [one for policy in role.get("Policies", []) for one in policy["PolicyDocument"]["Statement"]]


def as_list(value):
    return value if isinstance(value, list) else [value]


def check_role(report, what, stack, wanted):
    """WANTED is {action: resources}; nothing else may be allowed, and nothing by a pattern."""
    role, allowed = statements(stack)
    granted = {}
    for one in allowed:
        report.check(f"{what}: {one['Sid']}",
                     set(one) == {"Sid", "Effect", "Action", "Resource"} and one["Effect"] == "Allow",
                     f"{one}")
        for action in as_list(one["Action"]):
            granted.setdefault(action, []).extend(as_list(one["Resource"]))
    report.check(f"{what}: the role's permissions", granted == wanted, f"{granted}")
    report.check(f"{what}: no managed policy", not role.get("ManagedPolicyArns"), f"{role}")
    report.check(f"{what}: no pattern in a permission but the path's",
                 not any("*" in text and not BELOW.fullmatch(text) for text in texts(allowed)),
                 f"{allowed}")
    report.check(f"{what}: only Lambda takes the role",
                 [one["Principal"] for one in role["AssumeRolePolicyDocument"]["Statement"]]
                 == [{"Service": "lambda.amazonaws.com"}], f"{role}")


def check_stars(report, what, stack, endpoint):
    """A `*` stands at the end of the path for notifiers, and else only where AWS wants one: any stage and
    method of our path, and the public's principal of a URL."""
    starred = sorted(text for resource in stack.resources.values() for text in texts(resource)
                     if "*" in text and not BELOW.fullmatch(text))
    forced = {"HttpApi": ["arn:aws:execute-api:eu-central-1:123456789012:<HttpApi>/*/*/buildkite"],
              "FunctionUrl": ["*", "*"]}
    report.check(f"{what}: no other *", starred == forced[endpoint], f"{starred}")


def check_alarms(report, what, stack, endpoint, topic):
    alarms = stack.of("AWS::CloudWatch::Alarm")
    server = (("AWS/ApiGateway", "5xx", "ApiId", "<HttpApi>") if endpoint == "HttpApi"
              else ("AWS/Lambda", "Url5xxCount", "FunctionName", "<KitehookFunction>"))
    wanted = sorted(
        [("AWS/Lambda", name, "FunctionName", "<KitehookFunction>")
         for name in ("Errors", "Throttles", "Duration")] + [server])
    found = sorted(
        (one["Namespace"], one["MetricName"], one["Dimensions"][0]["Name"], one["Dimensions"][0]["Value"])
        for one in alarms.values())
    report.check(f"{what}: alarms", found == wanted, f"{found}")
    for name, one in alarms.items():
        report.check(f"{what}: {name} without data", one.get("TreatMissingData") == "notBreaching", f"{one}")
        report.check(f"{what}: {name} tells", one.get("AlarmActions") == ([topic] if topic else None),
                     f"{one.get('AlarmActions')}")
    report.check(f"{what}: Duration is a percentile",
                 [one.get("ExtendedStatistic") for one in alarms.values()
                  if one["MetricName"] == "Duration"] == ["p99"], f"{alarms}")


def translate(python, parameters):
    done = run([*python, "-W", "ignore", "-c", TRANSLATE, str(TEMPLATE), json.dumps(parameters)],
               env={**os.environ, "AWS_DEFAULT_REGION": PSEUDO["AWS::Region"]})
    return (json.loads(done.stdout), "") if done.returncode == 0 else (None, done.stderr[-2000:])


def check_stack(report, python, endpoint, architecture, more, wanted):
    what = f"{endpoint} {architecture}" + (" with everything" if more else "")
    parameters = {"Endpoint": endpoint, "Architecture": architecture, **more}
    template, problem = translate(python, parameters)
    if not report.check(f"{what}: translates", template is not None, problem):
        return
    report.check(f"{what}: nothing of SAM is left",
                 "Transform" not in template and "Serverless" not in json.dumps(template["Resources"]),
                 "left")
    stack = Stack(template, parameters)
    check_function(report, what, stack, architecture)
    check_endpoint(report, what, stack, endpoint, "PartnerSource" in more)
    if "PartnerSource" in more:
        check_partner(report, what, stack, more["PartnerSource"])
    check_role(report, what, stack, wanted)
    check_stars(report, what, stack, endpoint)
    check_alarms(report, what, stack, endpoint, more.get("AlarmTopicArn"))


def check_translated(report):
    python = python_with("samtranslator")
    if not python:
        report.skip("translation", without_python())
        return
    logs = {"logs:CreateLogStream": ["<KitehookLogs.Arn>"], "logs:PutLogEvents": ["<KitehookLogs.Arn>"]}
    plain = {**logs, "ssm:GetParameter": [PARAMETER + name for name in (
        "/kitehook/webhook-secret", "/kitehook/webhook-secret-previous", "/kitehook/notify/*")]}
    secret = "arn:aws:secretsmanager:eu-central-1:123456789012:secret:kitehook-AbCdEf"
    key = "arn:aws:kms:eu-central-1:123456789012:key/0f1e2d3c-1111-2222-3333-444455556666"
    more = {"SecretArn": secret, "KeyArn": key,
            "AlarmTopicArn": "arn:aws:sns:eu-central-1:123456789012:oncall",
            "PartnerSource": "aws.partner/buildkite.com/acme-kites/0106-187c-12cd4fe",
            "SecretParameter": "/a/b", "PreviousSecretParameter": "", "NotifyPath": "/c.d/e"}
    everything = {**logs, "ssm:GetParameter": [PARAMETER + "/a/b", PARAMETER + "/c.d/e/*"],
                  "secretsmanager:GetSecretValue": [secret], "kms:Decrypt": [key]}
    for endpoint in ENDPOINTS:
        for architecture in ("x86_64", "arm64"):
            check_stack(report, python, endpoint, architecture, {}, plain)
        check_stack(report, python, endpoint, "x86_64", more, everything)


def elf(machine):
    """As much of an ELF executable as says which machine it is for."""
    return (b"\x7fELF\x02\x01\x01" + bytes(9) + (2).to_bytes(2, "little") + machine.to_bytes(2, "little") +
            bytes(44))


def pack(folder, machine, **environment):
    """What `sam build` calls, in a copy of the tree as SAM makes one. The exit code, and what was packed."""
    (folder / "given").write_bytes(elf(machine))
    (folder / "ca").write_text("-----BEGIN CERTIFICATE-----\n", encoding="ascii")
    artifacts = folder / "artifacts"
    shutil.rmtree(artifacts, ignore_errors=True)
    done = run(["make", "--makefile", str(folder / "Makefile"), "build-KitehookFunction"],
               env={**os.environ, "ARTIFACTS_DIR": str(artifacts), "LAMBDA_BOOTSTRAP": str(folder / "given"),
                    "LAMBDA_CA_FILE": str(folder / "ca"), **environment})
    return done.returncode, sorted(path.name for path in artifacts.iterdir()) if artifacts.is_dir() else []


def check_packing(report):
    """`sam build` finds its target, and that reads the architecture out of this template."""
    text = TEMPLATE.read_text(encoding="utf-8")
    report.check("BuildMethod", re.search(r"\n  KitehookFunction:\n    Type: AWS::Serverless::Function\n    "
                                          r"Metadata:\n      BuildMethod: makefile\n", text), "not there")
    if not shutil.which("make"):
        report.skip("packing", "there is no make")
        return
    whole = (0, ["bootstrap", "ca.pem", "kitehook.yml"])
    with Workspace() as folder:
        (folder / "script").mkdir()
        shutil.copy(ROOT / "Makefile", folder)
        shutil.copy(ROOT / "script/pack-lambda", folder / "script")
        (folder / "kitehook.yml").write_text("webhook:\n", encoding="ascii")
        for default, other in (("x86_64", "arm64"), ("arm64", "x86_64")):
            changed = text.replace("    Default: x86_64\n", f"    Default: {default}\n")
            report.check(f"{default}: the default is one line",
                         changed.count(f"    Default: {default}\n") == 1, "not one")
            (folder / "template.yaml").write_text(changed, encoding="utf-8")
            made = pack(folder, MACHINES[default])
            report.check(f"{default}: packs", made == whole, f"{made}")
            made = pack(folder, MACHINES[other])
            report.check(f"{default}: refuses {other}", made[0] != 0 and not made[1], f"{made}")
            made = pack(folder, MACHINES[default], LAMBDA_ARCH=other)
            report.check(f"{default}: refuses to be asked for {other}", made[0] != 0 and not made[1],
                         f"{made}")


def check_document(report):
    """docs/lambda.md knows every parameter and alarm, and its kitehook.yml names what the role may read."""
    template = TEMPLATE.read_text(encoding="utf-8")
    text = (ROOT / "docs/lambda.md").read_text(encoding="utf-8")
    parameters = re.findall(r"^  (\w+):$",
                            template[template.index("\nParameters:"):template.index("\nConditions:")], re.M)
    report.check("parameters were found", len(parameters) > 10, f"{parameters}")
    for name in parameters + re.findall(r"^  (\w+Alarm):$", template, re.M):
        report.check(f"docs/lambda.md: {name}", f"`{name}`" in text, "not told")
    example = re.search(r"```yaml\n(.*?)```", text, re.S)
    named = re.findall(r"ssm: ([^\s}]+)", example.group(1)) if example else []
    defaults = re.findall(r"^    Default: (/\S+)$", template, re.M)
    report.check("docs/lambda.md: its config names the parameters' defaults",
                 len(named) == 3 and named[:2] == defaults[:2] and named[2].startswith(f"{defaults[2]}/"),
                 f"{named} {defaults}")
    return example.group(1) if example else ""


def check_config(report, build, config):
    """The document's kitehook.yml."""
    if not build or not (build / "kitehook").is_file():
        report.skip("the document's kitehook.yml", "--build names no folder with kitehook")
        return
    with Workspace() as folder:
        path = folder / "kitehook.yml"
        path.write_text(config, encoding="utf-8")
        done = run([str(build / "kitehook"), "check", "--lambda", "--config", str(path)])
        report.check("docs/lambda.md: its config passes check", done.returncode == 0,
                     done.stdout + done.stderr)


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--build", type=lambda text: pathlib.Path(text).resolve(),
                        help="the folder with kitehook, for the document's config")
    parser.add_argument("--verbose", action="store_true")
    chosen = parser.parse_args()
    report = Report(chosen.verbose)
    lint(report)
    check_translated(report)
    check_packing(report)
    check_config(report, chosen.build, check_document(report))
    return report.close()


if __name__ == "__main__":
    sys.exit(main())
