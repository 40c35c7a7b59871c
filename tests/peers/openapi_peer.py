#!/usr/bin/env python3
"""Is what a node answers what its OpenAPI document says? Asked by schemathesis, which nobody here wrote.

usage: openapi_peer.py MPSS [--examples N] [--seed N] [--only PATH]

MPSS is the built program. Its demo nation is started; accounts, an SP that signs, goods and orders are made in it, so
that more than refusals is seen; then every operation of `/openapi.json` is asked with what the document allows and with
what it does not. No answer may be a fault of the server, none may differ from the document, what is of good form must
not be refused for its form, and what is not must be. The library is installed into a virtual environment of its own;
nothing is left behind.

Exit codes: 0 all as it must be, 1 something is not, 2 the command line can not be used.
"""

import argparse
import contextlib
import itertools
import json
import os
import re
import secrets
import shutil
import subprocess
import sys
import time
import tomllib
import urllib.error
import urllib.request

# The tree stays as it was.
sys.dont_write_bytecode = True

from play import Wrong, dies_with_its_parent, play, until

LIBRARIES = {"schemathesis": "schemathesis==4.32.5", "http_message_signatures": "http-message-signatures==3.0.0"}
PREPARED = "OPENAPI_PEER_PREPARED"
PASSWORD = "739164"
SERVING = "44"
# An upper bound for what takes no time but the machine's own, in s.
SOON = 120
# What changes the ground under the others comes last: the rules, the number plan, and at the very end the group.
RULES = "^/v1/(.*policy|number-plan.*|sps/[^/]*/(suspend|resume)|sms/words)$"
GROUP = "^/v1/cluster/.*$"
CHECKS = [
    "no_server_error",
    "good_form_is_taken_as_such",
    "a_refusal_names_itself",
    "status_code_conformance",
    "content_type_conformance",
    "response_headers_conformance",
    "response_schema_conformance",
    "negative_data_rejection",
    "missing_required_header",
    "unsupported_method",
    "allow_header_conformance",
]


class Nation:
    """The demo, with something in it."""

    def __init__(self, program, folder):
        ready = os.path.join(folder, "ready.json")
        self.data = os.path.join(folder, "nation")
        self.keys = (f"prepared-{number}" for number in itertools.count(1))
        self.log = os.path.join(folder, "demo.log")
        with open(self.log, "wb") as log:
            self.process = subprocess.Popen(
                [program, "demo", "--data-dir", self.data, "--ready-file", ready],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                preexec_fn=dies_with_its_parent,
            )
        until("the demo is ready", SOON, lambda: os.path.exists(ready) or self.runs())
        with open(ready) as file:
            self.urls = json.load(file)

    def runs(self):
        if self.process.poll() is not None:
            with open(self.log, errors="replace") as log:
                raise Wrong(f"the demo has ended with {self.process.returncode}\n{log.read()[-2000:]}")

    def end(self):
        self.process.terminate()
        self.process.wait()

    def ask(self, method, path, body=None, province=SERVING, kind="application/json"):
        content = body.encode() if isinstance(body, str) else json.dumps(body).encode()
        request = urllib.request.Request(
            self.urls["provinces"][province][0] + path, content if body is not None else None, method=method
        )
        if body is not None:
            request.add_header("Content-Type", kind)
            request.add_header("Idempotency-Key", next(self.keys))
        try:
            with urllib.request.urlopen(request, timeout=30) as answer:
                return answer.status, json.load(answer)
        except urllib.error.HTTPError as error:
            return error.code, json.load(error)

    def must(self, *asked, **how):
        status, body = self.ask(*asked, **how)
        if status not in (200, 201, 202):
            raise Wrong(f"{asked}: {status} {body}")
        return body

    def settings(self, section, key):
        """A secret of the nation, from a node's own settings."""
        with open(os.path.join(self.data, f"{SERVING}-1.toml"), "rb") as file:
            return tomllib.load(file)[section][key]

    def number_of(self, home, count):
        """Numbers of a province, found by asking."""
        found = []
        for prefix in itertools.count(1_890_000):
            told = self.ask("GET", f"/v1/number-plan/{prefix}0000")[1]
            if told.get("home_province") == home and told.get("operator") == "china-telecom":
                found += [f"{prefix}{number:04}" for number in range(count)]
                return found

    def prepare(self):
        """What there is to be asked about."""
        ids = {}

        def keep(*identities):
            for identity in identities:
                ids.setdefault(identity[0], []).append(identity)

        numbers = self.number_of("44", 4) + self.number_of("51", 2)
        for msisdn in numbers:
            opened = self.must(
                "POST", "/v1/accounts", {"msisdn": msisdn, "kind": "virtual", "payment_password": PASSWORD}
            )
            keep(opened["account_id"])
            path = f"/v1/accounts/{opened['account_id']}/top-ups"
            topped = self.must("POST", path, {"method": "cash", "amount": "900.00", "agent_id": "agent-1"})
            keep(topped["top_up_id"])
        sp = self.must(
            "POST",
            "/v1/sps",
            {"name": "Open Data", "notice_url": f"{self.urls['simulators']['sp']}/sps/openapi/notices"},
        )
        keep(sp["sp_id"])
        secret = secrets.token_hex(32)
        key = {"key_id": "openapi", "algorithm": "hmac-sha256", "secret": secret}
        key_id = self.must("POST", f"/v1/sps/{sp['sp_id']}/keys", key)["signature_key_id"]
        pool = {"direction": "in", "amount": "500.00", "by": "finance"}
        self.must("POST", f"/v1/sps/{sp['sp_id']}/prize-pool", pool)
        for application, scope in [
            ("lottery", "local"),
            ("lottery", "roaming"),
            ("shopping", "local"),
            ("ticketing", "local"),
        ]:
            product = self.must(
                "POST",
                "/v1/products",
                {
                    "sp_id": sp["sp_id"],
                    "title": f"{application} {scope}",
                    "application": application,
                    "scope": scope,
                    "price": "1.00",
                    "uploaded_by": "alice",
                },
            )["product_id"]
            self.must("POST", f"/v1/products/{product}/review", {"decision": "approve", "reviewed_by": "bob"})
            self.must("POST", f"/v1/products/{product}/publish", {})
            keep(product)
            for buyer in numbers[4:] if scope == "roaming" else numbers[:2]:
                order = {
                    "msisdn": buyer,
                    "product_id": product,
                    "quantity": 1,
                    "payment_password": PASSWORD,
                    "channel": "app",
                }
                if application == "shopping":
                    order |= {
                        "recipient_name": "王芳",
                        "recipient_phone": "02088886666",
                        "recipient_address": "五山路381号",
                    }
                keep(self.must("POST", "/v1/orders", order)["order_id"])
        transfer = {
            "payer_msisdn": numbers[0],
            "payee_msisdn": numbers[-1],
            "amount": "1.00",
            "payment_password": PASSWORD,
        }
        keep(self.must("POST", "/v1/transfers", transfer)["transfer_id"])
        return {
            "numbers": numbers,
            "identities": ids,
            "password": PASSWORD,
            "sp_key_id": key_id,
            "sp_secret": secret,
            "bank_key": self.settings("rails", "bank_door_key"),
            "upp_key": self.settings("upp", "door_key"),
            "provinces": ["00", *self.urls["provinces"]],
        }


def tested(arguments, url, folder, name, filters):
    """One run of schemathesis; what it counted, and whether all was well."""
    out = os.path.join(folder, f"{name}.txt")
    command = [
        os.path.join(os.path.dirname(sys.executable), "schemathesis"),
        "--no-color",
        "run",
        f"{url}/openapi.json",
    ]
    command += ["--checks", ",".join(CHECKS), "--phases", "examples,coverage,fuzzing", "--warnings", "off"]
    command += ["--max-examples", str(arguments.examples), "--seed", str(arguments.seed), "--continue-on-failure"]
    command += ["--generation-database", "none", "--request-timeout", "40", *filters]
    hooks = os.path.join(os.path.dirname(os.path.abspath(__file__)), "openapi_hooks.py")
    shutil.copy(hooks, folder)
    environment = {**os.environ, "SCHEMATHESIS_HOOKS": "openapi_hooks", "PYTHONPATH": folder}
    with open(out, "wb") as log:
        code = subprocess.run(command, stdout=log, stderr=log, cwd=folder, env=environment).returncode
    with open(out, errors="replace") as log:
        text = log.read()
    cases = re.search(r"^Test cases:\n  (.+)$", text, re.MULTILINE)
    operations = re.search(r"^  Tested: ([0-9]+)", text, re.MULTILINE)
    if code or not cases or not operations:
        found = [place for title in ("= ERRORS =", "= FAILURES =") if (place := text.find(title)) >= 0]
        print(text[min(found, default=0) :][:60_000])
    print(
        f"{'✓' if code == 0 else '✗'} {name}: {operations and operations[1]} operations, {cases and cases[1]}",
        flush=True,
    )
    return code == 0 and bool(cases)


def run(arguments, folder):
    started = time.monotonic()
    with contextlib.ExitStack() as ending:
        nation = Nation(arguments.mpss, folder)
        ending.callback(nation.end)
        prepared = os.path.join(folder, "prepared.json")
        with open(prepared, "w") as file:
            json.dump(nation.prepare(), file)
        os.environ[PREPARED] = prepared
        url = nation.urls["provinces"][SERVING][0]
        parts = {
            "a province's doors": ["--exclude-path-regex", RULES, "--exclude-path-regex", GROUP],
            "its rules": ["--include-path-regex", RULES],
            "its group": ["--include-path-regex", GROUP],
        }
        if arguments.only:
            parts = {"some": ["--include-path-regex", arguments.only]}
        well = [tested(arguments, url, folder, name, filters) for name, filters in parts.items()]
        nation.runs()
    print(f"{sum(well)} passed, {len(well) - sum(well)} failed, {time.monotonic() - started:.0f} s")
    return 0 if all(well) else 1


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("mpss")
    parser.add_argument("--examples", type=int, default=25, help="generated requests of each kind for each operation")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument(
        "--only", metavar="PATH", help="operations whose path this expression finds, for looking closer"
    )
    arguments = parser.parse_args()
    play(parser, arguments, LIBRARIES, run)


if __name__ == "__main__":
    main()
