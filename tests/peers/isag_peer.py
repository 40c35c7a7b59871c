#!/usr/bin/env python3
"""Drives the ISAG door with a SOAP stack that nobody here wrote: zeep, from the WSDL that the nodes serve.

usage: isag_peer.py MPSS

MPSS is the built program. A province of three replicas is started with it, as an operator would, with a simulated SP
that is told in SOAP and a simulated SMS centre. An SP charges, reserves, refunds through zeep, the subscriber's word is
played over the callers' door with the code that the SMS centre has; messages that mean harm go over bare sockets. What
an SP is told is held against the served schema by lxml. zeep is installed into a virtual environment of its own; nothing
is left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import concurrent.futures
import hashlib
import http.server
import itertools
import os
import re
import sys
import threading
import time

# The tree stays as it was.
sys.dont_write_bytecode = True

from bank_peer import SOON, Province, expect_all, fen, yuan
from play import Report, Wrong, expect, play, until

LIBRARIES = {"zeep": "zeep==4.3.3", "requests": "requests"}
NUMBER, STRANGER = "35100123", "35100124"
SECRET = "peer-secret"
PASSWORD = "482913"
PRICE = 200
SP = "isag-sp"
# How long an answer waits for the subscriber, in ms: short, so that it is seen to end.
PATIENCE_MS = 6_000
CTCC = "http://www.chinatelecom.com.cn/schema/ctcc/common/v2_1"
NOTICES = "urn:mpss:isag:delivery_notification:v1"
ENVELOPE = "http://schemas.xmlsoap.org/soap/envelope/"
LOCAL = {
    "parlayx": "http://www.csapi.org/schema/parlayx/payment/amount_charging/v2_1/local",
    "ctcc": "http://www.chinatelecom.com.cn/schema/ctcc/payment/amount_charging/v2_1/local",
}


def stamp(seconds=0.0):
    """Month to second in China."""
    return time.strftime("%m%d%H%M%S", time.gmtime(time.time() + 8 * 3600 + seconds))


def sp_password(number, secret, at):
    return hashlib.md5(f"{number}{secret}{at}".encode()).hexdigest().upper()


# --- The SP that is told ------------------------------------------------------------------------------------


class ToldInSoap:
    """An SP's own endpoint: keeps every notice that comes, and accepts."""

    def __init__(self):
        told = self.told = []
        lock = self.lock = threading.Lock()

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self):
                body = self.rfile.read(int(self.headers["content-length"]))
                orders = re.findall(rb"<n:orderIdentifier>([^<]+)<", body)
                answers = b"".join(
                    b"<answer><result>accepted</result><orderIdentifier>%s</orderIdentifier></answer>" % order
                    for order in orders
                )
                with lock:
                    told.append(body)
                answer = (
                    b'<s:Envelope xmlns:s="%s"><s:Body><notifyDeliveryResponse xmlns="%s">%s</notifyDeliveryResponse>'
                    b"</s:Body></s:Envelope>" % (ENVELOPE.encode(), NOTICES.encode(), answers)
                )
                self.send_response(200)
                self.send_header("content-type", "text/xml; charset=utf-8")
                self.send_header("content-length", str(len(answer)))
                self.end_headers()
                self.wfile.write(answer)

            def log_message(self, *_):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/isag/notices"

    def messages(self):
        with self.lock:
            return list(self.told)


# --- The SP that asks ---------------------------------------------------------------------------------------


class Sp:
    """An SP that asks through zeep."""

    def __init__(self, zeep, province, names, interface):
        from zeep.transports import Transport

        self.zeep, self.names = zeep, names
        url = f"http://{province.nodes[0]}/isag/services/{interface}?wsdl&names={names}"
        self.client = zeep.Client(url, transport=Transport(timeout=20, operation_timeout=70))
        self.transactions = itertools.count(1)

    def header(self, number=NUMBER, secret=SECRET, at=None, **more):
        at = at or stamp()
        more.setdefault("transactionId", f"T-{self.names}-{next(self.transactions)}")
        return {"spId": number, "spPassword": sp_password(number, secret, at), "timeStamp": at, **more}

    def ask(self, operation, header=None, **parts):
        with self.client.settings(strict=True):
            call = getattr(self.client.service, operation)
            return call(**parts, _soapheaders={"RequestSOAPHeader": header or self.header()})

    def fault(self, operation, header=None, **parts):
        """Code and variables of the fault that this must end with."""
        try:
            answer = self.ask(operation, header, **parts)
        except self.zeep.exceptions.Fault as fault:
            exception = fault.detail[0]
            variables = [value.text for value in exception.findall("variables")]
            expect("the id in the detail", exception.findtext("messageId"), fault.code)
            kind = "PolicyException" if fault.code.startswith("POL") else "ServiceException"
            expect("the detail", exception.tag.split("}")[-1], kind)
            for variable in variables:
                if variable not in fault.message:
                    raise Wrong(f"{variable!r} is not in the text {fault.message!r}")
            return " ".join([fault.code, *variables])
        raise Wrong(f"{operation} was answered {answer!r}")


class Play:
    """The province, what is sold in it, and its subscriber."""

    def __init__(self, zeep, province, goods, other):
        self.zeep, self.province, self.goods, self.other = zeep, province, goods, other
        self.amount = {names: Sp(zeep, province, names, "AmountCharging") for names in LOCAL}
        self.reserve = {names: Sp(zeep, province, names, "ReserveAmountCharging") for names in LOCAL}
        self.numbers = itertools.count(1)
        self.references = (f"R-{number}" for number in itertools.count(1))

    def subscriber(self, money=5_000, kind="virtual"):
        msisdn = f"1890080{next(self.numbers):04}"
        body = {"msisdn": msisdn, "kind": kind, "payment_password": PASSWORD}
        account = self.province.must("POST", "/v1/accounts", body)["account_id"]
        if money:
            body = {"method": "cash", "amount": yuan(money), "agent_id": "agent-1"}
            self.province.must("POST", f"/v1/accounts/{account}/top-ups", body)
        return Subscriber(self, msisdn, account)

    def charge(self, amount=None, code="usual", **more):
        code = self.goods.get(code, code)
        charge = {"description": "a ticket", "currency": "CNY", "code": code, **more}
        return charge | ({} if amount is None else {"amount": yuan(amount)})


class Subscriber:
    def __init__(self, play, msisdn, account):
        self.play, self.province, self.msisdn, self.account = play, play.province, msisdn, account
        self.texts_seen = 0

    def texts(self):
        status, texts = self.province.once(self.province.sms, "GET", f"/simulator/sms/{self.msisdn}")
        return [text["text"] for text in texts["texts"]] if status == 200 else []

    def code(self):
        """The code of the newest text that asks for a word, once there is one that was not used."""
        found = [code for text in self.texts() for code in re.findall(r"Y(\d{6})", text)]
        return found[self.texts_seen] if len(found) > self.texts_seen else None

    def says(self, decision):
        code = until(f"{self.msisdn} is asked: {self.texts()}", SOON, self.code)
        self.texts_seen += 1
        body = {"msisdn": self.msisdn, "code": code, "decision": decision}
        return self.province.must("POST", "/v1/confirmations", body)

    def balance(self):
        return fen(self.province.must("GET", f"/v1/accounts/{self.account}")["balance"])

    def while_asked(self, ask, decision="agree"):
        """What `ask` comes to while the subscriber gives its word."""
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            asked = threads.submit(ask)
            word = self.says(decision)
            return asked.result(), word

    def order(self, order):
        return self.province.must("GET", f"/v1/orders/{order}")

    def delivered(self, order):
        return until(f"{order} is delivered", SOON, lambda: self.order(order)["status"] == "delivered")


# --- The cases ----------------------------------------------------------------------------------------------


def charged(play, buyer, names, amount=2 * PRICE):
    """A charge that the subscriber agrees to: its reference code and its order."""
    reference = next(play.references)
    parts = {"endUserIdentifier": f"tel:86{buyer.msisdn}", "charge": play.charge(amount), "referenceCode": reference}
    answer, word = buyer.while_asked(lambda: play.amount[names].ask("chargeAmount", **parts))
    expect("the answer", answer, None)
    expect("what the subscriber agreed to", (fen(word["amount"]), word["decision"]), (amount, "agree"))
    return reference, word["order_id"], parts


def charges(play):
    """a charge, in both sets of names: the subscriber is asked, pays once, the SP delivers"""
    buyer = play.subscriber()
    for count, names in enumerate(LOCAL, 1):
        reference, order, parts = charged(play, buyer, names)
        buyer.delivered(order)
        expect("the balance", buyer.balance(), 5_000 - count * 2 * PRICE)
        # An honest repetition: a new time stamp, the same reference code.
        expect("the repetition", play.amount[names].ask("chargeAmount", **parts), None)
        other = parts | {"charge": play.charge(PRICE)}
        expect("another amount", play.amount[names].fault("chargeAmount", **other), "SVC0002 referenceCode")
        other = parts | {"endUserIdentifier": f"tel:+86{play.subscriber(0).msisdn}"}
        expect("another payer", play.amount[names].fault("chargeAmount", **other), "SVC0002 referenceCode")
        expect("the balance", buyer.balance(), 5_000 - count * 2 * PRICE)
    return "4.00 each, once each, however often it is asked; the same reference code with other content is SVC0002"


def refunds(play):
    """refunds by reference code and by order, a part and the rest, in both sets of names"""
    buyer = play.subscriber()
    for names in LOCAL:
        reference, order, parts = charged(play, buyer, names, 3 * PRICE)
        buyer.delivered(order)
        sp, user = play.amount[names], {"endUserIdentifier": parts["endUserIdentifier"]}
        first = next(play.references)
        for _ in range(2):
            charge = play.charge(PRICE, code=reference)
            expect("a part", sp.ask("refundAmount", **user, charge=charge, referenceCode=first), None)
            expect("the balance", buyer.balance(), 5_000 - 2 * PRICE)
        again = {**user, "referenceCode": next(play.references)}
        expect("too much", sp.fault("refundAmount", charge=play.charge(3 * PRICE, code=order), **again), "SVC0002 charge.amount")
        again = {**user, "referenceCode": next(play.references)}
        expect("the rest", sp.ask("refundAmount", charge=play.charge(2 * PRICE, code=order), **again), None)
        expect("the balance", buyer.balance(), 5_000)
        again = {**user, "referenceCode": next(play.references)}
        expect("nobody's", sp.fault("refundAmount", charge=play.charge(PRICE, code="R-none"), **again), "SVC0002 charge.code")
        other = {"endUserIdentifier": play.subscriber(0).msisdn, "referenceCode": next(play.references)}
        expect("another's", sp.fault("refundAmount", charge=play.charge(PRICE, code=order), **other), "SVC0002 endUserIdentifier")
    return "a part by the charge's reference code, the rest by the order; never more than was paid, and to nobody else"


def reserved(play, buyer, names, amount=3 * PRICE):
    parts = {"endUserIdentifier": buyer.msisdn, "charge": play.charge(amount)}
    header = play.reserve[names].header()
    reservation, word = buyer.while_asked(lambda: play.reserve[names].ask("reserveAmount", header, **parts))
    expect("the reservation", reservation, word["order_id"])
    return reservation


def reservations(play):
    """reservations: charged whole, charged in part, released, in both sets of names"""
    buyer, spent = play.subscriber(), 0
    for names in LOCAL:
        sp = play.reserve[names]
        whole, part, released = (reserved(play, buyer, names) for _ in range(3))
        expect("held, not taken", buyer.balance(), 5_000 - spent - 9 * PRICE)
        charge = {"charge": play.charge(3 * PRICE), "referenceCode": next(play.references)}
        for _ in range(2):
            expect("the whole", sp.ask("chargeReservation", reservationIdentifier=whole, **charge), None)
        charge = {"charge": play.charge(PRICE), "referenceCode": next(play.references)}
        expect("a part", sp.ask("chargeReservation", reservationIdentifier=part, **charge), None)
        for _ in range(2):
            expect("nothing", sp.ask("releaseReservation", reservationIdentifier=released), None)
        for order in (whole, part):
            buyer.delivered(order)
        until("the released order is reversed", SOON, lambda: buyer.order(released)["status"] == "reversed")
        spent += 4 * PRICE
        expect("the balance", buyer.balance(), 5_000 - spent)
        more = {"reservationIdentifier": part, "charge": play.charge(PRICE)}
        told = sp.fault("reserveAdditionalAmount", **more)
        expect("more of it", told, "POL0001 additional_amount_not_offered")
        charge = {"charge": play.charge(PRICE), "referenceCode": next(play.references)}
        told = sp.fault("chargeReservation", reservationIdentifier=released, **charge)
        expect("what was released", told, "SVC0270")
        told = sp.fault("releaseReservation", reservationIdentifier="O20200101000000000-44-00001")
        expect("nobody's", told, "SVC0002 reservationIdentifier")
    return "held 18.00, taken 8.00, the rest free again; what was released is never charged"


def declined(play):
    """the subscriber says no, says nothing, has too little, or no account"""
    sp = play.amount["parlayx"]

    def parts(buyer, amount=PRICE):
        reference = next(play.references)
        return {"endUserIdentifier": buyer.msisdn, "charge": play.charge(amount), "referenceCode": reference}

    buyer = play.subscriber()
    refused = parts(buyer)
    told, _ = buyer.while_asked(lambda: sp.fault("chargeAmount", **refused), "refuse")
    expect("no", told, "SVC0270")
    expect("no, once more", sp.fault("chargeAmount", **refused), "SVC0270")

    silent = parts(buyer)
    begun = time.monotonic()
    told = sp.fault("chargeAmount", **silent)
    took = time.monotonic() - begun
    if not told.startswith("SVC0001 outcome_unknown") or not PATIENCE_MS / 1000 <= took < PATIENCE_MS / 1000 + 10:
        raise Wrong(f"a subscriber without a word: {told} after {took:.1f} s")
    buyer.says("agree")
    expect("the same again, after the word", sp.ask("chargeAmount", **silent), None)
    expect("the balance", buyer.balance(), 5_000 - PRICE)

    poor = play.subscriber(PRICE - 1)
    ask = parts(poor)

    def poor_agrees():
        with concurrent.futures.ThreadPoolExecutor(1) as threads:
            asked = threads.submit(lambda: sp.fault("chargeAmount", **ask))
            code = poor.code
            found = until("asked, or refused at once", SOON, lambda: code() or asked.done())
            if isinstance(found, str):
                body = {"msisdn": poor.msisdn, "code": found, "decision": "agree"}
                poor.province.ask("POST", "/v1/confirmations", body)
            return asked.result()

    expect("too little", poor_agrees(), "POL1000")
    expect("the balance", poor.balance(), PRICE - 1)
    nobody = {**parts(buyer), "endUserIdentifier": "18900809999"}
    expect("no account", sp.fault("chargeAmount", **nobody), "POL1009 account_not_found")
    return "SVC0270, SVC0001 after the patience and then paid once, POL1000, POL1009"


def faults(play):
    """each part of a message that can not be so, by its code"""
    buyer = play.subscriber()
    good = {"endUserIdentifier": buyer.msisdn, "charge": play.charge(PRICE)}
    cases = [
        ({"endUserIdentifier": "tel:86189"}, "SVC0004 endUserIdentifier"),
        ({"endUserIdentifier": "sip:someone@example"}, "SVC0004 endUserIdentifier"),
        ({"endUserIdentifier": "13900000000"}, "SVC0004 endUserIdentifier"),
        ({"charge": play.charge(PRICE, currency="USD")}, "SVC0003 charge.currency CNY, 156, RMB, 0"),
        ({"charge": play.charge(PRICE + 1)}, "SVC0007"),
        ({"charge": {"description": "neither amount nor code"}}, "SVC0007"),
        ({"charge": play.charge(PRICE, code="G20200101000000000-44-00001")}, "SVC0002 charge.code"),
        ({"charge": {"description": "x", "amount": "0.001", "code": play.goods["usual"]}}, "SVC0002 charge.amount"),
        ({"referenceCode": "r" * 65}, "SVC0002 referenceCode"),
        ({"referenceCode": ""}, "SVC0002 referenceCode"),
    ]
    for names in LOCAL:
        for change, wanted in cases:
            # A code of its own: what is refused by a rule is remembered under it.
            parts = good | {"referenceCode": next(play.references)} | change
            expect(f"{change}", play.amount[names].fault("chargeAmount", **parts), wanted)
    expect("texts", buyer.code(), None)
    return f"{len(cases)} in both sets of names; nobody was asked"


def login(play):
    """who does not prove itself, comes too late, or repeats what was said"""
    sp, buyer = play.amount["ctcc"], play.subscriber()
    parts = {"endUserIdentifier": buyer.msisdn, "charge": play.charge(PRICE), "referenceCode": next(play.references)}
    nobody = "POL0001 sp_not_authenticated"
    for what, header, wanted in [
        ("a wrong secret", sp.header(secret="guess"), nobody),
        ("an SP that is not known", sp.header(number="35109999"), nobody),
        ("another's password", sp.header() | {"spId": STRANGER}, nobody),
        ("six minutes ago", sp.header(at=stamp(-360)), "POL0001 time_stamp_not_now"),
        ("in six minutes", sp.header(at=stamp(360)), "POL0001 time_stamp_not_now"),
    ]:
        expect(what, sp.fault("chargeAmount", header, **parts), wanted)
    expect("texts", buyer.code(), None)
    header = sp.header()
    answer, _ = buyer.while_asked(lambda: sp.ask("chargeAmount", header, **parts))
    expect("the answer", answer, None)
    expect("the same bytes", sp.fault("chargeAmount", header, **parts), "POL0001 replay_refused")
    expect("an honest repetition", sp.ask("chargeAmount", **parts), None)
    theirs = sp.header(number=STRANGER, secret="other-secret")
    told = sp.fault("chargeAmount", theirs, **parts)
    expect("a product of another SP", told, "SVC0002 charge.code")
    expect("the balance", buyer.balance(), 5_000 - PRICE)
    return "5 refused, nobody was asked; a replay is refused, a repetition gets its answer"


def secrets(play):
    """a secret that is replaced: both are good while one follows the other, and an ended one is not"""
    sp = play.amount["parlayx"]
    theirs = {"endUserIdentifier": "13900000000", "charge": play.charge(PRICE), "referenceCode": "K-1"}
    # The product is another SP's, so whoever gets this far has proved itself.
    proved, nobody = "SVC0002 charge.code", "POL0001 sp_not_authenticated"

    def told(secret):
        return sp.fault("chargeAmount", sp.header(number=STRANGER, secret=secret), **theirs)

    expect("the first", (told("other-secret"), told("next-secret")), (proved, nobody))
    key = {"key_id": "isag-2", "algorithm": "isag-md5", "secret": "next-secret"}
    play.province.must("POST", f"/v1/sps/{play.other}/keys", key)
    until("both are good", SOON, lambda: (told("other-secret"), told("next-secret")) == (proved, proved))
    play.province.must("POST", f"/v1/sps/{play.other}/keys/end", {"key_id": "isag-1"})
    until("the first is over", SOON, lambda: (told("other-secret"), told("next-secret")) == (nobody, proved))
    return "replaced while in use, without a restart"


def texts(play):
    """texts to subscribers: sent once, asked about, refused where they may not go"""
    for names in LOCAL:
        sp, reader = Sp(play.zeep, play.province, names, "SendSms"), play.subscriber()
        words = f"您的歌已就绪 <{names}> & more"
        parts = {"addresses": [f"tel:+86{reader.msisdn}"], "senderName": "tel:10659", "message": words}
        first = sp.ask("sendSms", sp.header(transactionId=f"S-{names}"), **parts)

        def arrived():
            return [text for text in reader.texts() if words in text]

        until("the text is there", SOON, arrived)
        expect("the text", arrived(), [f"【移动支付】{SP}：{words}"])
        # The time stamp has to be another one: the same bytes are no repetition but a replay.
        again = sp.ask("sendSms", sp.header(transactionId=f"S-{names}", at=stamp(1)), **parts)
        expect("the same request", again, first)
        other = parts | {"message": "another"}
        told = sp.fault("sendSms", sp.header(transactionId=f"S-{names}", at=stamp(2)), **other)
        expect("other words under its name", told, "SVC0002 transactionId")

        def standing():
            return [(one.address, one.deliveryStatus) for one in sp.ask("getSmsDeliveryStatus", requestIdentifier=first)]

        # The simulated centre gives no receipts: it has taken it, and that is all there is to know.
        until("it is sent", SOON, lambda: standing() == [(f"tel:{reader.msisdn}", "DeliveredToNetwork")])
        for what, change, wanted in [
            ("a stranger's number", {"addresses": ["13900000000"]}, "SVC0004 addresses"),
            ("one of another province", {"addresses": ["13301020001"]}, "SVC0004 addresses"),
            ("no number", {"addresses": ["sip:a@b"]}, "SVC0004 addresses"),
            ("too long", {"message": "长" * 301}, "SVC0280 300"),
        ]:
            expect(what, sp.fault("sendSms", **(parts | change)), wanted)
        theirs = sp.header(number=STRANGER, secret="other-secret")
        told = sp.fault("getSmsDeliveryStatus", theirs, requestIdentifier=first)
        expect("another SP asks", told, "SVC0002 requestIdentifier")
        expect("texts in the end", len(arrived()), 1)
    return "in both sets of names, each there once"


def hostile(play):
    """messages that mean harm"""
    good = f'<e:Envelope xmlns:e="{ENVELOPE}"><e:Body>%s</e:Body></e:Envelope>'
    laughs = "".join(f'<!ENTITY l{k} "{f"&l{k - 1};" * 10}">' for k in range(1, 10))
    xml = "text/xml; charset=utf-8"
    cases = [
        ("a billion laughs", f'<!DOCTYPE x [<!ENTITY l0 "ha">{laughs}]>{good % "<a>&l9;</a>"}', xml, "soapenv:Client"),
        ("an external entity", f'<!DOCTYPE x [<!ENTITY f SYSTEM "file:///etc/passwd">]>{good % "<a>&f;</a>"}', xml, "soapenv:Client"),
        ("an external DTD", f'<!DOCTYPE x SYSTEM "http://{play.province.sp}/x.dtd">{good % "<a/>"}', xml, "soapenv:Client"),
        ("sixty thousand levels", "<a>" * 20_000, xml, "soapenv:Client"),
        ("forty thousand attributes", f"<a {' '.join(f'k{k}=' + chr(34) * 2 for k in range(6_000))}/>", xml, "soapenv:Client"),
        ("a megabyte", good % ("<a>" + "x" * 1_000_000 + "</a>"), xml, "soapenv:Client"),
        ("GB18030", '<?xml version="1.0" encoding="GB18030"?>'.encode() + (good % "<a>中</a>").encode("gb18030"), xml, "soapenv:Client"),
        ("UTF-16", (good % "<a/>").encode("utf-16"), "text/xml; charset=utf-16", "soapenv:Client"),
        ("SOAP 1.2", (good % "<a/>").replace(ENVELOPE, "http://www.w3.org/2003/05/soap-envelope"), xml, "soapenv:VersionMismatch"),
        ("JSON", "{}", "application/json", "soapenv:Client"),
        ("nothing", "", xml, "soapenv:Client"),
        ("a header that must be understood", (good % "<a/>").replace("<e:Body>", '<e:Header><x e:mustUnderstand="1"/></e:Header><e:Body>'), xml, "soapenv:MustUnderstand"),
    ]
    before = trial_balance(play)
    for what, message, media, wanted in cases:
        message = message.encode() if isinstance(message, str) else message
        for node in play.province.nodes:
            status, text = play.province.once(node, "POST", "/isag/services/AmountCharging", message, {"content-type": media})
            code = re.search("<faultcode>([^<]*)", str(text))
            expect(f"{what} at {node}", (status, code and code[1]), (500, wanted))
            if "root:" in text:
                raise Wrong(f"{what}: {text}")
    for node in play.province.nodes:
        expect("ready", play.province.once(node, "GET", "/readyz")[0], 200)
    expect("the books", trial_balance(play), before)
    return f"{len(cases)} at each of three nodes: refused, every node is well, the books are as they were"


def trial_balance(play):
    books = play.province.must("GET", "/v1/trial-balance")
    expect("debits", books["debits"], books["credits"])
    return books["accounts"]


def told_in_soap(play, endpoint):
    """what the SP is told: in SOAP, as the served schema has it, from whom it says"""
    from lxml import etree

    page = play.province.once(play.province.nodes[1], "GET", "/isag/services/DeliveryNotification?wsdl")[1]
    wsdl = etree.fromstring(page.encode())
    schema = wsdl.find(".//{http://www.w3.org/2001/XMLSchema}schema")
    for imported in schema.findall("{http://www.w3.org/2001/XMLSchema}import"):
        # Headers are checked by themselves; what remains needs no other document.
        schema.remove(imported)
    schema = etree.XMLSchema(etree.fromstring(etree.tostring(schema)))
    play.zeep.Client(f"http://{play.province.nodes[1]}/isag/services/DeliveryNotification?wsdl")
    messages = endpoint.messages()
    if not messages:
        raise Wrong("the SP was told nothing")
    orders = set()
    for message in messages:
        envelope = etree.fromstring(message)
        header, body = (envelope.find(f"{{{ENVELOPE}}}{part}")[0] for part in ("Header", "Body"))
        schema.assertValid(etree.ElementTree(body))
        expect("the header", header.tag, f"{{{CTCC}}}NotifySOAPHeader")
        said = {field.tag: field.text for field in header}
        expect("who is told", said["spId"], NUMBER)
        proof = sp_password(said["spRevId"], SECRET, said["transactionId"])
        expect("what proves who tells", said["spRevpassword"], proof)
        orders |= {order.text for order in body.iter(f"{{{NOTICES}}}orderIdentifier")}
    return f"{len(messages)} messages about {len(orders)} orders, each valid by the schema, each with its proof"


def simulated(play):
    """the simulated SP takes the same messages"""
    page = f"http://{play.province.nodes[2]}/isag/services/DeliveryNotification?wsdl"
    client = play.zeep.Client(page)
    service = client.create_service(f"{{{NOTICES}}}DeliveryNotificationBinding", f"http://{play.province.sp}/sps/zeep/isag")
    notice = {
        "noticeIdentifier": "44-1", "kind": "deliver", "orderIdentifier": "O20261127120000000-44-00001", "title": "一张票",
        "productIdentifier": "G20261127110000000-44-00001", "application": "lottery", "quantity": 1, "amount": "2.00",
        "servingProvince": "44", "endUserMasked": "189****0001", "deliverBy": "2026-11-27T12:01:00Z",
    }
    header = {"NotifySOAPHeader": {"spId": NUMBER}}
    for _ in range(2):
        answer = service.notifyDelivery(notice=[notice], _soapheaders=header)
        answers = [(one.orderIdentifier, one.result) for one in answer]
        expect("the answer", answers, [(notice["orderIdentifier"], "accepted")])
    status, seen = play.province.once(play.province.sp, "GET", f"/simulator/sps/zeep/orders/{notice['orderIdentifier']}")
    expect("what it did", (status, seen["deliver_notices"], seen["delivered"]), (200, 2, 1))
    return "told twice, delivered once"


def books(play):
    """the books in the end"""
    lines = {line["name"]: fen(line["debit"]) - fen(line["credit"]) for line in trial_balance(play)}
    payable = -sum(total for name, total in lines.items() if name.startswith("sp_payable"))
    # Charges 8.00; refunds nothing; reservations 16.00; the silent one 2.00; the login 2.00.
    expect("what we owe the SP", payable, 2 * 2 * PRICE + 2 * 4 * PRICE + PRICE + PRICE)
    return f"debits equal credits, the SP is owed {yuan(payable)}"


# --- The run ------------------------------------------------------------------------------------------------


def settings(sp_id, other, url):
    """What the nodes are told of SPs, once these were admitted."""
    return f"""
[isag]
patience_ms = {PATIENCE_MS}
[isag_sps.{NUMBER}]
sp_id = "{sp_id}"
notice_url = "{url}"
[isag_sps.{STRANGER}]
sp_id = "{other}"
notice_url = ""
"""


def connected(province, endpoint):
    """Admits two SPs, tells the nodes who they are at the ISAG, and has goods on sale."""
    until("the newest rules", SOON, lambda: province.must("GET", "/v1/cluster")["state_version"] >= 4)
    url = f"http://{province.sp}/sps/{SP}/notices"
    sp_id, other = (province.must("POST", "/v1/sps", {"name": name, "notice_url": url})["sp_id"] for name in (SP, "other"))
    for sp, secret in ((sp_id, SECRET), (other, "other-secret")):
        key = {"key_id": "isag-1", "algorithm": "isag-md5", "secret": secret}
        province.must("POST", f"/v1/sps/{sp}/keys", key)
    goods = {}
    for title in ("usual",):
        body = {"sp_id": sp_id, "title": title, "application": "pay_per_use", "scope": "local", "price": yuan(PRICE)}
        product = province.must("POST", "/v1/products", body | {"uploaded_by": "alice"})["product_id"]
        review = {"decision": "approve", "reviewed_by": "rita"}
        province.must("POST", f"/v1/products/{product}/review", review)
        province.must("POST", f"/v1/products/{product}/publish", {})
        goods[title] = product
    for number, node in enumerate(province.nodes, 1):
        name = f"node-{number}"
        expect(f"{name} ends", province.stop(name, softly=True), 0)
        path = os.path.join(province.folder, f"{name}.toml")
        with open(path, "a") as file:
            file.write(settings(sp_id, other, endpoint.url))
        process = province.start(name, "serve", "--config", path)
        until(f"{name} is ready", 60, lambda: province.runs(name, process) or province.is_ready(node))
    return goods, other


def run(arguments, folder):
    import zeep

    report = Report()
    endpoint = ToldInSoap()
    # Beside nothing about rails: what secrets of SPs are sealed with.
    province = Province(arguments.mpss, folder, f'[vault]\nkey = "{"6b" * 32}"')
    try:
        goods, other = connected(province, endpoint)
        play = Play(zeep, province, goods, other)
        cases = [charges, refunds, reservations, declined, faults, login, texts, hostile]
        with concurrent.futures.ThreadPoolExecutor(4) as threads:
            # The hostile one looks at the books, so nobody else may be at work.
            playing = [(case, threads.submit(case, play)) for case in cases[:-1]]
            for case, one in playing:
                report.line(case.__doc__, one.result)
        report.line(secrets.__doc__, lambda: secrets(play))
        report.line(hostile.__doc__, lambda: hostile(play))
        report.line(told_in_soap.__doc__, lambda: told_in_soap(play, endpoint))
        report.line(simulated.__doc__, lambda: simulated(play))
        report.line(books.__doc__, lambda: books(play))
        if report.failed:
            for name in province.processes:
                print(province.log(name), file=sys.stderr)
        stopped = {name: province.stop(name, softly=True) for name in list(province.processes)}
        report.line("nodes and simulators end when they are told to", lambda: expect_all(stopped, 0))
    finally:
        province.end()
    return report.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mpss")
    arguments = parser.parse_args()
    play(parser, arguments, LIBRARIES, run)


if __name__ == "__main__":
    main()
