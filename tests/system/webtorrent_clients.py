"""Real WebTorrent clients: pages in headless Chromium, and the npm bittorrent-tracker client, which signals only.

Pages need no driver: they are told by their address what to do, and report to the server that they came from. Chromium
looks up no name and asks nobody but loopback.
"""

import base64
import contextlib
import hashlib
import json
import os
import queue
import shutil
import signal
import ssl
import subprocess
import threading
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlencode, urlsplit

import pytest

from tests.support.certificates import Certificate
from tests.support.processes import WAIT_SECONDS_MAX, Process, running
from tests.system.clients import SharedFile

FOLDER = Path(__file__).with_name("webtorrent")
BUNDLE = FOLDER / "node_modules" / "webtorrent" / "dist" / "webtorrent.min.js"
# The names that the same browser has on other systems.
CHROMIUM = next(filter(None, map(shutil.which, ("chromium", "chromium-browser", "google-chrome"))), None)
NODE = shutil.which("node")

needs_webtorrent = pytest.mark.skipif(
    not CHROMIUM or not BUNDLE.exists(),
    reason="no chromium (Debian package), or no npm packages (tools/setup)",
)
needs_npm_client = pytest.mark.skipif(
    not NODE or not BUNDLE.exists(),
    reason="no node (Debian package nodejs), or no npm packages (tools/setup)",
)

CHROMIUM_OPTIONS = (
    "--headless",
    # As root there is no other way; all pages are ours.
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-default-apps",
    "--disable-extensions",
    "--disable-sync",
    "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1, EXCLUDE ::1",
    # Peers meet on loopback, by its address: nobody resolves the names that would hide it.
    "--allow-loopback-in-peer-connection",
    "--disable-features=WebRtcHideLocalIpsWithMdns",
    # All pages but the first are in the background.
    "--disable-popup-blocking",
    "--disable-background-timer-throttling",
    "--disable-backgrounding-occluded-windows",
    "--disable-renderer-backgrounding",
)
CONTENT_TYPES = {".html": "text/html", ".js": "text/javascript"}


@dataclass(frozen=True)
class Page:
    """A WebTorrent client: its role is `seeder`, or any other name for one that downloads.

    Of two that meet, one should make offers. When each has the other's before an answer came, each drops the connection
    that the other keeps, half a minute passes until either notices, and at equal intervals all of it happens again.
    """

    role: str
    tracker: str
    shared: SharedFile
    makes_offers: bool

    def address(self) -> str:
        asked = {
            "role": self.role,
            "tracker": self.tracker,
            "name": self.shared.name,
            "piece_length": self.shared.description[b"info"][b"piece length"],
            "magnet": f"magnet:?xt=urn:btih:{self.shared.info_hash.hex()}",
            **({"offers": "yes"} if self.makes_offers else {}),
        }
        return f"page.html?{urlencode(asked)}"


@dataclass
class Reports:
    """What pages said, by role and kind. An error of any page fails whoever waits."""

    _arrived: queue.Queue[tuple[str, str, bytes]] = field(default_factory=queue.Queue)
    _unasked: list[tuple[str, str, bytes]] = field(default_factory=list)

    def add(self, role: str, kind: str, body: bytes) -> None:
        self._arrived.put((role, kind, body))

    def wait_for(self, role: str, kind: str) -> bytes:
        """What the first report of this kind said that was not waited for yet."""
        for report in self._unasked:
            if report[:2] == (role, kind):
                self._unasked.remove(report)
                return report[2]
        # Pages report every announce, so that each report alone is never long in coming.
        deadline = time.monotonic() + WAIT_SECONDS_MAX
        while True:
            try:
                report = self._arrived.get(timeout=max(0.0, deadline - time.monotonic()))
            except queue.Empty:
                raise AssertionError(f"{role} reported no {kind}, but {self._unasked}") from None
            if report[:2] == (role, kind):
                return report[2]
            assert report[1] != "error", report
            self._unasked.append(report)


@contextlib.contextmanager
def open_pages(folder: Path, pages: Sequence[Page], trusted: Certificate | None = None) -> Iterator[Reports]:
    """Pages in a browser of their own, which trusts this certificate; closed at once at the end."""
    reports = Reports()
    with _serving(pages[0].shared.content, reports) as origin:
        start = f"{origin}/pages.html?{urlencode({'page': [page.address() for page in pages]}, doseq=True)}"
        options = [*CHROMIUM_OPTIONS, f"--user-data-dir={folder / 'chromium'}"]
        if trusted is not None:
            options.append(f"--ignore-certificate-errors-spki-list={_key_hash(trusted)}")
        with running([CHROMIUM or "", *options, start], start_new_session=True) as process:
            try:
                yield reports
            finally:
                # Its processes are many, and the first may be none of its own.
                os.killpg(process.popen.pid, signal.SIGKILL)


@contextlib.contextmanager
def _serving(content: bytes, reports: Reports) -> Iterator[str]:
    class Handler(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = urlsplit(self.path).path.removeprefix("/")
            files = {"webtorrent.min.js": BUNDLE, **{path.name: path for path in FOLDER.glob("page*")}}
            if name != "content" and name not in files:
                self.send_error(404)
                return
            body = content if name == "content" else files[name].read_bytes()
            self.send_response(200)
            self.send_header("Content-Type", CONTENT_TYPES.get(Path(name).suffix, "application/octet-stream"))
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def do_POST(self) -> None:
            _, role, kind = self.path.removeprefix("/").split("/")
            reports.add(role, kind, self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(204)
            self.end_headers()

        def log_message(self, format: str, *arguments: Any) -> None:  # noqa: A002 -- the base class's name
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        server.daemon_threads = True
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def _key_hash(certificate: Certificate) -> str:
    """What Chromium knows a certificate's public key by."""
    command = ["openssl", "x509", "-in", str(certificate.certificate), "-pubkey", "-noout"]
    pem = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    key = ssl.PEM_cert_to_DER_cert(pem.replace("PUBLIC KEY", "CERTIFICATE"))
    return base64.b64encode(hashlib.sha256(key).digest()).decode()


class NpmClients:
    """Clients of the npm package in one process: those with the same tracker share a connection."""

    def __init__(self, process: Process) -> None:
        self._process = process

    def call(self, name: str, method: str, **options: object) -> None:
        """Call a method of the client of that name; `new` makes it."""
        stdin = self._process.popen.stdin
        assert stdin is not None
        stdin.write(json.dumps({"name": name, "method": method, "options": options}) + "\n")
        stdin.flush()

    def wait_for(self, name: str, event: str) -> Any:
        """The data of the next such event; those before it are passed over."""
        line = self._process.wait_for_line(f'{{"name":"{name}","event":"{event}"')
        return json.loads(line).get("data")

    def add(self, name: str, info_hash: bytes, peer_id: bytes, announce_url: str) -> None:
        self.call(name, "new", infoHash=info_hash.hex(), peerId=peer_id.hex(), announce=[announce_url])


@contextlib.contextmanager
def npm_clients(trusted: Certificate | None = None) -> Iterator[NpmClients]:
    """A process that ends when its input does."""
    options: dict[str, Any] = {"stdin": subprocess.PIPE, "cwd": FOLDER}
    if trusted is not None:
        options["env"] = {**os.environ, "NODE_EXTRA_CA_CERTS": str(trusted.certificate)}
    with running([NODE or "", "tracker_client.js"], **options) as process:
        assert process.popen.stdin is not None
        with process.popen.stdin:
            yield NpmClients(process)
