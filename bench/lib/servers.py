"""The web servers, in the foreground on free loopback ports, from config files of ours."""

import contextlib
import os
import shutil
import socket
import subprocess
import time
from dataclasses import dataclass

from .errors import MeasuringError
from .programs import command_to_run, need_tool

START_S, STOP_S = 10, 10


@dataclass(frozen=True)
class Site:
    """Where to post, and who answers there."""

    url: str
    receiver: int | None  # the process that answers, or whose children do; None: another one for each request


BASE_ENVIRONMENT = {"PATH": os.environ.get("PATH", "/usr/bin:/bin")}

LIGHTTPD = """\
server.modules = ("mod_setenv", "mod_cgi")
server.document-root = "{folder}/root"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{folder}/lighttpd.log"
server.upload-dirs = ("{folder}")
cgi.assign = (".cgi" => "")
setenv.add-environment = ({environment})
"""

NGINX = """\
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/nginx.log;
{user}
events {{ worker_connections 256; }}
http {{
  access_log off;
  client_body_temp_path {folder}/tmp_body;
  proxy_temp_path {folder}/tmp_proxy;
  fastcgi_temp_path {folder}/tmp_fastcgi;
  uwsgi_temp_path {folder}/tmp_uwsgi;
  scgi_temp_path {folder}/tmp_scgi;
  client_body_buffer_size 64k;
{more}
  server {{
    listen 127.0.0.1:{port};
    location / {{
{location}
    }}
  }}
}}
"""

FASTCGI = """\
      fastcgi_pass {receiver};
      fastcgi_param GATEWAY_INTERFACE CGI/1.1;
      fastcgi_param SERVER_PROTOCOL $server_protocol;
      fastcgi_param REQUEST_METHOD $request_method;
      fastcgi_param REQUEST_URI $request_uri;
      fastcgi_param QUERY_STRING $query_string;
      fastcgi_param CONTENT_TYPE $content_type;
      fastcgi_param CONTENT_LENGTH $content_length;
      fastcgi_param REMOTE_ADDR $remote_addr;"""

KEPT = """
      fastcgi_keep_conn on;"""

UPSTREAM = """\
  upstream app {{
    server {address};
    keepalive 16;
  }}"""

PROXY = """\
      proxy_pass http://app;
      proxy_http_version 1.1;
      proxy_set_header Connection "";"""


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextlib.contextmanager
def child(command, environment, output, is_up):
    """Runs COMMAND until the block ends; the block starts once IS_UP() is true."""
    with open(output, "ab") as file:
        process = subprocess.Popen(list(map(str, command)), env={**BASE_ENVIRONMENT, **environment},
                                   stdin=subprocess.DEVNULL, stdout=file, stderr=file)
    try:
        deadline = time.monotonic() + START_S
        while not is_up():
            if process.poll() is not None or time.monotonic() > deadline:
                raise MeasuringError(f"{command[0]} did not start: {output.read_text()[-500:]}")
            time.sleep(0.01)
        yield process
    finally:
        process.terminate()
        try:
            process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def answers(family, address):
    with socket.socket(family) as probe:
        return probe.connect_ex(address) == 0


def last_words(folder):
    """The ends of what servers and programs left in FOLDER."""
    files = [*sorted(folder.glob("*.log")), *sorted(folder.glob("*.out"))]
    return "\n".join(f"{file}: …{file.read_text(errors='replace')[-300:].strip()}" for file in files)


@contextlib.contextmanager
def lighttpd_cgi(program, environment, folder):
    """lighttpd with PROGRAM as its only CGI program."""
    server = need_tool("lighttpd")
    (folder / "root").mkdir(parents=True, exist_ok=True)
    shutil.copy(program, folder / "root/hook.cgi")
    port = free_port()
    config = folder / "lighttpd.conf"
    pairs = ", ".join(f'"{name}" => "{value}"' for name, value in environment.items())
    config.write_text(LIGHTTPD.format(folder=folder, port=port, environment=pairs))
    with child([server, "-D", "-f", config], {}, folder / "lighttpd.out",
               lambda: answers(socket.AF_INET, ("127.0.0.1", port))):
        yield Site(f"http://127.0.0.1:{port}/hook.cgi", None)


@contextlib.contextmanager
def nginx(folder, location, more=""):
    """nginx with one LOCATION, and MORE beside its server. Gives the URL without a path."""
    server, port, config = need_tool("nginx"), free_port(), folder / "nginx.conf"
    user = "user root;" if os.geteuid() == 0 else ""
    config.write_text(NGINX.format(folder=folder, port=port, user=user, location=location, more=more))
    with child([server, "-e", folder / "nginx.log", "-c", config, "-g", "daemon off;"], {},
               folder / "nginx.out", lambda: answers(socket.AF_INET, ("127.0.0.1", port))):
        yield f"http://127.0.0.1:{port}"


@contextlib.contextmanager
def fastcgi(program, environment, folder, *conf):
    """nginx, by CONF, before one process of PROGRAM, which spawn-fcgi becomes."""
    spawner, listener = need_tool("spawn-fcgi"), folder / "app.sock"
    command = [spawner, "-n", "-s", listener, "--", program]
    with child(command, environment, folder / "app.out", listener.exists) as process, \
         nginx(folder, *conf) as url:
        yield Site(f"{url}/hook", process.pid)


def nginx_fastcgi(program, environment, folder):
    """A connection a request."""
    return fastcgi(program, environment, folder, FASTCGI.format(receiver=f"unix:{folder}/app.sock"))


def nginx_fastcgi_kept(program, environment, folder):
    """Connections are kept, as in docs/recipes/nginx-fastcgi.conf."""
    return fastcgi(program, environment, folder, FASTCGI.format(receiver="app") + KEPT,
                   UPSTREAM.format(address=f"unix:{folder}/app.sock"))


@contextlib.contextmanager
def nginx_php(program, environment, folder):
    """nginx before one process of php-fpm that runs the script PROGRAM."""
    listener = str(folder / "app.sock")
    command = command_to_run(program.with_suffix(".conf"))
    script = f"\n      fastcgi_param SCRIPT_FILENAME {program};"
    location = FASTCGI.format(receiver=f"unix:{listener}") + script
    with child(command, {"BENCH_SOCKET": listener, "BENCH_FOLDER": str(folder), **environment},
               folder / "app.out", lambda: answers(socket.AF_UNIX, listener)) as process, \
         nginx(folder, location) as url:
        yield Site(f"{url}/hook", process.pid)


@contextlib.contextmanager
def nginx_node(program, environment, folder):
    """nginx before one process of Node, with connections that it keeps."""
    listener = str(folder / "app.sock")
    command = command_to_run(program)
    with child(command, {"BENCH_SOCKET": listener, **environment}, folder / "app.out",
               lambda: answers(socket.AF_UNIX, listener)) as process, \
         nginx(folder, PROXY, UPSTREAM.format(address=f"unix:{listener}")) as url:
        yield Site(f"{url}/hook", process.pid)


@contextlib.contextmanager
def nginx_webhook(program, environment, folder):
    """nginx before Debian's webhook with the hooks of PROGRAM, with connections that it keeps."""
    port = free_port()
    command = command_to_run(program, PORT=port)
    with child(command, environment, folder / "app.out",
               lambda: answers(socket.AF_INET, ("127.0.0.1", port))) as process, \
         nginx(folder, PROXY, UPSTREAM.format(address=f"127.0.0.1:{port}")) as url:
        yield Site(f"{url}/hooks/bench", process.pid)
