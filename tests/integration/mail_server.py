"""A mail server on loopback, which keeps what it gets: aiosmtpd, with TLS, a login, and answers by script."""
import asyncio
import logging
import pathlib
import ssl
import subprocess
import sys
import threading
import warnings

try:
    import aiosmtpd.smtp as smtp
except ImportError:  # Debian's package, where the Python of the PATH is another
    sys.path.append("/usr/lib/python3/dist-packages")
    import aiosmtpd.smtp as smtp

logging.getLogger("mail.log").propagate = False
logging.getLogger("mail.log").addHandler(logging.NullHandler())
warnings.filterwarnings("ignore", module="aiosmtpd")
USER, PASSWORD = "ci@kite.example", "planted pass wörd"


def certificate(folder, name):
    """A certificate for NAME in FOLDER, by an authority of its own: (authority, certificate, key)."""
    folder = pathlib.Path(folder)

    def openssl(*words):
        subprocess.run(["openssl", *words], cwd=folder, check=True, capture_output=True)

    openssl("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-keyout", "ca.key", "-out",
            "ca.crt", "-subj", "/CN=kite authority")
    openssl("req", "-newkey", "rsa:2048", "-nodes", "-keyout", "mail.key", "-out", "mail.csr", "-subj",
            f"/CN={name}")
    (folder / "ext").write_text(f"subjectAltName=DNS:{name}\n", encoding="utf-8")
    openssl("x509", "-req", "-in", "mail.csr", "-CA", "ca.crt", "-CAkey", "ca.key", "-CAcreateserial",
            "-days", "2", "-extfile", "ext", "-out", "mail.crt")
    return tuple(folder / file for file in ("ca.crt", "mail.crt", "mail.key"))


class Mail:
    """One that arrived."""

    def __init__(self, session, envelope):
        self.sender, self.recipients = envelope.mail_from, envelope.rcpt_tos
        self.content = envelope.original_content
        self.login = getattr(session, "login", None)


class _Smtp(smtp.SMTP):
    """Says what the script has for a command instead of doing it."""

    def __init__(self, script, *words, **options):
        super().__init__(*words, **options)
        self.script, self.has_greeted = script, False

    async def push(self, status):
        if not self.has_greeted:
            self.has_greeted = True
            status = self.script.get("greeting", status)
        await super().push(status)


def _scripted(name):
    async def command(self, arg):
        if name in self.script and self.script[name]:
            await self.push(self.script[name])
        elif name in self.script:
            await asyncio.sleep(30)  # without a word
        else:
            await getattr(smtp.SMTP, f"smtp_{name}")(self, arg)
    return command


for _name in ("EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"):
    setattr(_Smtp, f"smtp_{_name}", _scripted(_name))


class MailServer:
    """
    TLS is "smtps", "starttls" or None. SCRIPT: an answer for a command by its name, for "greeting", and for
    "end", the final dot, None for none at all; "cut": nobody hears whether the mail was taken. REFUSED:
    addresses that nobody has.
    """

    def __init__(self, tls=None, files=None, with_login=False, script=None, refused=()):
        self.mails, self.script, self.refused = [], script if script is not None else {}, refused
        self._loop = asyncio.new_event_loop()
        context = None
        if tls:
            context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
            context.load_cert_chain(*files)
        is_starttls = tls == "starttls"

        def session():
            return _Smtp(self.script, self, hostname="mail.kite.example", loop=self._loop,
                         tls_context=context if is_starttls else None,
                         require_starttls=is_starttls,
                         authenticator=self._authenticate if with_login else None,
                         auth_required=with_login, auth_require_tls=is_starttls)

        self._server = self._loop.run_until_complete(self._loop.create_server(
            session, "127.0.0.1", 0, ssl=context if tls == "smtps" else None))
        self.port = self._server.sockets[0].getsockname()[1]
        self._thread = threading.Thread(target=self._loop.run_forever, daemon=True)

    async def handle_RCPT(self, _server, _session, envelope, address, _options):
        if address in self.refused:
            return f"550 5.1.1 nobody is {address.partition('@')[0]}: <{address}>"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 Ok"

    async def handle_DATA(self, server, session, envelope):
        self.mails.append(Mail(session, envelope))
        if "cut" in self.script:
            server.transport.abort()
        return self.script.get("end", "250 2.0.0 taken")

    @staticmethod
    def _authenticate(_server, session, _envelope, _mechanism, data):
        session.login = data.login.decode(), data.password.decode()
        return smtp.AuthResult(success=session.login == (USER, PASSWORD), handled=False)

    def __enter__(self):
        self._thread.start()
        return self

    def __exit__(self, *_):
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join(10)
        self._server.close()
