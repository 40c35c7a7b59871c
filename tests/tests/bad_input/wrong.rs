//! The ways to be wrong: one of them applied to one of the forms, and what must come back.

use std::fmt::Write as _;

use mpss_tests::seeded::Seeded;
use serde_json::{Value, json};

use crate::BODY_BYTES_MAX;
use crate::forms::Form;
use crate::values::{bad_value, wrong_type};

/// What an answer must be.
#[derive(Debug, Clone)]
pub(crate) struct Must {
    pub(crate) codes: &'static [&'static str],
    pub(crate) field: Option<String>,
}

/// One wrong request as it is sent, and what must come back.
#[derive(Debug, Clone)]
pub(crate) struct Wrong {
    pub(crate) what: String,
    pub(crate) bytes: Vec<u8>,
    pub(crate) must: Must,
}

const fn must(codes: &'static [&'static str]) -> Must {
    Must { codes, field: None }
}

fn blaming(codes: &'static [&'static str], field: &str) -> Must {
    Must { codes, field: Some(field.into()) }
}

/// Bytes of a request with this body, as it should be but for what the caller put in.
pub(crate) fn request(method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Vec<u8> {
    let mut head = format!("{method} {path} HTTP/1.1\r\nhost: node\r\n");
    for (name, value) in headers {
        write!(head, "{name}: {value}\r\n").expect("a string");
    }
    write!(head, "content-length: {}\r\n\r\n", body.len()).expect("a string");
    [head.as_bytes(), body].concat()
}

/// One of the ways to be wrong, applied to one of the forms.
pub(crate) fn wrong(forms: &[Form], number: usize, seeded: &mut Seeded) -> Wrong {
    let form = seeded.pick(forms).clone();
    let key = format!("bad-{number}");
    let good: Vec<(String, Value)> =
        form.fields.iter().map(|field| (field.name.to_owned(), field.good.clone())).collect();
    let write = |fields: &[(String, Value)]| -> Vec<u8> {
        let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{}:{value}", json!(name))).collect();
        format!("{{{}}}", fields.join(",")).into_bytes()
    };
    let json_headers = [("content-type", "application/json"), ("idempotency-key", key.as_str())];
    let send = |body: &[u8]| request(form.method, &form.path, &json_headers, body);
    let told = |what: &str| format!("{what}: {} {}", form.method, form.path);
    let picked = seeded.index(form.fields.len());
    let field = form.fields[picked].clone();
    let with = |value: Value| {
        let mut fields = good.clone();
        fields[picked].1 = value;
        fields
    };
    match seeded.below(22) {
        0..6 => {
            let (value, codes) = bad_value(field.kind, seeded);
            let body = write(&with(value.clone()));
            Wrong {
                what: told(&format!("{} = {value:.60}", field.name)),
                bytes: send(&body),
                must: blaming(codes, field.name),
            }
        }
        6..9 => {
            let value = wrong_type(&field, seeded);
            let body = write(&with(value.clone()));
            Wrong {
                what: told(&format!("{} = {value:.60}", field.name)),
                bytes: send(&body),
                must: blaming(&["wrong_type"], field.name),
            }
        }
        9 => {
            let required: Vec<_> = (0..good.len()).filter(|place| form.fields[*place].required).collect();
            let gone = *seeded.pick(&required);
            let mut fields = good.clone();
            let (name, _) = fields.remove(gone);
            Wrong {
                what: told(&format!("without {name}")),
                bytes: send(&write(&fields)),
                must: blaming(&["missing_field"], &name),
            }
        }
        10 => {
            let names = [
                "more",
                "Amount",
                "amount ",
                "__proto__",
                "constructor",
                "$where",
                "payment_password2",
                "",
                "数",
                "a\u{0}b",
                "\u{202e}x",
            ];
            let name = *seeded.pick(&names);
            let mut fields = good.clone();
            fields.insert(seeded.index(fields.len() + 1), (name.into(), json!(1)));
            Wrong {
                what: told(&format!("unknown {name:?}")),
                bytes: send(&write(&fields)),
                must: Must { codes: &["unknown_field"], field: Some(String::new()) },
            }
        }
        11 => {
            let mut fields = good.clone();
            fields.push(fields[picked].clone());
            Wrong {
                what: told(&format!("{} twice", field.name)),
                bytes: send(&write(&fields)),
                must: blaming(&["duplicate_field"], field.name),
            }
        }
        12 => {
            let body = write(&good);
            let cut = seeded.index(body.len());
            Wrong { what: told("cut"), bytes: send(&body[..cut]), must: must(&["malformed_json"]) }
        }
        13 => {
            let noise: [Vec<u8>; 10] = [
                b"\xff\xfe\x00".to_vec(),
                b"{\"a\":\"\\ud800\"}".to_vec(),
                b"{'a':1}".to_vec(),
                b"{\"a\":NaN}".to_vec(),
                b"{\"a\":01}".to_vec(),
                "\u{feff}{}".into(),
                "[".repeat(5_000).into_bytes(),
                "{\"a\":".repeat(5_000).into_bytes(),
                [write(&good), b"{}".to_vec()].concat(),
                b"amount=1&msisdn=2".to_vec(),
            ];
            let body = seeded.pick(&noise).clone();
            let codes: &[&str] = &["malformed_json", "unknown_field", "wrong_type"];
            Wrong {
                what: told(&format!("{:.40}", String::from_utf8_lossy(&body))),
                bytes: send(&body),
                must: must(codes),
            }
        }
        14 => {
            let body = seeded.pick(&[&b"null"[..], b"true", b"17", b"\"x\"", b"[]", b"[[1]]", b"-0"]).to_vec();
            Wrong { what: told("no object"), bytes: send(&body), must: must(&["wrong_type", "malformed_json"]) }
        }
        15 => {
            let long = "k".repeat(65);
            let keys: [Option<&str>; 7] =
                [None, Some(""), Some("a b"), Some(&long), Some("键"), Some("a\tb"), Some("\u{e9}")];
            let given = *seeded.pick(&keys);
            let mut headers = vec![("content-type", "application/json")];
            headers.extend(given.map(|key| ("idempotency-key", key)));
            let codes: &[&str] = if given.is_none() {
                &["missing_idempotency_key"]
            } else {
                &["invalid_idempotency_key", "missing_idempotency_key"]
            };
            let bytes = request(form.method, &form.path, &headers, &write(&good));
            Wrong { what: told(&format!("key {given:?}")), bytes, must: blaming(codes, "idempotency-key") }
        }
        16 => {
            let types = [
                "",
                "text/plain",
                "application/xml",
                "application/x-www-form-urlencoded",
                "application/jsonp",
                "multipart/form-data; boundary=x",
                "\u{ff}",
            ];
            let content_type = *seeded.pick(&types);
            let headers = [("content-type", content_type), ("idempotency-key", key.as_str())];
            let bytes = request(form.method, &form.path, &headers, &write(&good));
            Wrong {
                what: told(&format!("content-type {content_type:?}")),
                bytes,
                must: must(&["unsupported_media_type"]),
            }
        }
        17 => {
            let method = *seeded.pick(&["PUT", "DELETE", "BREW", "post", "PROPFIND", "PATCHY"]);
            let bytes = request(method, &form.path, &json_headers, &write(&good));
            Wrong { what: format!("{method} {}", form.path), bytes, must: must(&["method_not_allowed"]) }
        }
        18 => {
            let paths = [
                "/",
                "/v1",
                "/v2/orders",
                "/v1/order",
                "/v1/orders/",
                "/v1//orders",
                "/v1/orders/x/y/z",
                "/V1/orders",
                "/../v1/orders",
                "/v1/accounts/x/y",
                "/%00",
                "/%",
                "/v1/%ff",
            ];
            let path = *seeded.pick(&paths);
            let bytes = request(form.method, path, &json_headers, &write(&good));
            Wrong {
                what: format!("{} {path}", form.method),
                bytes,
                must: must(&["unknown_route", "invalid_id", "method_not_allowed"]),
            }
        }
        19 => {
            let body = match seeded.below(3) {
                0 => write(&with(json!("x".repeat(BODY_BYTES_MAX)))),
                1 => vec![b' '; BODY_BYTES_MAX + 1 + seeded.index(200_000)],
                _ => [b"{\"a\":\"".to_vec(), vec![b'\\'; BODY_BYTES_MAX * 2]].concat(),
            };
            Wrong { what: told(&format!("{} bytes", body.len())), bytes: send(&body), must: must(&["body_too_large"]) }
        }
        20 => {
            // Another thing's id, or none at all, where the path names one.
            let ids = [
                "x",
                "%2e%2e",
                "A2026",
                "O20260101120000000-44-0000%00",
                "%F0%9F%92%B0",
                "G20260101120000000-98-00001",
            ];
            let path = seeded.pick(&[
                "/v1/accounts/{}/freeze",
                "/v1/orders/{}/refunds",
                "/v1/products/{}/review",
                "/v1/orders/{}/reversal",
            ]);
            let path = path.replace("{}", seeded.pick::<&str>(&ids));
            let fitting =
                forms.iter().find(|form| form.path.rsplit('/').next() == path.rsplit('/').next()).expect("a form");
            let fields: Vec<_> =
                fitting.fields.iter().map(|field| (field.name.to_owned(), field.good.clone())).collect();
            let bytes = request("POST", &path, &json_headers, &write(&fields));
            Wrong { what: format!("POST {path}"), bytes, must: must(&["invalid_id"]) }
        }
        _ => {
            let queries: [(&str, &'static [&'static str], &str); 12] = [
                ("/v1/catalogue", &["missing_field"], "msisdn"),
                ("/v1/catalogue?msisdn=1", &["invalid_msisdn"], "msisdn"),
                ("/v1/catalogue?msisdn=18912345678&location=99", &["invalid_choice"], "location"),
                ("/v1/catalogue?msisdn=18912345678&explain=perhaps", &["invalid_choice"], "explain"),
                ("/v1/catalogue?msisdn=18912345678&msisdn=18912345678", &["duplicate_field"], "msisdn"),
                ("/v1/catalogue?msisdn=%ff", &["invalid_text", "invalid_msisdn"], "msisdn"),
                ("/v1/catalogue?who=me", &["unknown_field"], "who"),
                ("/v1/number-plan/1", &["invalid_msisdn"], "msisdn"),
                ("/v1/number-plan/%F0%9F%93%B1", &["invalid_msisdn"], "msisdn"),
                ("/v1/subscribers/abc", &["invalid_msisdn"], "msisdn"),
                ("/v1/orders/O1", &["invalid_id"], "id"),
                ("/v1/accounts/O20260101120000000-44-00001", &["invalid_id"], "id"),
            ];
            let (path, codes, field) = *seeded.pick(&queries);
            Wrong { what: format!("GET {path}"), bytes: request("GET", path, &[], b""), must: blaming(codes, field) }
        }
    }
}
