"""What schemathesis is told about the nation under test: what there is, how is signed, and what good answers are.

Loaded by schemathesis itself, started by openapi_peer.py, which leaves what it has prepared in the file that
OPENAPI_PEER_PREPARED names. Most generated values stay as they were; some are exchanged for what there is in the
nation, or nothing but refusals of what does not exist would be seen.
"""

import base64
import hashlib
import hmac
import itertools
import json
import os
import re
import secrets
import sys
import time
import urllib.parse

import requests
import schemathesis
from http_message_signatures import HTTPMessageSigner, HTTPSignatureKeyResolver, algorithms

sys.dont_write_bytecode = True

with open(os.environ["OPENAPI_PEER_PREPARED"]) as file:
    THERE = json.load(file)

NUMBER = re.compile(r"(tel:)?([+]86)?(86)?1[0-9]{10}")
IDENTITY = re.compile(r"[A-Z][0-9]{17}-[0-9]{2}-[0-9]{5}")
DIGITS = re.compile(r"[0-9]{6}")
# What is of good form may still break a rule between its fields, or one that no schema says: what letters do on a
# screen, from which year on there is time here, which cursor was given out, the check digit of a code, a version that
# is shown from 0 and set from 1. Each of these names such a rule, some of one field alone.
BEYOND_A_SCHEMA = {
    "conflicting_fields": None,
    "invalid_choice": {"holder_checked", "fallback"},
    "invalid_cursor": None,
    "invalid_number_plan": None,
    "invalid_policy": None,
    "invalid_text": None,
    "invalid_time": None,
    "invalid_value": {"payment_code"},
    "missing_field": None,
    "nothing_to_change": None,
    "out_of_range": {"version"},
    "weak_password": None,
}

keys = (f"openapi-{number}" for number in itertools.count(1))


def of_nation(value):
    """A value for a generated one: four times in five one that exists, the same for the same."""
    if not isinstance(value, str):
        return value
    # Which one follows from the value alone, so that a run can be repeated.
    pick = hashlib.sha256(value.encode()).digest()
    if pick[0] < 51:
        return value

    def one_of(known):
        return known[pick[1] % len(known)] if known else value

    if NUMBER.fullmatch(value):
        return one_of(THERE["numbers"])
    if IDENTITY.fullmatch(value):
        return one_of(THERE["identities"].get(value[0], []))
    return value


def exchanged(value, name=""):
    if isinstance(value, dict):
        return {name: exchanged(inner, name) for name, inner in value.items()}
    if isinstance(value, list):
        return [exchanged(inner) for inner in value]
    if name == "payment_password" and isinstance(value, str) and DIGITS.fullmatch(value):
        return THERE["password"]
    return of_nation(value)


@schemathesis.hook
def map_path_parameters(context, path_parameters):
    return exchanged(path_parameters)


@schemathesis.hook
def map_query(context, query):
    return exchanged(query)


@schemathesis.hook
def map_body(context, body):
    return exchanged(body)


@schemathesis.hook
def map_headers(context, headers):
    """A request id of its own: one that was used before with other content would be all that is refused."""
    headers = dict(headers or {})
    if re.fullmatch("[!-~]{1,64}", str(headers.get("Idempotency-Key", ""))):
        headers["Idempotency-Key"] = next(keys)
    return headers


class OneKey(HTTPSignatureKeyResolver):
    def resolve_private_key(self, key_id):
        return bytes.fromhex(THERE["sp_secret"])


class Message:
    """A request as the library wants to see one; its digest is there already."""

    def __init__(self, method, url, headers):
        self.method, self.url, self.headers = method, url, headers


class Signed(requests.auth.AuthBase):
    """Signs what says that it is signed, as whoever may ask there would."""

    def __call__(self, request):
        if "mpss-signature" in request.headers:
            request.headers["mpss-signature"] = self.shared(request)
        # A request id that breaks the form of a header can not be signed at all.
        signable = all(str(value).isprintable() for value in request.headers.values())
        if signable and "Signature" in request.headers and "Signature-Input" in request.headers:
            del request.headers["Signature"], request.headers["Signature-Input"]
            self.messages(request)
        return request

    @staticmethod
    def body(request):
        body = request.body or b""
        return body.encode() if isinstance(body, str) else body

    def shared(self, request):
        """The header of the bank, the UPP and the SMS centre."""
        url = urllib.parse.urlsplit(request.url)
        target = url.path + (f"?{url.query}" if url.query else "")
        secret = THERE["upp_key"] if url.path.startswith("/v1/upp/") else THERE["bank_key"]
        at = int(time.time() * 1000)
        content = f"{at}\n{request.method}\n{target}\n".encode() + self.body(request)
        return f"t={at},v1={hmac.new(bytes.fromhex(secret), content, hashlib.sha256).hexdigest()}"

    def messages(self, request):
        """RFC 9421, by a library."""
        covered = ["@method", "@target-uri"]
        if request.method == "GET":
            request.headers.pop("Content-Digest", None)
        else:
            digest = base64.b64encode(hashlib.sha256(self.body(request)).digest()).decode()
            if "Content-Digest" in request.headers:
                request.headers["Content-Digest"] = f"sha-256=:{digest}:"
            wanted = ("content-type", "content-digest", "idempotency-key")
            covered += [name for name in wanted if name in request.headers]
        signer = HTTPMessageSigner(signature_algorithm=algorithms.HMAC_SHA256, key_resolver=OneKey())
        message = Message(request.method, request.url, dict(request.headers))
        how = {"key_id": THERE["sp_key_id"], "nonce": secrets.token_hex(12), "label": "sig1"}
        how["use_existing_digest"] = "Content-Digest" in request.headers
        signer.sign(message, covered_component_ids=covered, **how)
        request.headers.update(message.headers)


schemathesis.auth.set_from_requests(Signed())


def problem_of(response):
    try:
        return json.loads(response.content)
    except ValueError:
        return {}


def is_away(response):
    """True of the one answer of its kind that is right: a home province that nobody runs in this nation."""
    problem = problem_of(response)
    named = re.fullmatch("province ([0-9]{2}) is not connected", str(problem.get("detail")))
    away = named and named[1] not in THERE["provinces"]
    return response.status_code == 503 and problem.get("code") == "unavailable" and bool(away)


@schemathesis.check
def no_server_error(ctx, response, case):
    """No answer is a fault of the server; a province that is not there is told as what it is."""
    if response.status_code >= 500 and not is_away(response):
        raise AssertionError(f"{response.status_code}: {response.content[:300]!r}")


def is_beyond_a_schema(problem, case):
    """True when what was refused is a rule that the document can not say."""
    code, field = problem.get("code"), problem.get("field")
    if code == "wrong_type":
        # To a schema 2.0 is a whole number; an amount of pieces that has a fraction is none to us.
        return str(problem.get("detail")).startswith(("expected u", "expected i")) and has_fraction(case.body)
    if case.media_type == "text/csv":
        # Its columns are described in words.
        return code in ("unknown_field", "duplicate_field") or code in BEYOND_A_SCHEMA
    return code in BEYOND_A_SCHEMA and (BEYOND_A_SCHEMA[code] is None or field in BEYOND_A_SCHEMA[code])


def has_fraction(value):
    if isinstance(value, dict):
        return any(map(has_fraction, value.values()))
    if isinstance(value, list):
        return any(map(has_fraction, value))
    return isinstance(value, float)


@schemathesis.check
def good_form_is_taken_as_such(ctx, response, case):
    """What is of the form that the document describes is done, or refused by a rule that has a name."""
    if not (case.meta and case.meta.generation.mode.is_positive) or response.status_code != 400:
        return
    problem = problem_of(response)
    if not is_beyond_a_schema(problem, case):
        raise AssertionError(f"of good form and refused as {problem.get('code')}: {response.content[:300]!r}")


@schemathesis.check
def a_refusal_names_itself(ctx, response, case):
    """Every refusal has a stable code and number, and says them in both languages."""
    if response.status_code < 400:
        return
    problem = problem_of(response)
    missing = [name for name in ("type", "title", "status", "code", "number", "detail_zh") if name not in problem]
    if missing or problem["status"] != response.status_code:
        raise AssertionError(f"{response.status_code} without {missing}: {response.content[:300]!r}")
