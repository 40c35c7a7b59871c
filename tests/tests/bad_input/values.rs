//! Values that a field can not hold: of the right JSON type, and of another.

use mpss_tests::seeded::Seeded;
use serde_json::{Value, json};

use crate::forms::{Field, Kind};

/// A value of the right JSON type that the field can not hold, and the code that says so.
pub(crate) fn bad_value(kind: Kind, seeded: &mut Seeded) -> (Value, &'static [&'static str]) {
    let text = |choices: &[&str], seeded: &mut Seeded| json!(*seeded.pick(choices));
    match kind {
        Kind::Msisdn => {
            let bad = [
                "",
                "1",
                "1891234567",
                "189123456789",
                "28912345678",
                "+1-555-0100",
                "１８９１２３４５６７８",
                "18912 45678",
                "tel:",
                "+86",
                "18912345678\u{0}",
                "-8912345678",
                "189123456७8",
                "1.8e10",
                "0x1891234567",
                "tel:tel:18912345678",
            ];
            (text(&bad, seeded), &["invalid_msisdn"])
        }
        Kind::Amount => {
            let bad = [
                "",
                "-1.00",
                "-0.01",
                "+1.00",
                "1.001",
                "0.005",
                "1e3",
                "1.0e0",
                "NaN",
                "inf",
                "Infinity",
                "1,000.00",
                "1 000.00",
                "¥1.00",
                "１.００",
                "١٢",
                "1.",
                ".5",
                "00.10",
                "0x10",
                "10000000.01",
                "99999999999999999999999999.99",
                "1.00\u{0}",
                " 1.00",
                "1.00 ",
                "1.-5",
                "--1",
                "1..0",
                "null",
                "९.००",
            ];
            (text(&bad, seeded), &["invalid_amount"])
        }
        Kind::Id => {
            let bad = [
                "",
                "X",
                "../../etc/passwd",
                "A20260101120000000-44-00001'--",
                "G20260101120000000-99-00001",
                "G20261301120000000-44-00001",
                "G20260101120000000-44-99999",
                "ｇ20260101120000000-44-00001",
                "G20260101120000000-44-0000",
                "\u{202e}G20260101120000000-44-00001",
                "O2026",
                "%00",
            ];
            (text(&bad, seeded), &["invalid_id"])
        }
        Kind::Choice => (
            text(&["", "none", "VIRTUAL", "virtual ", "0", "999", "４４", "\u{0}", "web\u{200b}", "null"], seeded),
            &["invalid_choice"],
        ),
        Kind::Password => {
            let bad = [
                "",
                "1",
                "12345",
                "1234567",
                "12345a",
                "１２３４５６",
                "12 456",
                "-12345",
                "123456\n",
                "१२३४५६",
                "      ",
            ];
            (text(&bad, seeded), &["invalid_password"])
        }
        Kind::Url => {
            let bad = [
                "",
                "x",
                "ftp://a/b",
                "http://",
                "javascript:alert(1)",
                "http://a b/",
                "http://u:p@h/",
                "//h/x",
                "http://é/",
            ];
            (text(&bad, seeded), &["invalid_url"])
        }
        Kind::Time => {
            let bad = [
                "",
                "tomorrow",
                "2026-13-01T00:00:00Z",
                "2026-02-30T00:00:00Z",
                "1",
                "2026-01-01",
                "2026-01-01T00:00:00",
            ];
            (text(&bad, seeded), &["invalid_time"])
        }
        Kind::Text => {
            let long = "长".repeat(5_000);
            let piled = format!("Z{}", "\u{0301}".repeat(60));
            let bad = [
                "",
                " ",
                "\t",
                "\u{0}",
                "a\u{0}b",
                "a\nb",
                "\u{202e}evil",
                "a\u{200b}b",
                "\u{feff}",
                "\u{1b}[31mred",
                "\u{7f}",
                "\u{2066}x\u{2069}",
                " padded",
                "padded\u{a0}",
                "\u{301}",
                long.as_str(),
                piled.as_str(),
            ];
            (text(&bad, seeded), &["invalid_text"])
        }
        Kind::Number => {
            let bad = [
                json!(-1),
                json!(0),
                json!(1.5),
                json!(-0.0),
                json!(1e30),
                json!(4_294_967_296_u64),
                json!(u64::MAX),
                json!(i64::MIN),
            ];
            (seeded.pick(&bad).clone(), &["out_of_range", "wrong_type"])
        }
    }
}

/// A value of a JSON type the field does not take. Null is left out for optional fields: there it
/// may mean "not given".
pub(crate) fn wrong_type(field: &Field, seeded: &mut Seeded) -> Value {
    let deep = (0..60).fold(json!(1), |inner, _| json!([inner]));
    let mut choices = vec![json!(true), json!([]), json!({}), json!([1, "x"]), json!({"a": {"b": []}}), deep];
    choices.push(if field.kind == Kind::Number { json!("1") } else { json!(12.5) });
    if field.kind != Kind::Number {
        choices.push(json!(-7));
        choices.push(json!(18_912_345_678_u64));
    }
    if field.required {
        choices.push(Value::Null);
    }
    seeded.pick(&choices).clone()
}
