"""What every outside peer has in common: an environment of its own, waiting, a report, and an end.

Nobody starts this file; the scripts beside it do what they have to do with it.
"""

import ctypes
import http.server
import importlib.util
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import venv

# Where the environment of a script that was started again there is.
HOME = "MPSS_PEER_HOME"

# Set when the script is told to end: nothing is waited for any more.
told_to_end = threading.Event()


class Wrong(Exception):
    """Something is not as it must be."""


def expect(what, got, wanted):
    if got != wanted:
        raise Wrong(f"{what}: {got!r}, and must be {wanted!r}")


def until(what, seconds, look):
    """Looks until there is something, or the time is over."""
    end = time.monotonic() + seconds
    while True:
        found = look()
        if found:
            return found
        if told_to_end.is_set() or time.monotonic() > end:
            raise Wrong(f"not within {seconds} s: {what}")
        time.sleep(0.1)


def dies_with_its_parent(number=signal.SIGKILL):
    """Linux ends a process whose parent is gone, so that nothing goes on when this script is ended hard."""
    pr_set_pdeathsig = 1
    ctypes.CDLL(None).prctl(pr_set_pdeathsig, number)


def json_door(answer):
    """The address of a door at which JSON is posted: `answer(url, headers, body)` gives a status and what is said. The
    URL begins with the door's own address, not with the word of whoever asks."""

    class Server(http.server.ThreadingHTTPServer):
        def handle_error(self, request, client_address):
            # Whoever asks may hang up before the answer: some cases do.
            if not isinstance(sys.exc_info()[1], OSError):
                super().handle_error(request, client_address)

    class Handler(http.server.BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def log_message(self, *_):
            pass

        def do_POST(self):
            body = self.rfile.read(int(self.headers.get("content-length", 0)))
            status, said = answer(own + self.path, self.headers, body)
            text = json.dumps(said).encode()
            self.send_response(status)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(text)))
            self.end_headers()
            self.wfile.write(text)

    server = Server(("127.0.0.1", 0), Handler)
    own = f"http://127.0.0.1:{server.server_address[1]}"
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return own


class Report:
    def __init__(self):
        self.failed = self.passed = 0
        self.begun = time.monotonic()

    def line(self, title, work):
        """Does it, and says how it went; what it came to, nothing when it went wrong."""
        try:
            result = work()
        except Exception as error:
            self.failed += 1
            what = error if isinstance(error, Wrong) else repr(error)
            print(f"✗ {title}: {what}", flush=True)
            return None
        self.passed += 1
        told = result[1] if isinstance(result, tuple) else result
        print(f"✓ {title}: {told}", flush=True)
        return result

    def end(self):
        print(f"{self.passed} passed, {self.failed} failed, {time.monotonic() - self.begun:.0f} s")
        return 1 if self.failed else 0


def with_libraries(requirements):
    """Has the libraries, by the module that each brings: if need be in an environment of their own, in which this very
    script is started again. Nothing of it is left behind."""
    if all(importlib.util.find_spec(module) for module in requirements):
        return
    if os.environ.get(HOME):
        raise ImportError(f"{os.environ[HOME]} lacks one of {sorted(requirements)}")
    home = tempfile.mkdtemp(prefix="mpss-peer-")
    try:
        venv.create(home, with_pip=True)
        python = os.path.join(home, "bin", "python")
        subprocess.run([python, "-m", "pip", "install", "--quiet", *requirements.values()], check=True)
        code = subprocess.run([python, *sys.argv], env={**os.environ, HOME: home}).returncode
    finally:
        shutil.rmtree(home, ignore_errors=True)
    sys.exit(code)


def ended(number, _):
    told_to_end.set()
    sys.exit(128 + number)


def play(parser, arguments, requirements, run):
    """Plays `run(arguments, folder)` against the program `arguments.mpss`, and ends with its exit code."""
    if not os.access(arguments.mpss, os.X_OK):
        parser.error(f"{arguments.mpss} can not be run")
    arguments.mpss = os.path.abspath(arguments.mpss)
    # Whoever ends this script softly ends everything below it.
    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, ended)
    with_libraries(requirements)
    dies_with_its_parent(signal.SIGTERM)
    # Inside the environment's own folder, which goes with it even when this process is ended hard.
    with tempfile.TemporaryDirectory(prefix="mpss-peer-", dir=os.environ.get(HOME) or None) as folder:
        try:
            code = run(arguments, folder)
        except Wrong as wrong:
            # Nothing could be played.
            code = f"✗ {wrong}"
    sys.exit(code)
