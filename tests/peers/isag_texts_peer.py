#!/usr/bin/env python3
"""Spends a day with an ISAG that nobody here wrote and that carries all texts: SOAP 1.1 by the npm package soap.

usage: isag_texts_peer.py MPSS [--subscribers N]

MPSS is the built program. A province of three replicas is started with it, as an operator would, whose texts go by way of
the ISAG. The ISAG makes its server and its clients from the WSDL that the nodes serve. Subscribers do what they do in
smsc_peer.py; the ISAG loses a fifth of its answers, half of them after it has taken the text, is too busy at times,
tells receipts and what subscribers send more than once, to whichever node, and of some texts nothing unless it is asked;
the node that leads is killed once. In the end every text of the province's audit must have reached the handset it was for
exactly once, and nothing else may have. The package is installed into a folder of its own by npm ci; nothing is left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import contextlib
import sys
import time

# The tree stays as it was.
sys.dont_write_bytecode = True

import smsc_peer
from bank_peer import expect_all
from play import Report, Wrong, expect, play, until
from smsc_peer import SOON, SOURCE, Centre, Country, Subscriber

NUMBER, SECRET = "35100144", "between-us"
# Shares of its answers that are lost, before and after it has taken the text, and what else it does.
BAD_DAY = {"lostBefore": 0.1, "lostAfter": 0.1, "busy": 0.03, "repeated": 0.15, "off": 0.4, "silent": 0.02}
GOOD_DAY = {"lostBefore": 0, "lostAfter": 0, "busy": 0}


class ByTheIsag(Country):
    """A province whose texts go by way of the ISAG."""

    def way(self, public):
        return f"""
[smpp]
receipt_wait_ms = 2500
give_up_ms = 300000
receipt_overdue_ms = 12000
[isag_texts]
url = "http://127.0.0.1:{self.centre.ports["sms"]}/SendSms"
sp_number = "{NUMBER}"
secret = "{SECRET}"
source = "{SOURCE}"
notify_url = "http://{public}/isag/services/SmsNotification"
answer_deadline_ms = 1500
"""


def behaved(seen, nodes):
    counts = seen["counts"]
    for what in ("lostBefore", "lostAfter", "busy", "known", "receiptsAgain", "wordsAgain", "queries"):
        if not counts[what]:
            raise Wrong(f"the ISAG was too kind: {what} never happened")
    expect("headers that did not prove us", counts["wrongHeaders"], 0)
    expect("texts that it could not read", counts["refused"], 0)
    expect("our number", seen["senders"], [SOURCE])
    known = {f"http://{node}/isag/services/SmsNotification" for node in nodes}
    expect("endpoints that are no node's", set(seen["endpoints"]) - known, set())
    return (
        f"{counts['submitted']} sendSms, {counts['lostBefore'] + counts['lostAfter']} unanswered "
        f"({counts['lostAfter']} of them taken), {counts['known']} answered SVC0005, {counts['busy']} SVC1000, "
        f"{counts['receiptsAgain']} receipts and {counts['wordsAgain']} commands came again, "
        f"{counts['queries']} getSmsDeliveryStatus"
    )


def exactly_once(country, subscribers, failing, seen):
    """Audit against handsets, text by text: what it calls a text is what the ISAG answered, or our own correlator."""
    listed = {}
    for one in subscribers:
        for text in country.audit(one.msisdn)["texts"]:
            wanted = "failed" if one.msisdn in failing else "delivered"
            expect(f"text {text['text_id']}", text["status"], wanted)
            if wanted == "failed":
                expect("the reason", text["reason"], failing[one.msisdn]["said"])
                continue
            [message] = text["messages"]
            if message["message_id"] in listed:
                raise Wrong(f"{message['message_id']} is listed twice")
            listed[message["message_id"]] = one.msisdn
    arrived, extra = 0, []
    for msisdn, texts in seen["handsets"].items():
        for text in texts:
            arrived += 1
            names = [name for name in (text["id"], text["correlator"]) if listed.get(name) == msisdn]
            if len(names) != 1:
                extra.append((msisdn, text["correlator"]))
                continue
            del listed[names[0]]
    expect("texts on handsets that the audit does not have, or twice", extra, [])
    expect("texts of the audit that are on no handset", listed, {})
    return f"{arrived} texts of the audit delivered: each on one handset, once, and nothing else"


def played(report, country, count):
    centre = country.centre
    until("the newest rules", SOON, lambda: country.must("GET", "/v1/cluster")["state_version"] >= 4)

    def described():
        centre.ask("PUT", "/nodes", {"urls": [f"http://{node}" for node in country.nodes]})
        return "its server and its clients are made from the nodes' WSDL"

    report.line("the description", described)
    product = smsc_peer.open_shop(country)
    subscribers = [Subscriber(country, number, product) for number in range(1, count + 1)]
    failing = {subscribers[5].msisdn: {"said": "DeliveryImpossible"}}
    for msisdn in failing:
        centre.ask("PUT", "/failing", {"number": msisdn})
    centre.behaves(BAD_DAY)
    killed = []
    report.line("a full day", lambda: smsc_peer.whole_day(country, subscribers, killed))
    centre.behaves(GOOD_DAY)
    report.line("every text has come to something", lambda: smsc_peer.settled(country))
    time.sleep(2.5)  # What is repeated now would show.
    seen = centre.seen()
    report.line("the ISAG", lambda: behaved(seen, country.nodes))
    report.line("exactly once", lambda: exactly_once(country, subscribers, failing, seen))
    report.line("the handsets", lambda: smsc_peer.as_expected(subscribers, failing, seen))

    def nothing_is_open():
        totals = country.totals()
        expect("totals", (totals["unknown"], totals["waiting"], totals["sending"]), (0, 0, 0))
        return f"{totals['unmatched_receipts']} receipts that belong to nothing"

    report.line("the audit's totals", nothing_is_open)


def run(arguments, folder):
    report = Report()
    with contextlib.ExitStack() as ending:
        centre = Centre(folder, "isag_texts/isag", (NUMBER, SECRET))
        ending.callback(centre.end)
        country = ByTheIsag(arguments.mpss, folder, centre)
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
    arguments.add_argument("--subscribers", type=int, default=140)
    parser, arguments = arguments, arguments.parse_args()
    if not 21 <= arguments.subscribers <= 5_000:
        parser.error("21 to 5000 subscribers")
    # Its library is Node.js's own; the ISAG brings it.
    play(parser, arguments, {}, run)


if __name__ == "__main__":
    main()
