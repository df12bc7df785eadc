"""Web servers, each a child in the foreground on a free loopback port, configured by its recipe in
docs/recipes.

A recipe is used as it is, with the paths of PATHS replaced: what a user copies is what is tested. conf/ has
the stand-ins for the main configuration files of the distribution.
"""
import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import time

from common import CONF, ROOT, fill

RECIPES = ROOT / "docs" / "recipes"
APACHE_MODULES = pathlib.Path("/usr/lib/apache2/modules")
MODULES_OF_LIGHTTPD = pathlib.Path("/usr/lib/lighttpd")


def paths(folder, build, config):
    """What stands in a recipe, and what stands there in a test."""
    return {
        "/usr/lib/kitehook/": f"{build}/",
        "/etc/kitehook/kitehook.yml": str(config),
        "/run/kitehook/kitehook.sock": f"{folder}/fcgi.sock",
        "/run/lighttpd/kitehook.sock": f"{folder}/lighttpd.sock",
        "/var/log/lighttpd/kitehook.log": f"{folder}/breakage.log",
    }


def find(program):
    return shutil.which(program, path=os.environ.get("PATH", "") + ":/usr/sbin:/usr/local/sbin")


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def end(child):
    """Ends a child of ours, politely first."""
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
        try:
            child.wait(10)
        except subprocess.TimeoutExpired:
            child.kill()
            child.wait()


class Server:
    name = ""       # of the recipe, and of the transport in fixtures/wire
    transport = ""  # as kitehook logs it
    programs = ()
    files = ()
    settings = ""   # the stand-in in conf/

    def missing(self):
        """Why it cannot run here; None when it can."""
        for program in self.programs:
            if not find(program):
                return f"{program} is not installed"
        for path in self.files:
            if not path.exists():
                return f"{path} does not exist"
        return None

    def start(self, folder, build, config):
        self.folder, self.build, self.config = folder, build, config
        self.children = []
        for name in ("www", "run", "upload", "tmp"):
            (folder / name).mkdir(parents=True, exist_ok=True)
        self.copy_recipe(self.name, "recipe.conf")
        for attempt in range(3):  # somebody else may take the port in between
            self.port = free_port()
            self.write_settings()
            self.launch()
            if self.answers():
                return self
            self.stop()
        raise RuntimeError(f"{self.name} does not start: " + self.tail())

    def copy_recipe(self, name, to):
        text = (RECIPES / f"{name}.conf").read_text(encoding="utf-8")
        for path, here in paths(self.folder, self.build, self.config).items():
            text = text.replace(path, here)
        (self.folder / to).write_text(text, encoding="utf-8")

    def write_settings(self):
        (self.folder / "main.conf").write_text(fill(CONF / self.settings, **self.values()), encoding="utf-8")

    def values(self):
        return {"DIR": self.folder, "PORT": self.port}

    def run(self, command, **environment):
        with open(self.folder / "stderr", "ab") as errors:
            child = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=errors, stderr=errors,
                                     env={"PATH": os.environ.get("PATH", ""), **environment})
        self.children.append(child)

    def answers(self):
        end_at = time.monotonic() + 10
        while time.monotonic() < end_at:
            if any(child.poll() is not None for child in self.children):
                return False
            try:
                with socket.create_connection(("127.0.0.1", self.port), timeout=1):
                    return True
            except OSError:
                time.sleep(0.02)
        return False

    def tail(self, length=2000):
        text = ""
        for name in ("stderr", "error.log", "breakage.log"):
            path = self.folder / name
            if path.exists():
                text += path.read_text(encoding="utf-8", errors="replace")[-(length or 0):]
        return text

    def crashes(self):
        """What a sanitizer or a crash left in the logs, where this server passes standard error on."""
        return [line for line in self.tail(None).split("\n")
                if re.search("Sanitizer|runtime error:|core dump|signal 11", line)]

    def stop(self):
        for child in reversed(self.children):
            end(child)
        self.children = []


class Lighttpd(Server):
    programs = ("lighttpd",)
    settings = "lighttpd.conf"

    def launch(self):
        self.run([find("lighttpd"), "-D", "-f", str(self.folder / "main.conf")])


class LighttpdCgi(Lighttpd):
    name, transport = "lighttpd-cgi", "cgi"
    files = (MODULES_OF_LIGHTTPD / "mod_cgi.so",)


class LighttpdFastcgi(Lighttpd):
    name, transport = "lighttpd-fastcgi", "fastcgi"


class Apache(Server):
    programs = ("apache2",)
    settings = "apache.conf"
    modules = ()
    more = ""

    @property
    def files(self):
        return tuple(APACHE_MODULES / f"mod_{module}.so" for module in self.modules)

    def values(self):
        load = "\n".join(f"LoadModule {module}_module {APACHE_MODULES}/mod_{module}.so"
                         for module in self.modules)
        return {**super().values(), "MODULES": APACHE_MODULES,
                "LOAD": load + "\n" + self.more.replace("@DIR@", str(self.folder))}

    def launch(self):
        self.run([find("apache2"), "-DFOREGROUND", "-f", str(self.folder / "main.conf")])


class ApacheCgi(Apache):
    name, transport = "apache-cgi", "cgi"
    modules = ("cgid",)
    more = "ScriptSock @DIR@/cgid.sock"


class ApacheFcgid(Apache):
    name, transport = "apache-fcgid", "fastcgi"
    modules = ("fcgid",)
    more = "FcgidIPCDir @DIR@/run\nFcgidProcessTableFile @DIR@/run/fcgid.shm"


class Spawned:
    """A kitehook.fcgi of its own, on a socket, by spawn-fcgi."""

    def launch(self):
        socket_path = self.folder / "fcgi.sock"
        socket_path.unlink(missing_ok=True)
        self.run([find("spawn-fcgi"), "-n", "-s", str(socket_path), "--", str(self.build / "kitehook.fcgi")],
                 KITEHOOK_CONFIG=str(self.config))
        super().launch()

    def answers(self):
        return super().answers() and (self.folder / "fcgi.sock").exists()


class ApacheProxyFcgi(Spawned, Apache):
    name, transport = "apache-proxy-fcgi", "fastcgi"
    programs = ("apache2", "spawn-fcgi")
    modules = ("proxy", "proxy_fcgi")


class LighttpdSocket(Spawned, Lighttpd):
    name, transport = "lighttpd-socket", "fastcgi"
    programs = ("lighttpd", "spawn-fcgi")


class Nginx(Server):
    programs = ("nginx", "spawn-fcgi")
    files = (pathlib.Path("/etc/nginx/fastcgi_params"),)
    settings = "nginx.conf"

    def values(self):
        return {**super().values(), "USER": "user root;" if os.geteuid() == 0 else ""}

    def launch(self):
        shutil.copy(self.files[0], self.folder)
        self.copy_recipe("nginx-upstream", "upstream.conf")
        self.run([find("nginx"), "-e", str(self.folder / "error.log"), "-c", str(self.folder / "main.conf"),
                  "-g", "daemon off;"])


class NginxFastcgi(Spawned, Nginx):
    name, transport = "nginx-fastcgi", "fastcgi"


ALL = (LighttpdCgi, LighttpdFastcgi, LighttpdSocket, ApacheCgi, ApacheFcgid, ApacheProxyFcgi, NginxFastcgi)
