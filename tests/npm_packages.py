"""npm packages for a check: the ones of a package-lock.json, in a folder outside the sources."""
import os
import shutil
import subprocess
import sys

INSTALL_TIMEOUT_S = 180


def not_run(reason):
    """Ends the check."""
    print(f"not run: {reason}")
    sys.exit(0)


def install(here, folder, sources):
    """Copies SOURCES, names of files of HERE, to FOLDER, and fills its node_modules, once for each version of
    the lock file."""
    folder.mkdir(parents=True, exist_ok=True)
    for name in ("package.json", "package-lock.json", *sources):
        shutil.copyfile(here / name, folder / name)
    lock = (here / "package-lock.json").read_bytes()
    done = folder / "installed.lock"
    if done.is_file() and done.read_bytes() == lock:
        return
    if not shutil.which("npm") or not shutil.which("node"):
        not_run("npm is not installed")
    command = ["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
    environment = dict(os.environ, npm_config_update_notifier="false")
    try:
        result = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True,
                                timeout=INSTALL_TIMEOUT_S, check=False)
    except subprocess.TimeoutExpired:
        not_run(f"npm ci took longer than {INSTALL_TIMEOUT_S} s")
    if result.returncode != 0:
        last = (result.stderr.strip().splitlines() or ["no reason given"])[0]
        not_run(f"npm ci failed: {last}")
    done.write_bytes(lock)
