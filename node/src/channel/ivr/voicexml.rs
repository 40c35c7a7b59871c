//! An answer as VoiceXML 2.1, for gateways that are driven by documents: one form, that says, collects and submits the next
//! step.
//!
//! Each prompt is an `audio` whose source is its stable id below `prompts/`, and whose words are said when there is no such
//! recording. The form is submitted to the path it came from; whoever signs for the gateway adds the headers.

use super::menu::{Next, Then};
use super::prompts::{Part, tag};
use super::token::StepOf;
use crate::soap::Written;

/// The media type.
pub(crate) const MEDIA_TYPE: &str = "application/voicexml+xml";

const NAMESPACE: &str = "http://www.w3.org/2001/vxml";

/// What the next step is submitted with.
const FIELDS: &str = "caller called started_at step state digits";

/// What an answer is written with beside what is said.
pub(crate) struct Sheet<'a> {
    /// The step it answers.
    pub(crate) of: &'a StepOf<'a>,
    /// The time the call began, as the gateway wrote it.
    pub(crate) started_at: &'a str,
    /// Where the next step goes.
    pub(crate) path: &'a str,
    /// The state for the next step.
    pub(crate) state: Option<&'a str>,
    /// How long an entry is waited for, in ms.
    pub(crate) timeout_ms: u64,
    /// The operator's number.
    pub(crate) operator: &'a str,
}

/// The document.
pub(crate) fn write(next: &Next, sheet: &Sheet<'_>) -> String {
    let root = [("version", "2.1"), ("xmlns", NAMESPACE), ("xml:lang", tag(next.language))];
    Written::document(|xml| {
        xml.element("vxml", &root, |xml| match (next.then, sheet.state) {
            (Then::Collect(standing), Some(state)) => {
                let digits_max = standing.place.digits_max();
                collect(xml, next, sheet, state, digits_max);
            }
            (Then::Transfer, _) => {
                let to = format!("tel:{}", sheet.operator);
                xml.element("form", &[], |xml| {
                    xml.element("transfer", &[("dest", &to), ("bridge", "false")], |xml| say(xml, next));
                });
            }
            _ => xml.element("form", &[], |xml| {
                xml.element("block", &[], |xml| {
                    say(xml, next);
                    xml.empty("disconnect", &[]);
                });
            }),
        });
    })
}

fn collect(xml: &mut Written, next: &Next, sheet: &Sheet<'_>, state: &str, digits_max: u8) {
    let step = (sheet.of.step + 1).to_string();
    let timeout = format!("{}ms", sheet.timeout_ms);
    let values = [
        ("caller", sheet.of.caller.to_string()),
        ("called", sheet.of.called.to_owned()),
        ("started_at", sheet.started_at.to_owned()),
        ("step", step),
        ("state", state.to_owned()),
    ];
    xml.element("form", &[], |xml| {
        for (name, value) in &values {
            // Values are letters, digits, `:`, `+`, `-`, `.`: nothing that ends a literal.
            xml.empty("var", &[("name", name), ("expr", &format!("'{value}'"))]);
        }
        xml.element("field", &[("name", "digits")], |xml| {
            xml.empty("property", &[("name", "inputmodes"), ("value", "dtmf")]);
            xml.empty("property", &[("name", "termchar"), ("value", "#")]);
            xml.empty("property", &[("name", "timeout"), ("value", &timeout)]);
            grammar(xml, digits_max);
            say(xml, next);
            for event in ["noinput", "nomatch"] {
                xml.element(event, &[], |xml| {
                    xml.empty("assign", &[("name", "digits"), ("expr", if event == "noinput" { "''" } else { "'?'" })]);
                    submit(xml, sheet.path);
                });
            }
            xml.element("filled", &[], |xml| submit(xml, sheet.path));
        });
    });
}

/// One to so many keys.
fn grammar(xml: &mut Written, digits_max: u8) {
    let repeat = format!("1-{digits_max}");
    let attributes =
        [("mode", "dtmf"), ("version", "1.0"), ("root", "keys"), ("xmlns", "http://www.w3.org/2001/06/grammar")];
    xml.element("grammar", &attributes, |xml| {
        xml.element("rule", &[("id", "keys")], |xml| {
            xml.element("item", &[("repeat", &repeat)], |xml| {
                xml.element("one-of", &[], |xml| {
                    for key in ["0", "1", "2", "3", "4", "5", "6", "7", "8", "9", "*"] {
                        xml.leaf("item", key);
                    }
                });
            });
        });
    });
}

fn submit(xml: &mut Written, path: &str) {
    xml.empty("submit", &[("next", path), ("method", "post"), ("namelist", FIELDS)]);
}

fn say(xml: &mut Written, next: &Next) {
    xml.element("prompt", &[], |xml| {
        for part in &next.says {
            let words = part.text(next.language);
            match part {
                Part::Say(_) | Part::Refused(_) => {
                    let source = format!("prompts/{}/{}.wav", tag(next.language), part.id());
                    xml.element("audio", &[("src", &source)], |xml| xml.text(&words));
                }
                Part::Amount(_) => xml.element("say-as", &[("interpret-as", "currency")], |xml| xml.text(&words)),
                Part::Digits(_) => xml.element("say-as", &[("interpret-as", "digits")], |xml| xml.text(&words)),
                Part::Name(_) => xml.element("s", &[], |xml| xml.text(&words)),
            }
        }
    });
}
