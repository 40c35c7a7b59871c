"""A bank's host for bank_peer.py, as nobody here wrote the product's: messages by pyiso8583, books of its own.

What it does with a message can be scripted, by card and type. It runs in a process of its own.
"""

import collections
import contextlib
import itertools
import multiprocessing
import signal
import socket
import threading
import time
import typing

from iso8583_peer import specification
from play import dies_with_its_parent

# How a province is known at the bank, and the bank itself.
ACQUIRER, TERMINAL, MERCHANT = "48024400", "MPSS4401", "898440148140001"
BANK = "01020000"
# Its first day, as it settles it (field 15); any will do.
FIRST_DAY = 1126
# What is on a card in the beginning, in fen.
ON_CARD = 100_000

# What the bank can be told to do with the next messages of one type about one card.
SILENT = "done, and not answered"
LOST = "neither done nor answered"
TWICE = "done, and answered twice"
OTHER_AMOUNT = "done, and answered with another amount"
HANG_UP = "done, and the line is closed instead of an answer"
LATE = "done, and answered when its reversal comes: before that is answered and again after"
# After so many seconds: in time, and when nobody waits any more.
SLOW, TOO_SLOW = 8, 25


class Passed(typing.NamedTuple):
    """A message that passed: over which line, and did the bank send it?"""

    at: float
    line: int
    by_bank: bool
    kind: str
    fields: dict
    raw: bytes


# By what a message is known: type, trace number, transmission time, and who sent it, without leading zeros.
Key = collections.namedtuple("Key", "kind stan at acquirer")
REPEATS = {"0221": "0220", "0421": "0420"}
ANSWERS = {"0100": "0110", "0200": "0210", "0220": "0230", "0420": "0430", "0820": "0830"}
ANSWERS |= {again: ANSWERS[first] for again, first in REPEATS.items()}
# Without these a bank does not know what it is asked.
NEEDED = "2 3 4 7 11 12 13 18 22 25 32 37 41 42 49".split()
REPEATED = "2 3 4 7 11 12 13 18 25 32 33 37 41 42 49 70 100".split()


def key_of(kind, fields):
    return Key(REPEATS.get(kind, kind), fields["11"], fields["7"], fields["32"].lstrip("0"))


def original_of(fields):
    """The message that field 90 names."""
    data = fields["90"]
    return Key(data[:4], data[4:10], data[10:20], data[20:31].lstrip("0"))


class Refused(Exception):
    """A response code other than 00."""


class Books:
    """Cards, what was set aside on them, and everything that was done. Knows nothing of sockets."""

    def __init__(self):
        self.cards, self.done, self.forbidden, self.day, self.approved = {}, {}, set(), 0, 0

    def card(self, token):
        return self.cards.setdefault(token, {"balance": ON_CARD, "held": 0})

    def taken(self):
        """From all cards, all in all."""
        return sum(ON_CARD - card["balance"] - card["held"] for card in self.cards.values())

    def take_in(self, kind, fields):
        """Does what a message asks; its authorisation code."""
        if missing := [number for number in NEEDED if number not in fields]:
            raise Refused("30", missing)
        if (fields["32"], fields["41"], fields["42"], fields["49"]) != (ACQUIRER, TERMINAL, MERCHANT, "156"):
            raise Refused("03")
        key, amount = key_of(kind, fields), int(fields["4"])
        original = original_of(fields) if "90" in fields else None
        if key.kind == "0420":
            self.reverse(original, fields)
        elif key in self.forbidden:
            # Its reversal has come before it.
            raise Refused("12")
        else:
            self.approved += 1
            what, code = self.act(key.kind, fields, original), f"{self.approved:06}"
            done = {"what": what, "card": fields["2"], "amount": amount, "code": code, "day": self.day}
            self.done[key] = done | {"open": True, "refunded": 0}
            return code
        return None

    def act(self, kind, fields, original):
        card, amount = self.card(fields["2"]), int(fields["4"])
        in_two_steps = fields["25"] == "06"
        match kind, fields["3"][:2], in_two_steps:
            case "0200", "00", False:
                self.spend(card, amount)
                return "purchase"
            case "0100", "03", True:
                self.spend(card, amount)
                card["held"] += amount
                return "hold"
            case "0200", "00", True:
                hold = self.standing(original, "hold", fields)
                if amount > hold["amount"]:
                    raise Refused("61")
                hold["open"] = False
                card["held"] -= hold["amount"]
                card["balance"] += hold["amount"] - amount
                return "completion"
            case "0100", "20", True:
                hold = self.standing(original, "hold", fields)
                hold["open"] = False
                card["held"] -= hold["amount"]
                card["balance"] += hold["amount"]
                return "release"
            case "0200", "20", _:
                taken = self.standing(original, "completion" if in_two_steps else "purchase", fields)
                if taken["day"] != self.day:
                    # Its day is over: it can be refunded, and not voided.
                    raise Refused("12")
                if taken["amount"] != amount or taken["refunded"]:
                    raise Refused("64")
                taken["open"] = False
                card["balance"] += amount
                return "void"
            case "0220", "20", False:
                what = self.done.get(original, {}).get("what")
                taken = self.standing(original, what if what in ("purchase", "completion") else "purchase", fields)
                if taken["refunded"] + amount > taken["amount"]:
                    raise Refused("64")
                taken["refunded"] += amount
                card["balance"] += amount
                return "refund"
        raise Refused("40")

    def spend(self, card, amount):
        if card["balance"] < amount:
            raise Refused("51")
        card["balance"] -= amount

    def standing(self, original, what, fields):
        """What a message refers to, named in full: field 90, the card, and the code it was approved by."""
        done = self.done.get(original)
        if not done or (done["what"], done["card"], done["code"]) != (what, fields["2"], fields.get("38")):
            raise Refused("25")
        if not done["open"]:
            raise Refused("22")
        return done

    def reverse(self, original, fields):
        """As if the original had never been; one that never came can not come any more."""
        if original is None or fields.get("60", "")[:4] != "4354":
            raise Refused("30")
        self.forbidden.add(original)
        done = self.done.get(original)
        if not done:
            raise Refused("25")
        if (done["card"], done["amount"]) != (fields["2"], int(fields["4"])):
            raise Refused("64")
        if done["open"]:
            done["open"] = False
            card = self.card(done["card"])
            card["balance"] += done["amount"]
            card["held"] -= done["amount"] if done["what"] == "hold" else 0


class Bank:
    """The socket, the codec, and what testers set and see. Its methods are called from the other process."""

    def __init__(self, iso8583, length, coding):
        self.iso8583, self.length = iso8583, length
        self.spec = specification(coding)
        self.books, self.answers, self.manners = Books(), {}, collections.defaultdict(collections.deque)
        self.owed = {}
        self.passed, self.faults, self.lines, self.ports, self.signed_on = [], [], {}, {}, set()
        self.said = 0
        self.lock = threading.RLock()
        self.listener = socket.create_server(("127.0.0.1", 0))
        threading.Thread(target=self.listen, daemon=True).start()

    def listen(self):
        for number in itertools.count(1):
            line, (_, port) = self.listener.accept()
            line.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            with self.lock:
                self.lines[number], self.ports[number] = line, port
            threading.Thread(target=self.talk, args=(number, line), daemon=True).start()

    def talk(self, number, line):
        try:
            with line, line.makefile("rb") as received:
                while head := received.read(length_bytes(self.length)):
                    raw = received.read(read_length(self.length, head))
                    with self.lock:
                        self.take(number, raw)
        except OSError:
            # Whoever connects may go: he comes again.
            pass
        except Exception as error:
            self.faults.append(f"line {number} ended: {error!r}")
        finally:
            with self.lock:
                self.lines.pop(number, None)
                self.signed_on.discard(number)

    def take(self, number, raw):
        """One message, from its bytes to whatever is answered."""
        fields, _ = self.iso8583.decode(raw, self.spec)
        again, _ = self.iso8583.encode(dict(fields), self.spec)
        if bytes(again) != raw:
            self.faults.append(f"came as {raw.hex()}, and is written {again.hex()}")
        kind = fields["t"]
        fields = {n: value for n, value in fields.items() if n.isdigit() and n != "1"}
        self.passed.append(Passed(time.time(), number, False, kind, fields, raw))
        if kind not in ANSWERS:
            return
        if kind == "0820":
            self.send(number, "0830", self.echo(fields) | {"39": "00"})
            if fields["70"] == "001":
                self.signed_on.add(number)
            return
        wishes = self.manners[fields["2"], kind]
        manner = wishes.popleft() if wishes else None
        if manner == LOST:
            return
        key = key_of(kind, fields)
        if key not in self.answers:
            answer = self.echo(fields) | {"15": f"{FIRST_DAY + self.books.day}"}
            try:
                code = self.books.take_in(kind, fields)
                answer |= {"39": "00"} | ({"38": code} if code else {})
            except Refused as refused:
                answer["39"] = refused.args[0]
            self.answers[key] = answer
        other = {"4": f"{1:012}"} if manner == OTHER_AMOUNT else {}
        answer = number, ANSWERS[kind], self.answers[key] | other
        if manner in (SLOW, TOO_SLOW):
            later = threading.Timer(manner, self.send, answer)
            later.daemon = True
            later.start()
        elif manner == HANG_UP:
            self.lines[number].shutdown(socket.SHUT_RDWR)
        elif manner == LATE:
            self.owed[key] = answer
        elif manner != SILENT:
            owed = self.owed.pop(original_of(fields), None) if key.kind == "0420" and "90" in fields else None
            answers = [answer] * (2 if manner == TWICE else 1)
            for one in [owed, *answers, owed] if owed else answers:
                self.send(*one)

    def echo(self, fields):
        return {number: fields[number] for number in REPEATED if number in fields}

    def send(self, number, kind, fields):
        with self.lock:
            fields = {n: fields[n] for n in sorted(fields, key=int)}
            raw, _ = self.iso8583.encode({"t": kind, **fields}, self.spec)
            read, _ = self.iso8583.decode(raw, self.spec)
            again, _ = self.iso8583.encode(dict(read), self.spec)
            if again != raw or {n: v for n, v in read.items() if n in fields} != fields:
                self.faults.append(f"{kind} {fields} is written as {raw.hex()}, and read as {read}")
            self.passed.append(Passed(time.time(), number, True, kind, fields, bytes(raw)))
            self.lines[number].sendall(framed(self.length, bytes(raw)))

    # What testers set and see.

    def port(self):
        return self.listener.getsockname()[1]

    def does(self, card, kind, *manners):
        """What it does with the next messages of this type about a card; after them it answers again."""
        self.manners[card, kind].extend(manners)

    def set_balance(self, card, balance):
        self.books.card(card)["balance"] = balance

    def about(self, card):
        """Everything that passed about a card."""
        return [one for one in self.passed if one.fields.get("2") == card]

    def network(self, code):
        """Everything that passed about the network, with this code."""
        return [one for one in self.passed if one.fields.get("70") == code]

    def say(self, code):
        """Says something of the network on every line; the keys to know the answers by."""
        said = {}
        for number in sorted(self.signed_on):
            self.said += 1
            at = time.strftime("%m%d%H%M%S", time.gmtime(time.time() + 8 * 3600))
            fields = {"7": at, "11": f"{self.said:06}", "32": BANK, "70": code, "100": ACQUIRER}
            self.send(number, "0820", fields)
            said[number] = fields
        return said

    def cut_day(self):
        self.books.day += 1

    def card(self, token):
        return dict(self.books.card(token))

    def taken(self):
        return self.books.taken()

    def everything(self):
        return list(self.passed), dict(self.ports), list(self.faults)

    def signed(self):
        return len(self.signed_on)


def play_bank(calls, length, coding):
    """The bank's process: does what it is called for until the other end is gone."""
    dies_with_its_parent()
    # Ctrl-C reaches every process of a terminal; the script ends this one itself.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    import iso8583

    bank = Bank(iso8583, length, coding)
    with contextlib.suppress(EOFError):
        while True:
            name, arguments = calls.recv()
            with bank.lock:
                calls.send(getattr(bank, name)(*arguments))


class BankProcess:
    """The bank as this process sees it: every method of `Bank` by its name."""

    def __init__(self, length, coding):
        # A fresh interpreter: nothing of this process is in it.
        spawning = multiprocessing.get_context("spawn")
        self.calls, theirs = spawning.Pipe()
        self.lock = threading.Lock()
        self.process = spawning.Process(target=play_bank, args=(theirs, length, coding), daemon=True)
        self.process.start()
        theirs.close()

    def __getattr__(self, name):
        def call(*arguments):
            with self.lock:
                self.calls.send((name, arguments))
                return self.calls.recv()

        return call

    def end(self):
        self.process.kill()
        self.process.join()


def length_bytes(length):
    return 4 if length == "ascii" else 2


def read_length(length, head):
    return int(head) if length == "ascii" else int.from_bytes(head, "big")


def framed(length, raw):
    return (b"%04d" % len(raw) if length == "ascii" else len(raw).to_bytes(2, "big")) + raw
