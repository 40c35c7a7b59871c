#!/usr/bin/env python3
"""Spends a day with an SMS centre that nobody here wrote: SMPP by the npm package smpp, handsets and clocks its own.

usage: smsc_peer.py MPSS [--subscribers N]

MPSS is the built program. A province of three replicas is started with it, as an operator would. Subscribers open
accounts, are topped up, buy, ask, freeze, pay and confirm, by text wherever they can; the centre loses a fifth of its
answers, half of them after it has taken the message, drops the line now and then, repeats receipts and what
subscribers send, and is too busy at times; the node that leads is killed once. In the end every text of the province's
audit must have reached the handset it was for exactly once, and nothing else may have. The package is installed into a
folder of its own by npm ci; nothing is left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import http.client
import json
import os
import re
import shutil
import subprocess
import sys
import time

# The tree stays as it was.
sys.dont_write_bytecode = True

from bank_peer import Province, expect_all
from play import Report, Wrong, dies_with_its_parent, expect, play, until

HERE = os.path.dirname(os.path.abspath(__file__))
SYSTEM_ID, SECRET, SOURCE = "mpss44", "secret08", "11888"
PASSWORD, OTHER_PASSWORD = "482913", "591837"
PRICE = "12.30"
SOON = 60
# Shares of the centre's answers that are lost, before and after it has taken the message, and what else it does.
BAD_DAY = {
    "lostBefore": 0.1,
    "lostAfter": 0.1,
    "throttled": 0.03,
    "slow": 0.01,
    "slowMs": 12_000,
    "repeated": 0.15,
    "dropEveryMs": 9_000,
}
GOOD_DAY = {"lostBefore": 0, "lostAfter": 0, "throttled": 0, "slow": 0, "dropEveryMs": 0}


class Centre:
    """The SMS centre, or whatever stands in its place: a process of Node.js."""

    def __init__(self, folder, name="smsc", arguments=(SYSTEM_ID, SECRET, SOURCE)):
        if not shutil.which("node") or not shutil.which("npm"):
            raise Wrong("node and npm are needed, and are not installed")
        package, program = os.path.split(name) if "/" in name else (name, name)
        home = os.path.join(folder, package)
        shutil.copytree(os.path.join(HERE, package), home, ignore=shutil.ignore_patterns("node_modules"))
        cache = os.path.join(os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"), "mpss-npm")
        done = subprocess.run(
            ["npm", "ci", "--no-audit", "--no-fund", "--ignore-scripts", "--cache", cache],
            cwd=home,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
        )
        if done.returncode:
            raise Wrong(f"npm ci: {done.stdout[-500:]}{done.stderr[-500:]}")
        self.log = open(os.path.join(folder, f"{program}.log"), "wb")
        self.process = subprocess.Popen(
            ["node", f"{program}.js", *arguments],
            cwd=home,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=self.log,
            preexec_fn=dies_with_its_parent,
        )
        line = self.process.stdout.readline()
        if not line:
            raise Wrong(f"{program} has ended before it listened")
        self.ports = json.loads(line)

    def ask(self, method, path, body=None):
        connection = http.client.HTTPConnection("127.0.0.1", self.ports["control"], timeout=30)
        try:
            connection.request(method, path, None if body is None else json.dumps(body))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        expect(f"{method} {path}", answer.status, 200)
        return json.loads(text)

    def seen(self):
        return self.ask("GET", "/seen")

    def behaves(self, manner):
        self.ask("PUT", "/manner", manner)

    def end(self):
        self.process.kill()
        self.process.wait()
        self.log.close()


class Country(Province):
    """Three replicas and an SP, with the centre instead of a simulator's."""

    def __init__(self, program, folder, centre):
        self.centre = centre
        super().__init__(program, folder, "")

    def simulator(self, kind):
        return super().simulator(kind) if kind == "sp" else "127.0.0.1:1"

    def settings(self, number, addresses):
        settings = super().settings(number, addresses)
        settings = settings.replace(f'sms_url = "http://{self.sms}/messages"', "pause_min_ms = 50\npause_max_ms = 500")
        settings = settings.replace("heartbeat_ms = 300", "heartbeat_ms = 150\nstate_version_max = 4")
        settings = settings.replace("election_min_ms = 3000", "election_min_ms = 1200")
        settings = settings.replace("election_max_ms = 6000", "election_max_ms = 2400")
        return settings + self.way(addresses[number - 1])

    def way(self, public):
        """By which way texts go, for the node whose callers' door is at `public`."""
        return f"""
[smpp]
address = "127.0.0.1:{self.centre.ports["smpp"]}"
system_id = "{SYSTEM_ID}"
password = "{SECRET}"
source = "{SOURCE}"
source_extension_digits = 1
answer_deadline_ms = 1500
enquire_link_ms = 1000
reconnect_min_ms = 100
reconnect_max_ms = 1000
receipt_wait_ms = 2500
give_up_ms = 300000
receipt_overdue_ms = 20000
"""

    def audit(self, msisdn):
        return self.must("GET", f"/v1/texts?msisdn={msisdn}&limit=500")

    def totals(self):
        return self.must("GET", "/v1/texts")["totals"]

    def leader(self):
        status, seen = self.once(self.nodes[0], "GET", "/v1/cluster")
        return seen.get("leader") if status == 200 else None


# What each text says, in Chinese and English.
TEXTS = {
    "opened": r"您的虚拟账户已开通|account is open",
    "topped up": r"充值100\.00元成功|100\.00 yuan topped up",
    "bought": r"支付12\.30元成功|You paid 12\.30 yuan",
    "accounts": r"虚拟账户(正常|已冻结)，可用余额|stored-value account (active|frozen), available",
    "frozen": r"虚拟账户已冻结，冻结期间|account is frozen",
    "thawed": r"虚拟账户已解冻|no longer frozen",
    "sent": r"您向\d{3}\*{4}\d{4}转帐|You sent",
    "received": r"向您转帐|sent you",
    "help": r"可发送：KT 密码；.*；BZ。$|You may send: OPEN password; .*; HELP\.$",
    "code needed": r"请连同短信中的确认码|with the code of the text",
    "wrong password": r"冻结未成功：支付密码错误|FREEZE was refused: wrong password",
    "changed": r"虚拟账户已变更|account was changed",
    "statement": r"-12\.30元；.*可用余额|-12\.30 yuan; .*available",
    "not so": r"指令格式不正确|Please send: ",
    "asked": r"同意请回复Y(\d{6})|Reply Y(\d{6}) to agree",
    "declined": r"您已拒绝该笔支付|You have declined the payment",
}

OPENING = ["KT 482913", "kt482913", "ＫＴ　４８２９１３", "开通 482913", " KT#482913# ", "OPEN 482913", "Kt*482913 482913"]
ASKING = ["YE", "余额", "ye ", "ＹＥ", "BALANCE"]


class Subscriber:
    """One subscriber and the texts that must reach the handset."""

    def __init__(self, country, number, product):
        self.country, self.number, self.product = country, number, product
        self.msisdn = f"1890080{number:04}"
        self.expected = collections.Counter()
        self.account = None

    def sends(self, text):
        self.country.centre.ask("POST", "/words", {"from": self.msisdn, "text": text})

    def shown(self):
        status, body = self.country.ask("GET", f"/v1/subscribers/{self.msisdn}")
        return body["accounts"][0] if status == 200 and body["accounts"] else None

    def status(self, wanted):
        until(f"{self.msisdn} is {wanted}", SOON, lambda: (self.shown() or {}).get("status") == wanted)

    def gets(self, *texts):
        self.expected.update(texts)

    def morning(self):
        """An account is opened by text, topped up and used."""
        self.sends(OPENING[self.number % len(OPENING)])
        self.status("active")
        self.account = self.shown()["account_id"]
        body = {"method": "cash", "amount": "100.00", "agent_id": "agent-1"}
        self.country.must("POST", f"/v1/accounts/{self.account}/top-ups", body)
        body = {"msisdn": self.msisdn, "product_id": self.product, "quantity": 1, "account_kind": "virtual"}
        self.country.must("POST", "/v1/orders", body | {"payment_password": PASSWORD, "channel": "app"})
        self.gets("opened", "topped up", "bought")

    def afternoon(self, others):
        """Commands by text, other ones for each."""
        kind = self.number % 7
        if kind == 0:
            self.sends(f"DJ {PASSWORD}")
            self.status("frozen")
            self.sends(f"jd　{PASSWORD}")
            self.status("active")
            self.gets("frozen", "thawed")
        elif kind == 1:
            other = others[(self.number // 7) % len(others)]
            before = self.shown()["balance"]
            self.sends(f"ZF {other.msisdn} 1.50 {PASSWORD}")
            until("the money has left", SOON, lambda: self.shown()["balance"] != before)
            self.gets("sent")
            other.gets("received")
        elif kind == 2:
            self.sends("帮助" if self.number % 4 else "HELP")
            self.sends("MX")
            self.gets("help", "statement")
        elif kind == 3:
            self.sends("是")
            self.sends("DJ 111112")
            # Nobody understands these: help comes once.
            self.sends("你好")
            self.sends("在吗")
            self.gets("code needed", "wrong password", "help")
        elif kind == 4:
            self.sends(f"GM {PASSWORD} {OTHER_PASSWORD}")
            self.sends("ZF 5")
            self.gets("changed", "not so")
        elif kind == 5:
            self.is_asked("Y" if self.number % 2 else "n ")
        else:
            self.sends(f"XE 50 80.00 {PASSWORD}")
            until("the limits are new", SOON, lambda: self.shown()["daily_limit"] == "80.00")
            self.gets("changed")
        self.sends(ASKING[self.number % len(ASKING)])
        self.gets("accounts")


    def is_asked(self, word):
        """A shop asks for money; the subscriber reads the code on the handset and gives a word."""
        body = {"msisdn": self.msisdn, "product_id": self.product, "quantity": 1, "account_kind": "virtual"}
        body |= {"channel": "app", "confirm_by_sms": True}
        order = self.country.must("POST", "/v1/orders", body)["order_id"]

        def code():
            found = re.search(TEXTS["asked"], self.read())
            return found and (found[1] or found[2])

        self.sends(word + until(f"{self.msisdn} reads the code", SOON, code))
        ended = "delivered" if word == "Y" else "declined"
        until(f"the order is {ended}", SOON, lambda: self.country.must("GET", f"/v1/orders/{order}")["status"] == ended)
        self.gets("asked", "bought" if word == "Y" else "declined")

    def read(self):
        """All that stands on the handset, as far as it has come: parts in their order, whichever came first."""
        messages = self.country.centre.seen()["handsets"].get(self.msisdn, [])
        messages.sort(key=lambda one: (one["part"]["reference"], one["part"]["at"]) if "part" in one else (-1, 0))
        return "".join(one["text"] for one in messages)


def open_shop(country):
    url = f"http://{country.sp}/sps/peer-sp/notices"
    sp = country.must("POST", "/v1/sps", {"name": "peer-sp", "notice_url": url})["sp_id"]
    body = {"sp_id": sp, "title": "双色球", "application": "lottery", "scope": "local", "price": PRICE}
    product = country.must("POST", "/v1/products", body | {"uploaded_by": "alice"})["product_id"]
    country.must("POST", f"/v1/products/{product}/review", {"decision": "approve", "reviewed_by": "rita"})
    country.must("POST", f"/v1/products/{product}/publish", {})
    return product


def joined(arrived):
    """The texts of one handset: parts put together as a handset does. A part that comes twice is one too many."""
    texts, open_groups = [], {}
    for one in arrived:
        if "part" not in one:
            texts.append(one["text"])
            continue
        key = (one["part"]["reference"], one["part"]["of"])
        group = open_groups.setdefault(key, {})
        if one["part"]["at"] in group:
            raise Wrong(f"part {one['part']} came twice")
        group[one["part"]["at"]] = one["text"]
        if len(group) == key[1]:
            texts.append("".join(group[at] for at in sorted(group)))
            del open_groups[key]
    if open_groups:
        raise Wrong(f"parts are missing of {list(open_groups)}")
    return texts


def whole_day(country, subscribers, killed):
    failures = []

    def run(work, *arguments):
        try:
            work(*arguments)
        except Exception as error:
            failures.append(error)

    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        for one in subscribers:
            threads.submit(run, one.morning)
    if failures:
        raise failures[0]
    others = [one for one in subscribers if one.number % 7 == 2]
    with concurrent.futures.ThreadPoolExecutor(24) as threads:
        for one in subscribers:
            threads.submit(run, one.afternoon, others)
        # Here, because what a thread has started ends with it.
        run(kill_leader, country, killed)
    if failures:
        raise failures[0]
    seen = country.centre.seen()
    until("all that was sent by subscribers is done", SOON, lambda: country.centre.seen()["wordsPending"] == 0)
    return f"{len(subscribers)} subscribers, {seen['words']} commands by text; {killed[0]} was killed while it led"


def kill_leader(country, killed):
    """The node that leads ends as in a power cut, and comes back after the others have gone on without it."""
    leader = until("somebody leads", SOON, country.leader)
    name = f"node-{leader}"
    country.stop(name)
    killed.append(name)
    time.sleep(3)
    country.start(name, "serve", "--config", os.path.join(country.folder, f"{name}.toml"))


def settled(country):
    def at_rest():
        totals = country.totals()
        return totals["waiting"] + totals["sending"] + totals["sent"] == 0 and totals

    try:
        totals = until("what became of every text is known", 75, at_rest)
    except Wrong as wrong:
        raise Wrong(f"{wrong}; {country.totals()}") from None
    return ", ".join(f"{count} {fate}" for fate, count in totals.items() if count)


def behaved(seen):
    counts = seen["counts"]
    lost = counts["lostBefore"] + counts["lostAfter"]
    for what in ("lostBefore", "lostAfter", "throttled", "dropped", "receiptsAgain", "wordsAgain", "cancels"):
        if not counts[what]:
            raise Wrong(f"the centre was too kind: {what} never happened")
    expect("messages without a receipt asked for", seen["unasked"], 0)
    expect("hours for which messages are worth being delivered", seen["validityHours"], [24])
    expect("other numbers of ours", sorted(seen["sources"]), [f"{SOURCE}{digit}" for digit in range(10)])
    expect("refused binds", counts["wrongBinds"], 0)
    return (
        f"{counts['submitted']} submit_sm, {lost} unanswered ({counts['lostAfter']} of them taken), "
        f"{counts['throttled']} throttled, {counts['dropped']} lines dropped, {counts['binds']} binds, "
        f"{counts['receiptsAgain']} receipts and {counts['wordsAgain']} commands came again, "
        f"{counts['cancels']} cancel_sm ({counts['cancelled']} taken back), {counts['queries']} query_sm"
    )


def one_line(seen):
    # One that was cut off may be seen as open for a moment by the centre.
    if seen["counts"]["boundAtOnceMax"] > 2:
        raise Wrong(f"{seen['counts']['boundAtOnceMax']} lines at once")
    expect("lines now", seen["bound"], 1)
    return "only who leads holds the line"


def exactly_once(country, subscribers, failing, seen):
    """Audit against handsets, message by message."""
    listed, arrived = {}, {}
    texts = 0
    for one in subscribers:
        for text in country.audit(one.msisdn)["texts"]:
            texts += 1
            wanted = "failed" if one.msisdn in failing else "delivered"
            expect(f"text {text['text_id']}", text["status"], wanted)
            if wanted == "failed":
                expect("the reason", text["reason"], failing[one.msisdn]["said"])
            for message in text["messages"]:
                if message["status"] == "delivered":
                    if message["message_id"] in listed:
                        raise Wrong(f"message {message['message_id']} is listed twice")
                    listed[message["message_id"]] = one.msisdn
    for msisdn, messages in seen["handsets"].items():
        for message in messages:
            if message["id"] in arrived:
                raise Wrong(f"message {message['id']} arrived twice")
            arrived[message["id"]] = msisdn
    extra = {id: msisdn for id, msisdn in arrived.items() if listed.get(id) != msisdn}
    missing = {id: msisdn for id, msisdn in listed.items() if arrived.get(id) != msisdn}
    expect("messages on handsets that the audit does not have", extra, {})
    expect("messages of the audit that are on no handset", missing, {})
    return f"{texts} texts of the audit, {len(listed)} messages delivered: each on one handset, once, and nothing else"


def as_expected(subscribers, failing, seen):
    """What stands on each handset, in words."""
    count, parts = 0, 0
    for one in subscribers:
        messages = seen["handsets"].get(one.msisdn, [])
        if one.msisdn in failing:
            expect(f"on the handset of {one.msisdn}", messages, [])
            continue
        parts += sum(1 for message in messages if "part" in message)
        got = collections.Counter()
        for text in joined(messages):
            kinds = [kind for kind, pattern in TEXTS.items() if re.search(pattern, text)]
            if len(kinds) != 1 or not text.startswith(("【移动支付】", "[Mobile Payment] ")):
                raise Wrong(f"{one.msisdn}: {text!r} is {kinds}")
            got[kinds[0]] += 1
            count += 1
        expect(f"texts of {one.msisdn}", dict(got), dict(one.expected))
    return f"{count} texts read as they should, {parts} messages of them parts that were joined"


def played(report, country, count):
    centre = country.centre
    until("the newest rules", SOON, lambda: country.must("GET", "/v1/cluster")["state_version"] >= 4)
    until("the line is bound", SOON, lambda: centre.seen()["bound"] == 1)
    product = open_shop(country)
    subscribers = [Subscriber(country, number, product) for number in range(1, count + 1)]
    failing = {
        subscribers[5].msisdn: {"state": "UNDELIVERABLE", "error": "069", "said": "UNDELIV 069"},
        subscribers[12].msisdn: {"state": "EXPIRED", "error": "000", "said": "EXPIRED"},
    }
    for msisdn, fails in failing.items():
        centre.ask("PUT", "/failing", {"number": msisdn} | fails)
    centre.behaves(BAD_DAY)
    killed = []
    report.line("a full day", lambda: whole_day(country, subscribers, killed))
    centre.behaves(GOOD_DAY)
    report.line("every text has come to something", lambda: settled(country))
    time.sleep(2.5)  # What is repeated now would show.
    seen = centre.seen()
    report.line("the centre", lambda: behaved(seen))
    report.line("the line", lambda: one_line(seen))
    report.line("exactly once", lambda: exactly_once(country, subscribers, failing, seen))
    report.line("the handsets", lambda: as_expected(subscribers, failing, seen))

    def nothing_is_open():
        totals = country.totals()
        expect("totals", (totals["unknown"], totals["waiting"], totals["sending"]), (0, 0, 0))
        return f"{totals['unmatched_receipts']} receipts that belong to nothing"

    report.line("the audit's totals", nothing_is_open)


def run(arguments, folder):
    report = Report()
    with contextlib.ExitStack() as ending:
        centre = Centre(folder)
        ending.callback(centre.end)
        country = Country(arguments.mpss, folder, centre)
        ending.callback(country.end)
        played(report, country, arguments.subscribers)
        if report.failed:
            for name in country.processes:
                print(country.log(name), file=sys.stderr)
        names = list(country.processes)
        stopped = {name: country.stop(name, softly=True) for name in names}
        report.line("nodes and simulators end when they are told to", lambda: expect_all(stopped, 0))
    return report.end()


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("mpss")
    arguments.add_argument("--subscribers", type=int, default=210)
    parser, arguments = arguments, arguments.parse_args()
    if not 21 <= arguments.subscribers <= 5_000:
        parser.error("21 to 5000 subscribers")
    # Its library is Node.js's own; the centre brings it.
    play(parser, arguments, {}, run)


if __name__ == "__main__":
    main()
