"""Pictures of pages, by chromium without a window."""
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

TIMEOUT_S, COLOURS = 120, 128
# The page says how high it is; a picture of another height would be cut, or end in nothing.
HEIGHT = "<script>document.body.dataset.height = " \
         "Math.ceil(document.body.getBoundingClientRect().bottom) + 16;</script>"


def draw(page, target, width):
    """TARGET becomes a PNG of PAGE, HTML, WIDTH pixels wide; pngquant, where it is, makes it smaller."""
    browser = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not browser:
        sys.exit("no chromium: apt-get install chromium fonts-noto-core fonts-noto-color-emoji pngquant")
    with tempfile.TemporaryDirectory() as folder:
        path = pathlib.Path(folder) / "page.html"
        path.write_text(page + HEIGHT, encoding="utf-8")
        command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars",
                   f"--user-data-dir={folder}/profile"]
        done = subprocess.run([*command, f"--window-size={width},600", "--dump-dom", path.as_uri()],
                              timeout=TIMEOUT_S, check=True, capture_output=True, text=True)
        height = re.search(r'data-height="(\d+)"', done.stdout).group(1)
        subprocess.run([*command, f"--window-size={width},{height}", f"--screenshot={target}", path.as_uri()],
                       timeout=TIMEOUT_S, check=True, capture_output=True)
    if shutil.which("pngquant"):
        subprocess.run(["pngquant", "--force", "--output", str(target), str(COLOURS), str(target)],
                       timeout=TIMEOUT_S, check=True)
