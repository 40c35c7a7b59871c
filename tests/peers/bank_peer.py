#!/usr/bin/env python3
"""Pays at a bank that nobody here wrote: its messages are written and read by pyiso8583, its books are its own.

usage: bank_peer.py MPSS [--length ascii|binary] [--coding host|text] [--tshark required|optional|never]

MPSS is the built program. A province of three replicas is started with it, as an operator would, and
reached by its doors alone; the bank is a process of its own behind a socket. What the bank has taken
is held against what the province's books say, and whatever passed between the two is dissected by
tshark. The codec is installed into a virtual environment of its own; nothing is left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import collections
import concurrent.futures
import contextlib
import hashlib
import hmac
import http.client
import itertools
import json
import os
import re
import shutil
import socket
import struct
import subprocess
import sys
import threading
import time

# The tree stays as it was.
sys.dont_write_bytecode = True

from bank_host import (
    ACQUIRER,
    BANK,
    FIRST_DAY,
    HANG_UP,
    LATE,
    LOST,
    MERCHANT,
    ON_CARD,
    OTHER_AMOUNT,
    SILENT,
    SLOW,
    TERMINAL,
    TOO_SLOW,
    TWICE,
    BankProcess,
    framed,
)
from iso8583_peer import LIBRARIES, passed_over, shown_by_tshark, specification
from play import Report, Wrong, dies_with_its_parent, expect, play, until

PROVINCE = "44"
CATEGORY = "4814"
DOOR_KEY = bytes(range(32))
PASSWORD = "482913"
PRICE = 1230
SP = "peer-sp"
# Lines without traffic are tested after so long; shorter than in use, so that tests are seen.
LINE_TEST_MS = 4_000
# How long the bank has for an answer, in s: 20, of which the gateway leaves some for writing down what came of it.
PATIENCE = (15, 25)
# An upper bound for what takes no time but the machine's own, in s.
SOON = 20
# The same for what comes after two silences of the bank and the pause between them, in s.
AFTER_SILENCES = 90


def yuan(fen):
    return f"{fen // 100}.{fen % 100:02}"


def fen(text):
    whole, part = text.split(".")
    return int(whole) * 100 + (-1 if text.startswith("-") else 1) * int(part)


# --- The province -------------------------------------------------------------------------------------------


class PortTaken(Exception):
    """Somebody was quicker."""


class Province:
    """Three replicas, an SP and an SMS centre, all of them processes of the program under test."""

    def __init__(self, program, folder, rails):
        self.program, self.folder, self.rails, self.processes = program, folder, rails, {}
        self.keys = (f"bank-peer-{number}" for number in itertools.count(1))
        self.lock = threading.Lock()
        try:
            self.sp, self.sms = self.simulator("sp"), self.simulator("sms")
            self.found()
        except BaseException:
            self.end()
            raise

    def start(self, name, *arguments):
        log = open(os.path.join(self.folder, f"{name}.log"), "wb")
        with log:
            process = subprocess.Popen(
                [self.program, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dies_with_its_parent,
            )
        self.processes[name] = process
        return process

    def log(self, name):
        with open(os.path.join(self.folder, f"{name}.log"), errors="replace") as log:
            return f"--- {name}, last lines:\n" + "".join(log.readlines()[-30:])

    def simulator(self, kind):
        ready = os.path.join(self.folder, f"{kind}.json")
        process = self.start(kind, "simulate", kind, "--ready-file", ready)
        until(f"the {kind} simulator listens", SOON, lambda: os.path.exists(ready) or self.runs(kind, process))
        with open(ready) as file:
            return json.load(file)["url"].removeprefix("http://")

    def runs(self, name, process):
        """Nothing while a process runs; wrong when it has ended."""
        if process.poll() == 3 and "listen." in self.log(name):
            raise PortTaken
        if process.poll() is not None:
            raise Wrong(f"{name} has ended with {process.returncode}\n{self.log(name)}")

    def found(self):
        names = [f"node-{number}" for number in (1, 2, 3)]
        for attempt in itertools.count(1):
            # All are taken before one is given free, so no two are the same.
            sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(9)]
            addresses = [f"127.0.0.1:{one.getsockname()[1]}" for one in sockets]
            for one in sockets:
                one.close()
            self.nodes = addresses[:3]
            try:
                for number, name in enumerate(names, 1):
                    settings = self.settings(number, addresses)
                    path = os.path.join(self.folder, f"{name}.toml")
                    with open(os.open(path, os.O_CREAT | os.O_WRONLY | os.O_TRUNC, 0o600), "w") as file:
                        file.write(settings)
                    self.start(name, "serve", "--config", path)
                for name, node in zip(names, self.nodes):
                    process = self.processes[name]
                    until(f"{name} is ready", 60, lambda: self.runs(name, process) or self.is_ready(node))
                return
            except PortTaken:
                for name in names:
                    if name in self.processes:
                        self.stop(name)
                    shutil.rmtree(os.path.join(self.folder, name), ignore_errors=True)
                if attempt == 3:
                    raise Wrong("the ports given by the system were taken by others, three times") from None

    def settings(self, number, addresses):
        founders = "".join(
            f'[founders.{at + 1}]\nraft_address = "{addresses[6 + at]}"\npublic_url = "http://{addresses[at]}"\n'
            for at in range(3)
        )
        return f"""
[node]
province = "{PROVINCE}"
number = {number}
data_dir = "{os.path.join(self.folder, f"node-{number}")}"
[listen]
public = "{addresses[number - 1]}"
peer = "{addresses[2 + number]}"
raft = "{addresses[5 + number]}"
{founders}
[password.peppers]
1 = "{"5a" * 32}"
[outbox]
sms_url = "http://{self.sms}/messages"
[rails]
{self.rails}
# This is about the bank: a machine that is busy with other things elects nobody in the middle of a case.
[replication]
heartbeat_ms = 300
election_min_ms = 3000
election_max_ms = 6000
"""

    def is_ready(self, node):
        with contextlib.suppress(OSError):
            return self.once(node, "GET", "/readyz")[0] == 200

    def once(self, where, method, path, body=None, headers=()):
        connection = http.client.HTTPConnection(where, timeout=70)
        try:
            connection.request(method, path, body, dict(headers))
            answer = connection.getresponse()
            text = answer.read()
        finally:
            connection.close()
        try:
            return answer.status, json.loads(text)
        except ValueError:
            return answer.status, text.decode(errors="replace")

    def ask(self, method, path, body=None, headers=(), signed=False):
        """Asks one node after the other until one answers for good, always under the same key."""
        headers, text = dict(headers), None
        if method != "GET":
            with self.lock:
                headers["idempotency-key"] = next(self.keys)
            text = b"" if body is None else json.dumps(body).encode()
            headers["content-type"] = "application/json"

        def asked():
            for node in self.nodes:
                if signed:
                    at = int(time.time() * 1000)
                    what = f"{at}\n{method}\n{path}\n".encode() + (text or b"")
                    mac = hmac.new(DOOR_KEY, what, hashlib.sha256).hexdigest()
                    headers["mpss-signature"] = f"t={at},v1={mac}"
                try:
                    answer = self.once(node, method, path, text, headers)
                except OSError:
                    continue
                if answer[0] not in (429, 503, 504):
                    return answer
            return None

        return until(f"{method} {path} is answered", 60, asked)

    def must(self, method, path, body=None, **others):
        status, answer = self.ask(method, path, body, **others)
        if not 200 <= status < 300:
            raise Wrong(f"{method} {path}: {status} {answer}")
        return answer

    def stop(self, name, softly=False):
        process = self.processes.pop(name)
        try:
            (process.terminate if softly else process.kill)()
            return process.wait(30)
        except subprocess.TimeoutExpired:
            process.kill()
            return process.wait()

    def end(self):
        for name in list(self.processes):
            self.stop(name)

    def sp_saw(self, order):
        status, seen = self.once(self.sp, "GET", f"/simulator/sps/{SP}/orders/{order}")
        return seen if status == 200 and seen else {"delivered": 0, "deliver_notices": 0}


class Subscriber:
    """One subscriber with one card, bound from the bank's side."""

    def __init__(self, province, bank, goods, number, mode="real_time"):
        self.province, self.bank, self.goods = province, bank, goods
        self.msisdn, self.card = f"1890080{number:04}", f"622200440000000{number:04}"
        self.mode, self.for_good = mode, None
        bank.set_balance(self.card, ON_CARD)
        body = {"msisdn": self.msisdn, "bank": BANK, "card_token": self.card, "card_last_four": self.card[-4:]}
        body |= {"mode": mode, "holder_checked": True}
        self.binding = province.must("POST", "/v1/bank/bindings", body, signed=True)["binding_id"]
        code = until("the code comes by SMS", SOON, self.code)
        body = {"msisdn": self.msisdn, "code": code, "payment_password": PASSWORD}
        self.account = province.must("POST", "/v1/bindings/confirm", body)["account_id"]
        seen = province.must("GET", f"/v1/bank/bindings/{self.binding}", signed=True)
        expect("the binding", (seen["status"], seen["account_id"]), ("active", self.account))

    def code(self):
        _, texts = self.province.once(self.province.sms, "GET", f"/simulator/sms/{self.msisdn}")
        found = re.search(r"验证码(\d{6})", json.dumps(texts, ensure_ascii=False))
        return found and found[1]

    def buys(self, product="usual"):
        """Buys one piece; status and body of the answer."""
        body = {"msisdn": self.msisdn, "product_id": self.goods[product], "quantity": 1, "account_kind": "bank"}
        return self.province.ask("POST", "/v1/orders", body | {"payment_password": PASSWORD, "channel": "app"})

    def order_of(self, answer):
        status, body = answer
        if status != 201:
            raise Wrong(f"a purchase: {status} {body}")
        return body["order_id"]

    def order(self, order):
        return self.province.must("GET", f"/v1/orders/{order}")

    def comes_to(self, order, status, calls, seconds=SOON):
        """Waits until an order stands so, and all that was asked of the bank for it."""

        def look():
            now = self.order(order)
            self.last = now["status"], [(call["step"], call["phase"]) for call in now.get("calls", [])]
            return self.last == (status, calls) and now

        try:
            return until(f"order {status}, {calls}", seconds, look)
        except Wrong as wrong:
            raise Wrong(f"{wrong}; it is {self.last}") from None

    def messages(self, *kinds):
        """What passed about the card, of these types; all types when none is named."""
        return [one for one in self.bank.about(self.card) if not kinds or one.kind in kinds]

    def wait_for(self, kind, count=1, seconds=SOON):
        until(f"{count} messages {kind}", seconds, lambda: len(self.messages(kind)) >= count)
        return self.messages(kind)[count - 1]

    def kinds(self):
        return [one.kind for one in self.messages()]

    def expect_card(self, spent, held=0):
        card = self.bank.card(self.card)
        expect("what the bank has on the card", card, {"balance": ON_CARD - spent - held, "held": held})

    def lines(self):
        """What the statement has of this account, oldest first."""
        page = self.province.must("GET", f"/v1/accounts/{self.account}/statement")
        return [(entry["kind"], entry["amount"]) for entry in page["entries"]]


def same_but_for_type(one, other):
    expect(f"{other.kind} against {one.kind}", other.fields, one.fields)


def expect_reversal(original, reversal, within=PATIENCE):
    """A reversal names its original and repeats what the original was about, under a number of its own."""
    was, says = original.fields, reversal.fields
    expect("field 90", says.get("90"), original.kind + was["11"] + was["7"] + was["32"].zfill(11) + "0" * 11)
    expect("field 60", says.get("60"), "4354")
    for number in ("2", "3", "4", "18", "25", "32", "41", "42", "49"):
        expect(f"field {number} of the reversal", says.get(number), was[number])
    if (says["11"], says["7"]) == (was["11"], was["7"]):
        raise Wrong("the reversal has its original's own keys")
    after = reversal.at - original.at
    if not within[0] <= after <= within[1]:
        raise Wrong(f"the reversal came {after:.1f} s after its original")
    return f"{after:.0f} s later 0420, field 90 names it, reason 4354"


# --- The cases ----------------------------------------------------------------------------------------------


def purchase(buyer):
    """(a) a purchase in real time"""
    order = buyer.order_of(buyer.buys())
    buyer.comes_to(order, "delivered", [("take", "approved")])
    expect("messages", buyer.kinds(), ["0200", "0210"])
    asked = buyer.messages("0200")[0].fields
    wanted = {"2": buyer.card, "3": "000000", "4": f"{PRICE:012}", "18": CATEGORY, "25": "08", "32": ACQUIRER}
    expect("the 0200", {number: asked.get(number) for number in wanted}, wanted)
    expect("delivered by the SP", buyer.province.sp_saw(order)["delivered"], 1)
    buyer.expect_card(PRICE)
    expect("the statement", buyer.lines(), [("purchase", f"-{yuan(PRICE)}")])
    buyer.bank.set_balance(buyer.card, PRICE - 1)
    status, body = buyer.buys()
    buyer.bank.set_balance(buyer.card, ON_CARD - PRICE)
    expect("without money", (status, body.get("code")), (422, "insufficient_funds"))
    expect("the refusal", buyer.messages("0210")[1].fields["39"], "51")
    return PRICE, "0200, 0210; delivered, debited once; 51 is told as insufficient_funds"


def slow(buyer):
    """(a) a bank that takes longer than the buyer waits, and not too long"""
    buyer.bank.does(buyer.card, "0200", SLOW)
    answer = buyer.buys()
    order = buyer.order_of(answer)
    expect("the order before the bank's word", answer[1]["status"], "paying")
    buyer.comes_to(order, "delivered", [("take", "approved")])
    expect("messages", buyer.kinds(), ["0200", "0210"])
    buyer.expect_card(PRICE)
    return PRICE, f"0200, paying; 0210 after {SLOW} s, delivered"


def silence(buyer):
    """(b) the bank does it and stays silent"""
    buyer.bank.does(buyer.card, "0200", SILENT)
    order = buyer.order_of(buyer.buys())
    asked = buyer.wait_for("0200")
    buyer.expect_card(PRICE)
    told = expect_reversal(asked, buyer.wait_for("0420", seconds=PATIENCE[1] + SOON))
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    return reversed_for_good(buyer, order, ["0200", "0420", "0430"], told)


def never_came(buyer):
    """(b) the 0200 gets lost, so there is nothing to be reversed"""
    buyer.bank.does(buyer.card, "0200", LOST)
    order = buyer.order_of(buyer.buys())
    told = expect_reversal(buyer.wait_for("0200"), buyer.wait_for("0420", seconds=PATIENCE[1] + SOON))
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    expect("the bank's answer", buyer.wait_for("0430").fields["39"], "25")
    return reversed_for_good(buyer, order, ["0200", "0420", "0430"], told + "; 25 ends it")


def other_amount(buyer):
    """(b) the 0210 names another amount"""
    buyer.bank.does(buyer.card, "0200", OTHER_AMOUNT)
    order = buyer.order_of(buyer.buys())
    expect_reversal(buyer.wait_for("0200"), buyer.wait_for("0420"), (0, SOON))
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    told = "0420 at once, since nobody knows what was done"
    return reversed_for_good(buyer, order, ["0200", "0210", "0420", "0430"], told)


def late(buyer):
    """(c) the 0210 comes after the 0420, before the 0430 and once more behind it"""
    buyer.bank.does(buyer.card, "0200", LATE)
    order = buyer.order_of(buyer.buys())
    told = expect_reversal(buyer.wait_for("0200"), buyer.wait_for("0420", seconds=PATIENCE[1] + SOON))
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    buyer.wait_for("0210", 2)
    expect("the late answers", [one.fields["39"] for one in buyer.messages("0210")], ["00", "00"])
    kinds = ["0200", "0420", "0210", "0430", "0210"]
    return reversed_for_good(buyer, order, kinds, told + "; two late 0210 revive nothing")


def called_off(buyer):
    """(c) the order is called off while the bank takes its time"""
    buyer.bank.does(buyer.card, "0200", SLOW)
    order = buyer.order_of(buyer.buys())
    buyer.province.must("POST", f"/v1/orders/{order}/reversal", {"reason": "the bank peer asks"})
    buyer.wait_for("0430")
    expect_reversal(buyer.wait_for("0200"), buyer.wait_for("0420"), (0, SLOW))
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    buyer.wait_for("0210")
    told = "0420 at once; the 0210 behind it revives nothing"
    return reversed_for_good(buyer, order, ["0200", "0420", "0430", "0210"], told)


def answered_twice(buyer):
    """(d) the 0430 comes twice, and the 0210 of the next purchase"""
    buyer.bank.does(buyer.card, "0200", SILENT, TWICE)
    buyer.bank.does(buyer.card, "0420", TWICE)
    order = buyer.order_of(buyer.buys())
    buyer.wait_for("0430", 2, seconds=PATIENCE[1] + SOON)
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    line = buyer.messages("0430")[1].line
    again = buyer.order_of(buyer.buys())
    buyer.comes_to(again, "delivered", [("take", "approved")])
    expect("the line of the next purchase", buyer.messages("0200")[1].line, line)
    expect("messages", buyer.kinds(), ["0200", "0420", "0430", "0430", "0200", "0210", "0210"])
    buyer.expect_card(PRICE)
    expect("the statement", buyer.lines(), [("purchase", f"-{yuan(PRICE)}")])
    return PRICE, "0420, 0430, 0430; the same line goes on: 0200, 0210, 0210, debited once"


def reversal_late(buyer):
    """(d) the 0430 comes when nobody waits for it any more"""
    buyer.bank.does(buyer.card, "0200", SILENT)
    buyer.bank.does(buyer.card, "0420", TOO_SLOW)
    order = buyer.order_of(buyer.buys())
    told = expect_reversal(buyer.wait_for("0200"), buyer.wait_for("0420", seconds=PATIENCE[1] + SOON))
    buyer.wait_for("0430", seconds=TOO_SLOW + SOON)
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    return reversed_for_good(buyer, order, ["0200", "0420", "0430"], told + f"; 0430 after {TOO_SLOW} s, and no 0421")


def reversal_lost(buyer):
    """(d) the 0420 gets lost once"""
    return repeated_reversal(buyer, LOST)


def reversal_unanswered(buyer):
    """(d) the 0420 is done, its 0430 gets lost"""
    return repeated_reversal(buyer, SILENT)


def repeated_reversal(buyer, manner):
    buyer.bank.does(buyer.card, "0200", SILENT)
    buyer.bank.does(buyer.card, "0420", manner)
    order = buyer.order_of(buyer.buys())
    first = buyer.wait_for("0420", seconds=PATIENCE[1] + SOON)
    told = expect_reversal(buyer.wait_for("0200"), first)
    until("the order is reversed before the bank says so", SOON, lambda: buyer.order(order)["status"] == "reversed")
    second = buyer.wait_for("0421", seconds=AFTER_SILENCES)
    same_but_for_type(first, second)
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    told += f"; {second.at - first.at:.0f} s later 0421 with every field as before"
    return reversed_for_good(buyer, order, ["0200", "0420", "0421", "0430"], told)


def reversed_for_good(buyer, order, kinds, told):
    """There was one 0200, it has cost nothing, and nothing was handed out; looked at again in the end."""
    buyer.for_good = order, kinds, told
    expect("messages", buyer.kinds(), kinds)
    buyer.expect_card(0)
    expect("the order", buyer.order(order)["status"], "reversed")
    expect("asked of the SP", buyer.province.sp_saw(order)["deliver_notices"], 0)
    expect("the statement", buyer.lines(), [])
    return 0, told


def hold_and_completion(buyer):
    """(e) money is set aside and taken after the delivery"""
    order = buyer.order_of(buyer.buys())
    buyer.comes_to(order, "delivered", [("hold", "approved"), ("capture", "approved")])
    expect("messages", buyer.kinds(), ["0100", "0110", "0200", "0210"])
    expect_completion(buyer)
    buyer.expect_card(PRICE)
    expect("delivered by the SP", buyer.province.sp_saw(order)["delivered"], 1)
    return PRICE, "0100, 0110; delivered; 0200, 0210: the hold's fields 38 and 90"


def expect_completion(buyer):
    hold, granted = buyer.messages("0100")[0].fields, buyer.messages("0110")[0].fields
    expect("the 0100", (hold["3"], hold["25"], int(hold["4"])), ("030000", "06", PRICE))
    taken = buyer.messages("0200")[0].fields
    expect("the completion", (taken["3"], taken["25"], int(taken["4"])), ("000000", "06", PRICE))
    expect("field 38 of the completion", taken["38"], granted["38"])
    expect("field 90 of the completion", taken["90"], "0100" + hold["11"] + hold["7"] + ACQUIRER.zfill(11) + "0" * 11)


def completion_unanswered(buyer):
    """(e) the completion is done and not answered"""
    buyer.bank.does(buyer.card, "0200", SILENT)
    order = buyer.order_of(buyer.buys())
    second = buyer.wait_for("0200", 2, seconds=AFTER_SILENCES)
    same_but_for_type(buyer.messages("0200")[0], second)
    expect_completion(buyer)
    buyer.comes_to(order, "delivered", [("hold", "approved"), ("capture", "approved")])
    expect("messages", buyer.kinds(), ["0100", "0110", "0200", "0200", "0210"])
    buyer.expect_card(PRICE)
    return PRICE, "the same 0200 again, every field as before; taken once"


def hold_given_up(buyer):
    """(e) the SP refuses, so what was set aside is given up"""
    order = buyer.order_of(buyer.buys("refused"))
    buyer.comes_to(order, "reversed", [("hold", "approved"), ("release", "approved")])
    expect("messages", buyer.kinds(), ["0100", "0110", "0100", "0110"])
    hold, given_up = [one.fields for one in buyer.messages("0100")]
    expect("the void", (given_up["3"], given_up["25"]), ("200000", "06"))
    expect("field 38 of the void", given_up["38"], buyer.messages("0110")[0].fields["38"])
    expect("field 90 of the void", given_up["90"][:20], "0100" + hold["11"] + hold["7"])
    buyer.expect_card(0)
    return 0, "0100, 0110; refused; 0100, 0110 void it: nothing is set aside any more"


def day_cut(buyer):
    """(f) the bank's day is cut"""
    bank, province = buyer.bank, buyer.province
    today, kept = [buyer.order_of(buyer.buys()) for _ in range(2)]
    for order in (today, kept):
        buyer.comes_to(order, "delivered", [("take", "approved")])
    province.must("POST", f"/v1/orders/{today}/reversal", {"reason": "the bank peer asks"})
    buyer.comes_to(today, "reversed", [("take", "approved"), ("void", "approved")])
    buyer.expect_card(PRICE)

    expect_answered(bank, bank.say("201"))
    bank.cut_day()
    expect_answered(bank, bank.say("202"))
    expect_answered(bank, bank.say("301"))

    new = buyer.order_of(buyer.buys())
    buyer.comes_to(new, "delivered", [("take", "approved")])
    expect("the settlement date", buyer.messages("0210")[-1].fields["15"], f"{FIRST_DAY + 1}")
    buyer.expect_card(2 * PRICE)
    # What was paid on the day before is not voided any more: it is refunded.
    province.must("POST", f"/v1/orders/{kept}/reversal", {"reason": "the bank peer asks"})
    buyer.comes_to(kept, "reversed", [("take", "approved"), ("void", "declined"), ("refund", "approved")])
    expect("the void of yesterday's", buyer.messages("0210")[-1].fields["39"], "12")
    refund = buyer.messages("0220")[0].fields
    expect("the refund", (refund["3"], int(refund["4"])), ("200000", PRICE))
    expect("its answer", buyer.messages("0230")[0].fields["39"], "00")
    buyer.expect_card(PRICE)
    told = "201, 202, 301: 0830 on every line; a void before it; a purchase after it, and 0220 when a void is declined"
    return PRICE, told


def expect_answered(bank, said):
    """Every line answers with the keys of what it was told."""

    def answered():
        code = next(iter(said.values()))["70"]
        came = [one for one in bank.network(code) if one.kind == "0830" and not one.by_bank]
        wanted = [(line, fields | {"39": "00"}) for line, fields in said.items()]
        return all(one in [(answer.line, answer.fields) for answer in came] for one in wanted)

    expect("lines that are told", len(said), 3)
    until("0830 on every line", SOON, answered)


def lines(bank):
    """(f) signing on and testing lines, as the nodes begin them"""

    def passed(kind, code):
        return [one for one in bank.network(code) if one.kind == kind and one.by_bank == (kind == "0830")]

    until("tests of the lines that are silent", SOON, lambda: len({one.line for one in passed("0820", "301")}) >= 2)
    for one in passed("0820", "001") + passed("0820", "301"):
        expect("fields 32 and 100", (one.fields["32"], one.fields["100"]), (ACQUIRER, ACQUIRER))
    # A line whose test is not answered is made anew, and signs on again.
    expect("sign-ons, and lines now", (len(passed("0820", "001")), bank.signed()), (3, 3))
    return f"three lines signed on once; {len(passed('0820', '301'))} line tests, and no line came down"


def line_breaks(buyer):
    """(g) the line breaks instead of an answer"""
    buyer.bank.does(buyer.card, "0200", HANG_UP)
    order = buyer.order_of(buyer.buys())
    asked, reversal = buyer.wait_for("0200"), buyer.wait_for("0420")
    expect_reversal(asked, reversal, (0, SOON))
    buyer.comes_to(order, "reversed", [("take", "superseded"), ("undo", "approved")])
    signed_on = [one.line for one in buyer.bank.network("001") if one.kind == "0820"]
    expect("lines that signed on", (len(signed_on), signed_on[-1]), (4, reversal.line))
    told = f"0420 on the next line, {reversal.at - asked.at:.1f} s later"
    return reversed_for_good(buyer, order, ["0200", "0420", "0430"], told)


CASES = [
    (purchase, "real_time"),
    (slow, "real_time"),
    (silence, "real_time"),
    (never_came, "real_time"),
    (other_amount, "real_time"),
    (late, "real_time"),
    (called_off, "real_time"),
    (answered_twice, "real_time"),
    (reversal_late, "real_time"),
    (reversal_lost, "real_time"),
    (reversal_unanswered, "real_time"),
    (hold_and_completion, "pre_freeze"),
    (completion_unanswered, "pre_freeze"),
    (hold_given_up, "pre_freeze"),
    (day_cut, "real_time"),
]
# What would disturb the others comes after them.
LAST = (line_breaks, "real_time")


def open_shop(province):
    """An SP, and what is sold: uploaded by one, reviewed by another, published."""
    url = f"http://{province.sp}/sps/{SP}/notices"
    sp = province.must("POST", "/v1/sps", {"name": SP, "notice_url": url})["sp_id"]
    goods = {}
    for title in ("usual", "refused"):
        body = {"sp_id": sp, "title": title, "application": "card_sale", "scope": "local", "price": yuan(PRICE)}
        product = province.must("POST", "/v1/products", body | {"uploaded_by": "alice"})["product_id"]
        review = {"decision": "approve", "reviewed_by": "rita"}
        province.must("POST", f"/v1/products/{product}/review", review)
        province.must("POST", f"/v1/products/{product}/publish", {})
        goods[title] = product
    manner = json.dumps({"mode": "accepts", "products": {goods["refused"]: "refuses"}})
    status, body = province.once(
        province.sp, "PUT", f"/simulator/sps/{SP}", manner, {"content-type": "application/json"}
    )
    expect(f"the SP's manner ({body})", status, 200)
    return goods


def books_agree(province, bank, buyers, cost):
    """The bank's books, the province's on every replica, and what the cases have cost."""
    for buyer in buyers:
        # Whatever was reversed is so still, and no 0200 was tried a second time.
        if buyer.for_good:
            reversed_for_good(buyer, *buyer.for_good)
        buyer.expect_card(cost[buyer])
        expect("the statement's sum", -sum(fen(amount) for _, amount in buyer.lines()), cost[buyer])
    expect("what the bank took", bank.taken(), sum(cost.values()))

    two_steps = sum(cost[buyer] for buyer in buyers if buyer.mode == "pre_freeze")
    wanted = {"rail_clearing:bank_real_time": bank.taken() - two_steps, "rail_clearing:bank_pre_freeze": two_steps}
    for books in until("three replicas at one log position", SOON, lambda: books_at_one_position(province)):
        expect("debits", books["debits"], books["credits"])
        sums = {line["name"]: fen(line["debit"]) - fen(line["credit"]) for line in books["accounts"]}
        outside = {name: total for name, total in sums.items() if re.match("rail_|suspense", name) and total}
        expect("what the bank owes us, holds, has to give back", outside, wanted)
        payable = -sum(total for name, total in sums.items() if name.startswith("sp_payable"))
        expect("what we owe the SP", payable, bank.taken())
    return f"the bank took {yuan(bank.taken())}, rail_clearing says so on three replicas, nothing held or on its way"


def books_at_one_position(province):
    books = [province.once(node, "GET", "/v1/trial-balance")[1] for node in province.nodes]
    if len({one["log_index"] for one in books}) > 1:
        return None
    expect("digests at one log position", len({one["digest"] for one in books}), 1)
    return books


# --- tshark -------------------------------------------------------------------------------------------------


def write_capture(path, bank_port, passed, ports):
    """What passed, as raw IP packets: a message to a segment, at its time, each line a connection.

    tshark's dissector knows a length of two bytes only, so a message that passed behind four digits
    stands behind two bytes here; with --length binary these are the bytes that passed.
    """
    sent = collections.Counter()
    with open(path, "wb") as file:
        raw_ip = 101
        file.write(struct.pack("<IHHiIII", 0xA1B2C3D4, 2, 4, 0, 0, 65_535, raw_ip))
        for one in passed:
            body = framed("binary", one.raw)
            ends = (bank_port, ports[one.line])
            ends = ends if one.by_bank else ends[::-1]
            seq, ack = sent[one.line, one.by_bank] + 1, sent[one.line, not one.by_bank] + 1
            push_and_ack = 0x18
            tcp = struct.pack(">HHIIBBHHH", *ends, seq, ack, 5 << 4, push_and_ack, 65_535, 0, 0) + body
            sent[one.line, one.by_bank] += len(body)
            loopback = socket.inet_aton("127.0.0.1")
            ip = struct.pack(">BBHHHBBH4s4s", 0x45, 0, 20 + len(tcp), 0, 0, 64, 6, 0, loopback, loopback)
            seconds, micros = divmod(int(one.at * 1_000_000), 1_000_000)
            file.write(struct.pack("<IIII", seconds, micros, len(ip + tcp), len(ip + tcp)) + ip + tcp)


def dissected(folder, iso8583, coding, bank_port, passed, ports):
    """Every message as tshark's own dissector shows it: type and fields as the other codec has them, no fault."""
    turned_away = [one for one in passed if passed_over(coding, one.raw.hex())]
    as_passed = [one for one in passed if one not in turned_away]
    told = [held_against_tshark(folder, coding, bank_port, as_passed, ports)]
    if turned_away:
        # Its mistake is about raw bitmaps; so these are shown to it with their bitmaps as digits.
        text = specification("text")
        written = [bytes(iso8583.encode({"t": one.kind, **one.fields}, text)[0]) for one in turned_away]
        again = [one._replace(raw=raw) for one, raw in zip(turned_away, written)]
        told.append(held_against_tshark(folder, "text", bank_port, again, ports) + " with their bitmaps as digits")
    return "every field as sent, no fault named: " + "; ".join(told)


def held_against_tshark(folder, coding, bank_port, passed, ports):
    capture = os.path.join(folder, "bank.pcap")
    write_capture(capture, bank_port, passed, ports)
    segments = list(shown_by_tshark(capture, bank_port, coding))
    expect("messages dissected", len(segments), len(passed))
    for one, (kind, faults, fields) in zip(passed, segments):
        expect(f"faults of {one.raw.hex()}", faults, [])
        expect(f"type of {one.raw.hex()}", kind, one.kind)
        shown, sent = [{n: v.strip() for n, v in those.items()} for those in (fields, one.fields)]
        expect(f"fields of {one.raw.hex()}", shown, sent)
    kinds = sorted(collections.Counter(one.kind for one in passed).items())
    return " ".join(f"{count}×{kind}" for kind, count in kinds)


# --- The run ------------------------------------------------------------------------------------------------


def run(arguments, folder):
    import iso8583

    report = Report()
    with contextlib.ExitStack() as ending:
        bank = BankProcess(arguments.length, arguments.coding)
        ending.callback(bank.end)
        port = bank.port()
        province = Province(arguments.mpss, folder, rails(port, arguments))
        ending.callback(province.end)
        played(report, province, bank)
        if report.failed:
            for name in province.processes:
                print(province.log(name), file=sys.stderr)
        stopped = {name: province.stop(name, softly=True) for name in list(province.processes)}
        report.line("nodes and simulators end when they are told to", lambda: expect_all(stopped, 0))
        passed, ports, faults = bank.everything()
    report.line("pyiso8583", lambda: expect("messages it reads or writes otherwise", faults, []) or both_ways(passed))
    if arguments.tshark == "never":
        pass
    elif shutil.which("tshark"):
        report.line("tshark", lambda: dissected(folder, iso8583, arguments.coding, port, passed, ports))
    elif arguments.tshark == "required":
        report.line("tshark", lambda: expect("it", "not installed", "installed"))
    else:
        print("tshark: not installed, nothing dissected")
    return report.end()


def rails(port, arguments):
    """The settings of a node about the bank."""
    return f"""
bank_address = "127.0.0.1:{port}"
bank_institution = "{ACQUIRER}"
bank_terminal = "{TERMINAL}"
bank_merchant = "{MERCHANT}"
bank_merchant_category = "{CATEGORY}"
bank_length = "{arguments.length}"
bank_coding = "{arguments.coding}"
bank_door_key = "{DOOR_KEY.hex()}"
bank_line_test_ms = {LINE_TEST_MS}
"""


def expect_all(stopped, wanted):
    expect("exit codes", {name: code for name, code in stopped.items() if code != wanted}, {})
    return f"{len(stopped)} processes, each with exit code {wanted}"


def both_ways(passed):
    sent = sum(one.by_bank for one in passed)
    return f"{len(passed) - sent} messages read and {sent} written, each the same again byte for byte"


def played(report, province, bank):
    until("three lines are signed on", SOON, lambda: bank.signed() == 3)
    # Accounts outside came with version 3 of the rules, to which a new group is raised once all can.
    until("the newest rules", SOON, lambda: province.must("GET", "/v1/cluster")["state_version"] >= 3)
    goods = open_shop(province)
    with concurrent.futures.ThreadPoolExecutor(len(CASES)) as threads:
        modes = enumerate([mode for _, mode in [*CASES, LAST]], 1)
        binding = [threads.submit(Subscriber, province, bank, goods, number, mode) for number, mode in modes]
        buyers = [bound.result() for bound in binding]
        # All at once: most of the time the bank is silent.
        playing = [threads.submit(case, buyer) for (case, _), buyer in zip(CASES, buyers)]
        results = [report.line(case.__doc__, one.result) for (case, _), one in zip(CASES, playing)]
    report.line(lines.__doc__, lambda: lines(bank))
    results.append(report.line(LAST[0].__doc__, lambda: LAST[0](buyers[-1])))

    def books():
        expect("cases that went wrong", results.count(None), 0)
        return books_agree(province, bank, buyers, {buyer: cost for buyer, (cost, _) in zip(buyers, results)})

    report.line("the books in the end", books)


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("mpss")
    arguments.add_argument("--length", choices=["ascii", "binary"], default="ascii")
    arguments.add_argument("--coding", choices=["host", "text"], default="host")
    arguments.add_argument("--tshark", choices=["required", "optional", "never"], default="optional")
    parser, arguments = arguments, arguments.parse_args()
    play(parser, arguments, LIBRARIES, run)


if __name__ == "__main__":
    main()
