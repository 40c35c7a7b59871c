#!/usr/bin/env python3
"""Has an SP that nobody here wrote judged by `mpss sp-conformance`, and judges the judgement.

usage: sp_conformance_peer.py MPSS [--only good|flawed]

MPSS is the built program. Its sandbox is started, and an SP in this process, whose signatures are made and checked by
http-message-signatures, is connected to it. A good SP has to pass every case; one with a flaw has to fail the cases
that are about its flaw, and no other. The libraries are installed into a virtual environment of their own; nothing is
left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import contextlib
import datetime
import http.client
import itertools
import json
import os
import secrets
import subprocess
import sys
import textwrap
import threading
import typing

# The tree stays as it was.
sys.dont_write_bytecode = True

from play import Report, Wrong, dies_with_its_parent, expect, json_door, play, until
from sp_signature_peer import COVERED, LIBRARIES, Message, OneKey, algorithms

NOTICES, DRIVER = "/notices", "/driver"
# What the platform has to cover, and to say, in each signature; and how old one may be.
COVERED_BY_PLATFORM, PARAMETERS = COVERED[:4], {"created", "keyid", "alg", "nonce"}
AGE_MAX = datetime.timedelta(minutes=5)
# What a notice may have; only an SP that stumbles over others looks at it.
KNOWN_MEMBERS = set(
    "notice_id event_number kind order_id sp_id product_id title application quantity amount bill_number draw_id "
    "recipient serving_province msisdn_masked deliver_by".split()
)
# Not an answer for good: to be asked again.
ASK_AGAIN = (429, 503, 504)
# The pause before that, when the platform names none, and the longest that it may name; in s.
PAUSE, PAUSE_MAX = 0.3, 5
# How long one answer is waited for, how long the sandbox may take to start, and a run of the cases at most; in s.
ANSWER, START, RUN = 20, 120, 1_200
EVENTS_IN_A_PAGE = 2

TOLD = "accepted again answer-lost several cancel unknown-members next-key"
FORGED = "unsigned body key unknown-key old target digest-not-covered no-digest replayed"
ASKED = "charge answer-lost not-now over-a-crash refund reversal events signed nonces request-ids"


def cases(group, names):
    return [f"{group}-{name}" for name in names.split()]


EVERY_CASE = cases("told", TOLD) + cases("forged", FORGED) + cases("asked", ASKED)
# The only one whose failure alone is not the SP's failure.
SHOULD = {"forged-replayed"}


# --- The SP -------------------------------------------------------------------------------------------------


class Asked(typing.NamedTuple):
    """A signed request, and what it carries."""

    message: Message
    content: bytes | None


class Sp:
    """A good SP. What it does at its own door and what it asks of the platform; flaws replace one method."""

    def __init__(self, ready):
        self.key, self.node = ready["key"], ready["url"].removeprefix("http://")
        self.shown = ready["platform_keys"]
        self.lock, self.reading, self.ended = threading.Lock(), threading.Lock(), threading.Event()
        self.nonces, self.delivered, self.cancelled = set(), set(), set()
        self.last_event = 0
        self.works, self.refused, self.faults = [], [], []

    def end(self):
        """Nothing is asked any more after this."""
        self.ended.set()
        for work in self.works:
            work.join(ANSWER)

    # Told by the platform.

    def told(self, target, headers, body):
        with self.lock:
            try:
                self.prove(target, headers, body)
            except Exception as fault:
                self.refused.append(repr(fault))
                return 401, {}
            try:
                answers = [self.taken(notice) for notice in json.loads(body)["notices"]]
            except (ValueError, KeyError, TypeError) as fault:
                self.refused.append(repr(fault))
                return 400, {}
        return 200, {"answers": answers}

    def prove(self, target, headers, body):
        """Raises unless the platform signed this, just now, for this door, and for the first time."""
        from http_message_signatures import HTTPMessageVerifier

        keys = OneKey(public=self.trusted())
        verifier = HTTPMessageVerifier(signature_algorithm=algorithms()["ed25519"], key_resolver=keys)
        message = Message("POST", target, headers)
        [signature] = verifier.verify(message, max_age=AGE_MAX, require_components=COVERED_BY_PLATFORM)
        expect("parameters that lack", PARAMETERS - signature.parameters.keys(), set())
        self.compare(signature, body)
        if signature.nonce in self.nonces:
            raise Wrong(f"the nonce {signature.nonce} has come before")
        self.nonces.add(signature.nonce)

    def trusted(self):
        """The platform's keys, by their names."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

        return {
            key["key_id"]: Ed25519PublicKey.from_public_bytes(bytes.fromhex(key["public_key"])) for key in self.shown
        }

    def compare(self, signature, body):
        """Raises unless the body is the one whose digest was signed."""
        from http_message_signatures import HTTPMessageVerifier

        if not HTTPMessageVerifier.content_digest_class.verify_components(signature.covered_components, body):
            raise Wrong("no digest of the body was signed")

    def taken(self, notice):
        """Does what a notice says, once; the answer."""
        order, kind = notice["order_id"], notice["kind"]
        well = kind == "cancel" or (kind == "deliver" and (order in self.delivered or order not in self.cancelled))
        if well:
            (self.cancelled if kind == "cancel" else self.delivered).add(order)
        return {"order_id": order, "result": "accepted" if well else "refused"}

    # Driven by the one that judges.

    def driven(self, task):
        tasks = {
            "charge": self.charge,
            "refund": self.refund,
            "reversal": self.reverse,
            "read_events": self.read_events,
        }
        if task["task"] not in tasks:
            return 400, {}
        work = threading.Thread(target=self.work, args=(tasks[task["task"]], task), daemon=True)
        self.works.append(work)
        work.start()
        return 202, {}

    def work(self, does, task):
        try:
            does(task)
        except Exception as fault:
            self.faults.append(f"{task}: {fault}")

    def charge(self, task):
        self.ask("POST", "/v1/sp/charges", {name: task[name] for name in ("msisdn", "product_id", "quantity")})

    def refund(self, task):
        body = {"amount": task["amount"], "reason": "not as it was described"}
        self.ask("POST", f"/v1/sp/orders/{task['order_id']}/refunds", body)

    def reverse(self, task):
        self.ask("POST", f"/v1/sp/orders/{task['order_id']}/reversal", {"reason": "sold out"})

    def read_events(self, _):
        """Everything behind the last number that is known, page by page."""
        with self.reading:
            while True:
                page = self.ask("GET", f"/v1/sp/events?after={self.last_event}&limit={EVENTS_IN_A_PAGE}")
                if not page["events"]:
                    return
                self.last_event = page["events"][-1]["number"]

    # Asked of the platform.

    def ask(self, method, path, body=None):
        """Asks until there is an answer for good."""
        content = None if body is None else json.dumps(body).encode()
        asked = self.signed(method, f"http://{self.node}{path}", content, new_request_id())
        while True:
            answer, pause = self.send(asked)
            if answer:
                break
            if self.ended.wait(pause):
                raise Wrong(f"{method} {path} has no answer in the end")
            asked = self.again(asked)
        status, told = answer
        if not 200 <= status < 300:
            raise Wrong(f"{method} {path}: {status} {told}")
        return told

    def again(self, asked):
        """The same request, signed anew."""
        message, content = asked
        return self.signed(message.method, message.url, content, message.headers.get("Idempotency-Key"))

    def signed(self, method, url, content, request_id):
        from http_message_signatures import HTTPMessageSigner

        headers, covered = {}, COVERED[:2]
        if content is not None:
            headers, covered = {"Content-Type": "application/json", "Idempotency-Key": request_id}, COVERED
        message = Message(method, url, headers)
        signer = HTTPMessageSigner(
            signature_algorithm=algorithms()[self.key["algorithm"]],
            key_resolver=OneKey(private=bytes.fromhex(self.key["secret"])),
        )
        signer.sign(
            message,
            key_id=self.key["key_id"],
            nonce=secrets.token_urlsafe(18),
            label="sp",
            covered_component_ids=covered,
            body=content,
        )
        return Asked(message, content)

    def send(self, asked):
        """The answer and no pause; or no answer, and the pause before it is asked for again."""
        message, content = asked
        connection = http.client.HTTPConnection(self.node, timeout=ANSWER)
        try:
            connection.request(message.method, message.url.split(self.node, 1)[1], content, message.headers)
            answer = connection.getresponse()
            if answer.status in ASK_AGAIN:
                named = answer.getheader("Retry-After", "")
                return None, min(int(named), PAUSE_MAX) if named.isdecimal() else PAUSE
            return (answer.status, json.loads(answer.read() or b"null")), 0
        except (OSError, http.client.HTTPException, ValueError):
            return None, PAUSE
        finally:
            connection.close()


def new_request_id():
    return f"conformance-peer-{secrets.token_hex(12)}"


# --- SPs with a flaw ----------------------------------------------------------------------------------------


class Credulous(Sp):
    """believes every notice"""

    def prove(self, *_):
        pass


class Careless(Sp):
    """does not look at the body"""

    def compare(self, *_):
        pass


class Forgetful(Sp):
    """asks again under a new request id"""

    def again(self, asked):
        return self.signed(asked.message.method, asked.message.url, asked.content, new_request_id())


class Lazy(Sp):
    """uses a nonce twice"""

    def again(self, asked):
        return asked


class Unprepared(Sp):
    """knows one platform key only"""

    def __init__(self, ready):
        super().__init__(ready)
        self.shown = [key for key in self.shown if key["status"] == "signs"]


class Stubborn(Sp):
    """stumbles over members it does not know"""

    def taken(self, notice):
        if unknown := notice.keys() - KNOWN_MEMBERS:
            raise ValueError(f"what is {sorted(unknown)}?")
        return super().taken(notice)


class Deaf(Sp):
    """forgets to read events"""

    def read_events(self, _):
        pass


# --- The SP's own door --------------------------------------------------------------------------------------


class Door:
    """Where the SP is told and driven. One SP after the other stands behind it."""

    def __init__(self):
        self.sp = None
        self.url = json_door(self.answer)

    def answer(self, url, headers, body):
        if self.sp is None:
            return 503, {}
        if url == self.url + DRIVER:
            return self.sp.driven(json.loads(body))
        return self.sp.told(url, headers, body)


# --- The program under test ---------------------------------------------------------------------------------


class Sandbox:
    """The sandbox of the program under test, as a child."""

    def __init__(self, program, folder, notice_url):
        self.ready_file, self.log_file = (os.path.join(folder, name) for name in ("ready.json", "sandbox.log"))
        with open(self.log_file, "wb") as log:
            self.process = subprocess.Popen(
                [program, "sandbox", "--notice-url", notice_url, "--ready-file", self.ready_file],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dies_with_its_parent,
            )
        try:
            self.ready = until("the sandbox is ready", START, self.look)
        except BaseException:
            self.end()
            raise

    def look(self):
        if self.process.poll() is not None:
            raise Wrong(f"the sandbox has ended with {self.process.returncode}\n{self.log()}")
        # A file that is being written is as good as none.
        with contextlib.suppress(FileNotFoundError, ValueError), open(self.ready_file) as file:
            return json.load(file)

    def log(self):
        with open(self.log_file, errors="replace") as log:
            return "--- the sandbox, last lines:\n" + "".join(log.readlines()[-40:])

    def end(self):
        self.process.terminate()
        try:
            self.process.wait(30)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()


class Play(typing.NamedTuple):
    """An SP that is judged, the cases it is judged by, and those that it must not pass."""

    sp: type[Sp]
    patience: int
    only: list[str]
    not_passed: set[str] = frozenset()
    # It may pass these or not.
    either: set[str] = frozenset()
    # Why those are not passed, when there is but one way.
    verdict: str | None = None


GOOD = Play(Sp, 30, EVERY_CASE)


def flawed(sp, not_passed, others, **how):
    return Play(sp, 10, [*others.split(), *not_passed, *how.get("either", ())], set(not_passed), **how)


FLAWED = [
    flawed(Credulous, cases("forged", FORGED), "told-accepted told-again asked-charge"),
    flawed(Careless, ["forged-body"], "told-accepted forged-unsigned forged-key forged-no-digest"),
    flawed(
        Forgetful,
        cases("asked", "answer-lost not-now over-a-crash refund"),
        "told-accepted asked-charge asked-signed",
    ),
    flawed(Lazy, ["asked-nonces"], "told-accepted asked-charge", either={"asked-answer-lost", "asked-not-now"}),
    flawed(Unprepared, ["told-next-key"], "told-accepted told-again asked-charge"),
    flawed(Stubborn, ["told-unknown-members"], "told-accepted told-several told-cancel"),
    flawed(Deaf, ["asked-events"], "told-accepted asked-charge", verdict="not_shown"),
]


class Judgement(typing.NamedTuple):
    """What the program under test says of an SP."""

    code: int
    cases: dict
    text: str


def conform(program, sandbox, door, played, folder):
    """Has the SP behind the door judged."""
    told, shown = (os.path.join(folder, f"{played.sp.__name__}.{kind}") for kind in ("json", "html"))
    command = [program, "sp-conformance", "--sandbox", sandbox.ready["url"], "--driver", door.url + DRIVER]
    command += ["--json", told, "--html", shown, "--patience-s", str(played.patience)]
    if played is not GOOD:
        command += ["--only", ",".join(played.only)]
    done = subprocess.run(
        command, stdin=subprocess.DEVNULL, capture_output=True, text=True, timeout=RUN, preexec_fn=dies_with_its_parent
    )
    if not os.path.exists(told):
        raise Wrong(f"no report, exit code {done.returncode}\n{done.stdout}{done.stderr}")
    with open(told) as file:
        judged = {case["id"]: case for case in json.load(file)["cases"]}
    with open(shown) as file:
        expect("how the page begins", file.read(15).lower(), "<!doctype html>")
    return Judgement(done.returncode, judged, done.stdout)


def judge(played, judgement):
    """Raises unless the judgement is the one that this SP deserves; the cases it did not pass."""
    lacking = set(played.only) - judgement.cases.keys()
    expect("cases that are not in the report", lacking, set())
    levels = {name: judgement.cases[name]["level"] for name in played.only}
    expect("levels", levels, {name: "should" if name in SHOULD else "must" for name in played.only})
    not_passed = {name for name in played.only if judgement.cases[name]["verdict"] != "passed"}
    if otherwise := (not_passed ^ played.not_passed) - played.either:
        seen = "".join(
            f"\n  {name}: {case['verdict']}, {case['seen']}"
            for name, case in judgement.cases.items()
            if name in otherwise
        )
        raise Wrong(f"judged otherwise (exit code {judgement.code}):{seen}")
    if played.verdict:
        verdicts = {name: judgement.cases[name]["verdict"] for name in played.not_passed}
        expect("why they are not passed", verdicts, dict.fromkeys(played.not_passed, played.verdict))
    expect("the exit code", judgement.code, 1 if not_passed - SHOULD else 0)
    return [name for name in played.only if name in not_passed]


def run(arguments, folder):
    report = Report()
    with contextlib.ExitStack() as ending:
        door = Door()
        sandbox = Sandbox(arguments.mpss, folder, door.url + NOTICES)
        ending.callback(sandbox.end)

        def judged(played):
            door.sp = played.sp(sandbox.ready)
            try:
                judgement = conform(arguments.mpss, sandbox, door, played, folder)
            finally:
                door.sp.end()
            if played is GOOD:
                print(textwrap.indent(judgement.text, "    "), flush=True)
                expect("cases in the report", sorted(judgement.cases), sorted(EVERY_CASE))
            return judge(played, judgement)

        def good():
            judged(GOOD)
            return f"{len(EVERY_CASE)} cases passed"

        def with_a_flaw(played):
            return f"not passed: {', '.join(judged(played))}"

        lines = []
        if arguments.only != "flawed":
            lines.append(("a good SP", good))
        if arguments.only != "good":
            lines += [(f"one that {played.sp.__doc__}", lambda played=played: with_a_flaw(played)) for played in FLAWED]
        for title, line in lines:
            failed = report.failed
            report.line(title, line)
            if report.failed > failed and door.sp:
                for fault in itertools.chain(door.sp.refused[-20:], door.sp.faults[-20:]):
                    print(f"  the SP: {fault}", file=sys.stderr)
        if report.failed:
            print(sandbox.log(), file=sys.stderr)
    return report.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mpss")
    parser.add_argument("--only", choices=["good", "flawed"])
    arguments = parser.parse_args()
    play(parser, arguments, LIBRARIES, run)


if __name__ == "__main__":
    main()
