#!/usr/bin/env python3
"""An SP whose signatures nobody here wrote: made and checked by http-message-signatures, those of SM2 by gmssl.

usage: sp_signature_peer.py MPSS [--notices ed25519|sm2-sm3]

MPSS is the built program. A province of three replicas is started with it, as an operator would, and an SP in this
process asks it, signed, and is told what it has to deliver. What the outside library signs must be taken, what was
tampered with must be refused with its own code, what the platform signs must be right by the outside library; and
whatever concerns the SP must be there, once and in order, when it comes back from a day of silence, at every node,
also when the leader was killed meanwhile. The libraries are installed into a virtual environment of their own;
nothing is left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import base64
import contextlib
import datetime
import hashlib
import http.client
import itertools
import json
import os
import secrets
import sys
import threading
import time

# The tree stays as it was.
sys.dont_write_bytecode = True

from bank_peer import Province
from play import Report, Wrong, expect, json_door, play, until

LIBRARIES = {"http_message_signatures": "http-message-signatures==3.0.0", "gmssl": "gmssl==3.2.2"}
PASSWORD = "739164"
DAY_MS = 86_400_000
# An upper bound for what takes no time but the machine's own, in s.
SOON = 30
COVERED = ("@method", "@target-uri", "content-type", "content-digest", "idempotency-key")


# --- Keys ---------------------------------------------------------------------------------------------------


def algorithms():
    """The algorithms by their names: those of the library, and SM2 as gmssl has it."""
    from gmssl import sm2
    from http_message_signatures import algorithms as known

    def crypt(private, public):
        made = sm2.CryptSM2(private, "")
        # Given at once, one that happens to begin with 04 would be taken for one with a mark in front.
        made.public_key = public
        return made

    class Sm2Sm3(known.HTTPSignatureAlgorithm):
        algorithm_id = "sm2-sm3"

        def __init__(self, public_key=None, private_key=None):
            self.public, self.private = public_key, private_key

        def sign(self, message):
            return bytes.fromhex(crypt(self.private, sm2_public(self.private)).sign_with_sm3(message))

        def verify(self, signature, message):
            if not crypt("", self.public).verify_with_sm3(signature.hex(), message):
                raise ValueError("the SM2 signature is wrong")

    return {"hmac-sha256": known.HMAC_SHA256, "ed25519": known.ED25519, "sm2-sm3": Sm2Sm3}


def sm2_public(private):
    """The public point of a private key, as gmssl writes it: without the mark in front."""
    from gmssl import sm2

    return sm2.CryptSM2(private, "")._kg(int(private, 16), sm2.default_ecc_table["g"])


class Key:
    """One key of an SP; which one it is called is the operator's to say."""

    def __init__(self, algorithm):
        from cryptography.hazmat.primitives import serialization
        from cryptography.hazmat.primitives.asymmetric import ed25519

        self.algorithm, self.id = algorithm, None
        if algorithm == "hmac-sha256":
            self.private = secrets.token_bytes(32)
            self.set = {"secret": self.private.hex()}
        elif algorithm == "ed25519":
            self.private = ed25519.Ed25519PrivateKey.generate()
            raw = serialization.Encoding.Raw, serialization.PublicFormat.Raw
            self.set = {"public_key": self.private.public_key().public_bytes(*raw).hex()}
        else:
            self.private = f"{secrets.randbelow(1 << 255) + 1:064x}"
            self.set = {"public_key": "04" + sm2_public(self.private)}


class Message:
    """A request as the library wants to see one."""

    def __init__(self, method, url, headers):
        self.method, self.url, self.headers = method, url, headers


class OneKey:
    """Resolves the one key there is."""

    def __init__(self, private=None, public=None):
        self.private, self.public = private, public

    def resolve_private_key(self, _):
        return self.private

    def resolve_public_key(self, key_id):
        return self.public.get(key_id)


class Partner:
    """An SP that asks, signed."""

    def __init__(self, province, name, notice_url):
        self.province = province
        self.id = province.must("POST", "/v1/sps", {"name": name, "notice_url": notice_url})["sp_id"]
        self.requests = (f"{name}-{number}" for number in itertools.count(1))

    def set_key(self, name, key, **times):
        body = {"key_id": name, "algorithm": key.algorithm} | key.set | times
        told = self.province.must("POST", f"/v1/sps/{self.id}/keys", body)
        expect("the key's name in signatures", told["signature_key_id"], f"{self.id}/{name}")
        key.id = told["signature_key_id"]
        return key

    def end_key(self, name):
        self.province.must("POST", f"/v1/sps/{self.id}/keys/end", {"key_id": name})

    def signed(self, key, method, node, path, body=None, request_id=None, **how):
        """A signed request: the message, and what it carries."""
        from http_message_signatures import HTTPMessageSigner

        headers, content = {"Host": node}, b""
        covered = how.pop("covered", None)
        if method != "GET":
            content = json.dumps(body).encode()
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            headers |= {"Content-Type": "application/json", "Idempotency-Key": request_id or next(self.requests)}
            headers["Content-Digest"] = f"sha-256=:{digest}:"
        message = Message(method, f"http://{node}{path}", headers)
        algorithm = algorithms()[how.pop("algorithm", key.algorithm)]
        signer = HTTPMessageSigner(signature_algorithm=algorithm, key_resolver=OneKey(key.private))
        created = datetime.datetime.fromtimestamp(time.time() + how.pop("shift_s", 0))
        signer.sign(
            message,
            key_id=how.pop("key_id", key.id),
            created=created,
            nonce=how.pop("nonce", secrets.token_urlsafe(18)),
            label=how.pop("label", "sp"),
            covered_component_ids=covered or (COVERED if method != "GET" else COVERED[:2]),
            use_existing_digest=method != "GET",
        )
        return message, content

    def send(self, node, message, content, path=None, prefer=None):
        path = path or message.url.split(node, 1)[1]
        headers = message.headers | ({"Prefer": prefer} if prefer else {})
        connection = http.client.HTTPConnection(node, timeout=90)
        try:
            connection.request(message.method, path, content or None, headers)
            answer = connection.getresponse()
            return answer.status, json.loads(answer.read() or b"null")
        finally:
            connection.close()

    def ask(self, key, method, path, body=None, node=None, prefer=None, **how):
        """Asks one node after the other, under one request id and new signatures, until one answers for good."""
        request_id = how.pop("request_id", None) or next(self.requests)

        def asked():
            for one in [node] if node else self.province.nodes:
                try:
                    message, content = self.signed(key, method, one, path, body, request_id, **how)
                    answer = self.send(one, message, content, prefer=prefer)
                except OSError:
                    continue
                if answer[0] not in (429, 503, 504):
                    return answer
            return None

        return until(f"{method} {path} is answered", 60, asked)

    def must(self, key, method, path, body=None, **how):
        status, answer = self.ask(key, method, path, body, **how)
        if not 200 <= status < 300:
            raise Wrong(f"{method} {path}: {status} {answer}")
        return answer

    def events(self, key, after=0, node=None, limit=37):
        """Everything behind a number, page by page, as a reader does that keeps a cursor."""
        found = []
        while True:
            page = self.must(key, "GET", f"/v1/sp/events?after={after}&limit={limit}", node=node)
            found += page["events"]
            if not page["events"]:
                expect("the reader ends at the last event", after, page["last_number"])
                return found
            after = page["events"][-1]["number"]


# --- The SP's own door --------------------------------------------------------------------------------------


class Told:
    """What the platform posts to an SP: looked at with the outside library, and answered or not."""

    def __init__(self):
        self.url = json_door(lambda url, headers, body: self.take(url, dict(headers), body)) + "/sps/peer/notices"
        self.keys, self.lock = None, threading.Lock()
        self.notices, self.faults, self.nonces = [], [], []
        self.silent = False

    def take(self, url, headers, body):
        from http_message_signatures import HTTPMessageVerifier

        if self.silent:
            return 503, {}
        with self.lock:
            try:
                key_id = next(iter(self.keys))
                algorithm, public = self.keys[key_id]
                resolver = OneKey(public={name: key for name, (_, key) in self.keys.items()})
                verifier = HTTPMessageVerifier(signature_algorithm=algorithms()[algorithm], key_resolver=resolver)
                required = ("@method", "@target-uri", "content-type", "content-digest")
                results = verifier.verify(
                    Message("POST", url, headers),
                    max_age=datetime.timedelta(minutes=5),
                    require_components=required,
                    body=body,
                )
                expect("whose signature", results[0].parameters["keyid"], key_id)
                self.nonces.append(results[0].nonce)
            except Exception as fault:
                self.faults.append(repr(fault))
                return 401, {}
            told = json.loads(body)["notices"]
            self.notices += told
            return 200, {"answers": [{"order_id": one["order_id"], "result": "accepted"} for one in told]}

    def believe(self, shown):
        """The platform's public keys, as it shows them."""
        from cryptography.hazmat.primitives.asymmetric import ed25519

        expect("keys that sign", [key["status"] for key in shown], ["signs", "published"])
        self.keys = {}
        for key in shown:
            raw = key["public_key"]
            public = raw[2:] if key["algorithm"] == "sm2-sm3" else ed25519.Ed25519PublicKey.from_public_bytes(bytes.fromhex(raw))
            self.keys[key["key_id"]] = key["algorithm"], public


# --- What is shown ------------------------------------------------------------------------------------------


class Case:
    def __init__(self, province):
        self.province = province
        self.told = Told()
        self.told.believe(province.must("GET", "/v1/keys")["keys"])
        self.sp = Partner(province, "peer", self.told.url)
        self.other = Partner(province, "other", self.told.url)
        self.keys = {name: self.sp.set_key(name, Key(name)) for name in algorithms()}
        self.key = self.keys["ed25519"]
        self.theirs = self.other.set_key("ed25519", Key("ed25519"))
        self.product = self.upload(self.sp)
        self.buyer = "18900800001"
        body = {"msisdn": self.buyer, "kind": "virtual", "payment_password": PASSWORD, "daily_limit": "5000.00"}
        account = province.must("POST", "/v1/accounts", body)["account_id"]
        cash = {"method": "cash", "amount": "900.00", "agent_id": "agent-1"}
        province.must("POST", f"/v1/accounts/{account}/top-ups", cash)

    def upload(self, partner):
        body = {"sp_id": partner.id, "title": "a song", "application": "pay_per_use", "scope": "local", "price": "1.00"}
        body |= {"delivery_deadline_ms": DAY_MS, "uploaded_by": "alice"}
        product = self.province.must("POST", "/v1/products", body)["product_id"]
        self.province.must("POST", f"/v1/products/{product}/review", {"decision": "approve", "reviewed_by": "rita"})
        self.province.must("POST", f"/v1/products/{product}/publish", {})
        return product

    def buy(self):
        body = {"msisdn": self.buyer, "product_id": self.product, "quantity": 1, "account_kind": "virtual"}
        return self.province.must("POST", "/v1/orders", body | {"payment_password": PASSWORD, "channel": "app"})["order_id"]

    def comes_to(self, order, status):
        look = lambda: self.province.must("GET", f"/v1/orders/{order}")["status"] == status
        until(f"{order} is {status}", SOON, look)

    def delivered(self):
        order = self.buy()
        self.comes_to(order, "delivered")
        return order

    def signed_pushes(self):
        """what the platform posts is signed rightly"""
        orders = [self.delivered() for _ in range(5)]
        expect("faults the library found", self.told.faults, [])
        seen = {one["order_id"]: one["event_number"] for one in self.told.notices}
        numbers = {e["order_id"]: e["number"] for e in self.sp.events(self.key) if e["kind"] == "deliver"}
        expect("the numbers in notices and events", [seen[one] for one in orders], [numbers[one] for one in orders])
        expect("nonces that came twice", len(self.told.nonces) - len(set(self.told.nonces)), 0)
        return f"{len(self.told.notices)} notices, each with the number of its event"

    def accepted(self, name):
        """what the library signs is taken"""
        key, order = self.keys[name], self.delivered()
        for node in self.province.nodes:
            expect("status", self.sp.must(key, "GET", f"/v1/sp/orders/{order}", node=node)["status"], "delivered")
        parts = ("@method", "@authority", "@path", "@query")
        expect("by parts", self.sp.ask(key, "GET", "/v1/sp/events?limit=1", covered=parts)[0], 200)
        body = {"amount": "0.25", "reason": "a scratch"}
        request = next(self.sp.requests)
        first = self.sp.must(key, "POST", f"/v1/sp/orders/{order}/refunds", body, request_id=request)
        for node in self.province.nodes:
            again = self.sp.must(key, "POST", f"/v1/sp/orders/{order}/refunds", body, request_id=request, node=node)
            expect("the same request again", again, first)
        known = self.sp.must(key, "GET", f"/v1/sp/requests/{request}")
        expect("the request", (known["status"], known["refund_id"]), ("done", first["refund_id"]))
        reversal = {"reason": "sold out"}
        expect("a refunded one", self.sp.ask(key, "POST", f"/v1/sp/orders/{order}/reversal", reversal)[0], 422)
        whole = self.delivered()
        done = self.sp.must(key, "POST", f"/v1/sp/orders/{whole}/reversal", reversal)
        expect("reversed", done["status"], "reversed")
        status, answer = self.other.ask(self.theirs, "GET", f"/v1/sp/orders/{order}")
        expect("another SP's look", (status, answer["code"]), (404, "order_not_found"))
        return "orders, refund, reversal and request id at three nodes"

    def tampered(self):
        """tampered requests, each refused with its own code; and nothing has moved"""
        order, node = self.delivered(), self.province.nodes[0]
        path = f"/v1/sp/orders/{order}/refunds"
        body = {"amount": "0.10", "reason": "tampered"}
        spare = self.sp.set_key("ended", Key("ed25519"))
        self.sp.end_key("ended")
        later = self.sp.set_key("later", Key("ed25519"), good_from="2199-01-01T00:00:00+08:00")

        def sign(key=self.key, **how):
            return self.sp.signed(key, "POST", node, path, body, **how)

        def sent(message, content, to=node, **how):
            return self.sp.send(to, message, content, **how)

        def changed(name, value, **how):
            message, content = sign(**how)
            if value is None:
                del message.headers[name]
            else:
                message.headers[name] = value
            return sent(message, content)

        def replayed():
            message, content = sign(request_id="replayed")
            first = sent(message, content)
            expect("the first time", first[0], 201)
            return sent(message, content)

        def other_body():
            message, content = sign()
            return sent(message, content.replace(b"0.10", b"0.90"))

        def other_body_and_digest():
            message, content = sign()
            content = content.replace(b"0.10", b"0.90")
            digest = base64.b64encode(hashlib.sha256(content).digest()).decode()
            message.headers["Content-Digest"] = f"sha-256=:{digest}:"
            return sent(message, content)

        def other_method():
            message, content = self.sp.signed(self.key, "PUT", node, path, body)
            message.method = "POST"
            return sent(message, content)

        def wrong_signature():
            message, content = sign()
            name, value = message.headers["Signature"].split("=", 1)
            bytes_ = bytearray(base64.b64decode(value.strip(":")))
            bytes_[7] ^= 1
            message.headers["Signature"] = f"{name}=:{base64.b64encode(bytes_).decode()}:"
            return sent(message, content)

        def without(name):
            return sent(*sign(covered=tuple(one for one in COVERED if one != name)))

        def other_alg():
            message, content = sign()
            message.headers["Signature-Input"] = message.headers["Signature-Input"].replace("ed25519\"", "hmac-sha256\"", 1)
            return sent(message, content)

        def other_query():
            message, content = self.sp.signed(self.key, "GET", node, "/v1/sp/events?after=0")
            return sent(message, content, path="/v1/sp/events?after=1")

        def unsigned():
            message, content = sign()
            del message.headers["Signature"], message.headers["Signature-Input"]
            return sent(message, content)

        def two_signatures():
            message, content = sign()
            message.headers["Signature"] += ", two=:AAAA:"
            return sent(message, content)

        fresh = Key("ed25519")
        cases = [
            ("no signature at all", unsigned, "signature_missing"),
            ("another method", other_method, "signature_wrong"),
            ("another path", lambda: sent(*sign(), path=path.replace("refunds", "reversal")), "signature_wrong"),
            ("another query", other_query, "signature_wrong"),
            ("another host", lambda: changed("Host", "elsewhere.example"), "signature_wrong"),
            ("another request id", lambda: changed("Idempotency-Key", "another"), "signature_wrong"),
            ("another content type", lambda: changed("Content-Type", "text/plain"), "signature_wrong"),
            ("another body", other_body, "digest_mismatch"),
            ("another body with its digest", other_body_and_digest, "signature_wrong"),
            ("no digest", lambda: changed("Content-Digest", None), "digest_missing"),
            ("a digest nobody knows", lambda: changed("Content-Digest", "md5=:AAAA:"), "signature_malformed"),
            ("the digest not covered", lambda: without("content-digest"), "signature_incomplete"),
            ("the method not covered", lambda: without("@method"), "signature_incomplete"),
            ("the target not covered", lambda: without("@target-uri"), "signature_incomplete"),
            ("the request id not covered", lambda: without("idempotency-key"), "signature_incomplete"),
            ("six minutes old", lambda: sent(*sign(shift_s=-360)), "signature_expired"),
            ("six minutes from now", lambda: sent(*sign(shift_s=360)), "signature_from_future"),
            ("no nonce", lambda: sent(*sign(nonce=None)), "signature_incomplete"),
            ("the same signature twice", replayed, "signature_replayed"),
            ("a bit of the signature", wrong_signature, "signature_wrong"),
            ("two signatures", two_signatures, "signature_malformed"),
            ("another key under this name", lambda: sent(*sign(fresh, key_id=self.key.id)), "signature_wrong"),
            ("another SP's name for it", lambda: sent(*sign(key_id=self.theirs.id)), "signature_wrong"),
            ("a key nobody has", lambda: sent(*sign(key_id=f"{self.sp.id}/nobody")), "unknown_key"),
            ("another algorithm's word", other_alg, "algorithm_mismatch"),
            ("another algorithm", lambda: sent(*sign(self.keys["hmac-sha256"], key_id=self.key.id)), "algorithm_mismatch"),
            ("an ended key", lambda: sent(*sign(spare)), "key_not_good"),
            ("a key before its time", lambda: sent(*sign(later)), "key_not_good"),
        ]
        wrong = []
        for title, case, code in cases:
            status, answer = case()
            if (status, answer["code"]) != (401, code):
                wrong.append(f"{title}: {status} {answer['code']}, not {code}")
            print(f"  {'✗' if wrong and wrong[-1].startswith(title) else '✓'} {title}: {status} {answer['code']}", flush=True)
        expect("otherwise", wrong, [])
        refunded = self.sp.must(self.key, "GET", f"/v1/sp/orders/{order}")["refunded"]
        expect("what was refunded, by the one that was taken once", refunded, "0.10")
        return f"{len(cases)} refused"

    def rotation(self):
        """keys are changed without a refused request"""
        chain = [self.sp.set_key("turn-0", Key("ed25519"))]
        stop, asked, refused = threading.Event(), [], []

        def asking():
            nodes = itertools.cycle(self.province.nodes)
            while not stop.is_set():
                key, node = chain[-1], next(nodes)
                message, content = self.sp.signed(key, "GET", node, "/v1/sp/events?limit=1")
                status, answer = self.sp.send(node, message, content)
                asked.append(key.id)
                if status != 200:
                    refused.append((key.id, status, answer))

        threads = [threading.Thread(target=asking) for _ in range(2)]
        for thread in threads:
            thread.start()
        try:
            for turn, name in enumerate(["hmac-sha256", "sm2-sm3", "ed25519", "hmac-sha256", "ed25519"], 1):
                before = chain[-1]
                chain.append(self.sp.set_key(f"turn-{turn}", Key(name)))
                until("the new key is used", SOON, lambda: asked[-6:].count(chain[-1].id) == 6)
                self.sp.end_key(before.id.split("/")[1])
                seen = len(asked)
                until("it goes on", SOON, lambda: len(asked) >= seen + 10)
        finally:
            stop.set()
            for thread in threads:
                thread.join()
        expect("refused requests", refused, [])
        expect("keys that were used", len(set(asked)), len(chain))
        return f"{len(asked)} requests by {len(chain)} keys one after the other, none refused"

    def a_day_of_silence(self):
        """an SP that was away reads what it missed: none lost, none doubled, in order, from every node"""
        self.told.silent = True
        last = self.sp.events(self.key)[-1]["number"]
        orders = [self.buy() for _ in range(24)]
        for order in orders[::4]:
            self.province.must("POST", f"/v1/orders/{order}/reversal", {"reason": "the subscriber changed his mind"})
        leader = self.leader()
        self.province.stop(leader)
        until("another leads", 60, lambda: self.leader() not in (None, leader))
        more = [self.buy() for _ in range(12)]
        for order in more[::3]:
            self.province.must("POST", f"/v1/orders/{order}/reversal", {"reason": "the subscriber changed his mind"})
        missed = self.sp.events(self.key, last)

        wanted = {}
        for order in orders + more:
            gone = order in orders[::4] + more[::3]
            wanted[order] = ["deliver", "cancelled", "reversed"] if gone else ["deliver"]
        found = {}
        for event in missed:
            found.setdefault(event["order_id"], []).append(event["kind"])
        expect("what was missed, order by order", found, wanted)
        expect("the numbers", [e["number"] for e in missed], list(range(last + 1, last + 1 + len(missed))))
        firsts = [e["order_id"] for e in missed if e["kind"] == "deliver"]
        expect("the order in which they were taken", firsts, orders + more)

        # The one that was dead comes back, and tells the same, as every other node does; in whatever pages.
        number = int(leader.rsplit("-", 1)[1])
        self.province.start(leader, "serve", "--config", os.path.join(self.province.folder, f"{leader}.toml"))
        node = self.province.nodes[number - 1]
        until(f"{leader} is ready", 60, lambda: self.province.is_ready(node))
        for node, limit in zip(self.province.nodes, (1, 10, 1000)):
            expect(f"at {node}", self.sp.events(self.key, last, node=node, limit=limit), missed)
        old = missed[len(missed) // 2]["number"]
        expect("from an old number once more", self.sp.events(self.key, old), [e for e in missed if e["number"] > old])

        # What it reads by number it may answer by number; what is told it then is nothing new.
        for event in missed:
            if event["kind"] == "deliver" and wanted[event["order_id"]] == ["deliver"]:
                path = f"/v1/sp/orders/{event['order_id']}/delivery"
                answer = self.sp.must(self.key, "POST", path, {"result": "accepted"})
                expect("delivered", answer["status"], "delivered")
        self.told.silent = False
        kept = [order for order in orders + more if wanted[order] == ["deliver"]]
        after = self.sp.events(self.key, missed[-1]["number"])
        expect("and then", [(e["order_id"], e["kind"]) for e in after], [(order, "delivered") for order in kept])
        waiting = threading.Thread(target=lambda: (time.sleep(1), self.buy()))
        waiting.start()
        page = self.sp.must(self.key, "GET", f"/v1/sp/events?after={after[-1]['number']}", prefer="wait=20")
        waiting.join()
        expect("who waits hears of the next", [e["kind"] for e in page["events"]][:1], ["deliver"])
        return f"{len(missed)} events of {len(wanted)} orders over a killed leader, the same at three nodes"

    def leader(self):
        for node in self.province.nodes:
            with contextlib.suppress(OSError):
                status, seen = self.province.once(node, "GET", "/v1/cluster")
                if status == 200 and seen.get("leader"):
                    return f"node-{seen['leader']}"
        return None


def settings(notices):
    """The settings of a node about SPs; the section of the rails, which comes first, is empty."""
    return f"""
[vault]
key = "{secrets.token_hex(32)}"
[sp]
notice_key = "{secrets.token_hex(32)}"
notice_algorithm = "{notices}"
published_key = "{secrets.token_hex(32)}"
"""


def run(arguments, folder):
    report = Report()
    with contextlib.ExitStack() as ending:
        province = Province(arguments.mpss, folder, settings(arguments.notices))
        ending.callback(province.end)
        newest = lambda: province.must("GET", "/v1/cluster")["state_version"] >= 4
        until("the newest rules", SOON, newest)
        case = Case(province)
        report.line(f"{case.signed_pushes.__doc__} ({arguments.notices})", case.signed_pushes)
        for name in case.keys:
            report.line(f"{case.accepted.__doc__} ({name})", lambda: case.accepted(name))
        report.line(case.tampered.__doc__, case.tampered)
        report.line(case.rotation.__doc__, case.rotation)
        report.line(case.a_day_of_silence.__doc__, case.a_day_of_silence)
        report.line("faults of pushes in the end", lambda: expect("they", case.told.faults, []) or "none")
        if report.failed:
            for name in province.processes:
                print(province.log(name), file=sys.stderr)
    return report.end()


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mpss")
    parser.add_argument("--notices", choices=["ed25519", "sm2-sm3"], default="ed25519")
    arguments = parser.parse_args()
    play(parser, arguments, LIBRARIES, run)


if __name__ == "__main__":
    main()
