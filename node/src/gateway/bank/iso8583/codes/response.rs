//! How it was answered.

use std::fmt;

/// A response code (field 39): two letters or digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ResponseCode([u8; 2]);

/// What an answer says about the money.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Outcome {
    /// It moved. After 10 only a part of it did: the answer's amount says how much.
    Approved,
    /// It did not move, and asking again will not help.
    Declined,
    /// Nobody can say whether it moved: it is reversed, or queried where it can not be. No answer at
    /// all, one that can not be read, and one whose MAC is wrong mean the same.
    Unknown,
    /// It did not move; a new request later may succeed.
    AskAgain,
}

/// What 96 means on a link. Banks differ; [`SwitchFailure::Unknown`] is right unless the bank's own
/// text says that nothing was executed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum SwitchFailure {
    /// The request may have been executed.
    #[default]
    Unknown,
    /// The request was not executed.
    NotExecuted,
}

use Outcome::{Approved, AskAgain, Declined, Unknown};

/// Code, outcome, meaning; ascending. Most are UnionPay's list of 2014; those marked † are only in older
/// lists, and their outcome is *inferred* from their meaning. A duplicate (94) is unknown: the one it
/// repeats may have been executed. D1 to DC and F1 to F5 answer files only.
const CODES: &[([u8; 2], Outcome, &str)] = &[
    (*b"00", Approved, "approved"),
    (*b"01", Declined, "refer to card issuer"),
    (*b"02", Declined, "refer to card issuer, special condition"), // †
    (*b"03", Declined, "invalid merchant"),
    (*b"04", Declined, "capture card"),
    (*b"05", Declined, "identity authentication failed"),
    (*b"06", Unknown, "error"),                            // †
    (*b"07", Declined, "capture card, special condition"), // †
    (*b"09", Unknown, "request in progress"),              // †
    (*b"10", Approved, "approved in part"),
    (*b"11", Approved, "approved, VIP"),
    (*b"12", Declined, "invalid related transaction"),
    (*b"13", Declined, "invalid amount"),
    (*b"14", Declined, "invalid card number"),
    (*b"15", Declined, "no such issuer"),
    (*b"16", Approved, "approved, update track 3"),
    (*b"17", Declined, "cancelled by the customer"), // †
    (*b"19", AskAgain, "re-enter transaction"),      // †
    (*b"20", Unknown, "invalid response"),           // †
    (*b"21", Declined, "card not initialised or dormant"),
    (*b"22", Declined, "relation to the original is suspicious"),
    (*b"23", Declined, "unacceptable transaction fee"), // †
    (*b"25", Declined, "original not found"),
    (*b"30", Declined, "format error"),
    (*b"31", Declined, "bank not supported by switch"), // †
    (*b"33", Declined, "expired card, capture"),        // †
    (*b"34", Declined, "suspected fraud, capture"),
    (*b"35", Declined, "contact acquirer, capture"),       // †
    (*b"36", Declined, "restricted card, capture"),        // †
    (*b"37", Declined, "call acquirer security, capture"), // †
    (*b"38", Declined, "PIN tries exceeded"),
    (*b"39", Declined, "no credit account"), // †
    (*b"40", Declined, "function not supported"),
    (*b"41", Declined, "lost card"),
    (*b"42", Declined, "no universal account"), // †
    (*b"43", Declined, "stolen card"),
    (*b"45", Declined, "fallback not allowed"),
    (*b"51", Declined, "insufficient funds"),
    (*b"52", Declined, "no cheque account"),  // †
    (*b"53", Declined, "no savings account"), // †
    (*b"54", Declined, "expired card"),
    (*b"55", Declined, "incorrect PIN"),
    (*b"56", Declined, "no card record"), // †
    (*b"57", Declined, "not permitted to cardholder"),
    (*b"58", Declined, "not permitted to terminal"),
    (*b"59", Declined, "card verification number wrong"),
    (*b"60", Declined, "contact acquirer"), // †
    (*b"61", Declined, "exceeds amount limit"),
    (*b"62", Declined, "restricted card"),
    (*b"63", Declined, "security violation"), // †
    (*b"64", Declined, "amount differs from the original"),
    (*b"65", Declined, "exceeds count limit"),
    (*b"66", Declined, "call acquirer security"), // †
    (*b"67", Declined, "capture card"),           // †
    (*b"68", Unknown, "issuer answered too late"),
    (*b"75", Declined, "PIN entered too often"),
    (*b"77", Declined, "sign-on needed"),           // †
    (*b"79", Declined, "terminal's batch differs"), // †
    (*b"90", AskAgain, "day-cut in progress"),
    (*b"91", AskAgain, "issuer inoperative"),
    (*b"92", AskAgain, "no route to the institution"),
    (*b"93", Declined, "against the law"), // †
    (*b"94", Unknown, "duplicate"),
    (*b"95", Unknown, "reconciliation error"), // †
    (*b"96", Unknown, "switch malfunction"),
    (*b"97", Declined, "terminal not found"),
    (*b"98", Unknown, "switch got no answer from the issuer"),
    (*b"99", Declined, "PIN format error"),
    (*b"A0", Declined, "MAC of the request is wrong"),
    (*b"A1", Declined, "currency differs"),
    (*b"A2", Approved, "approved with a defect"),
    (*b"A3", Declined, "no such account to credit"),
    (*b"A4", Approved, "approved with a defect"),
    (*b"A5", Approved, "approved with a defect"),
    (*b"A6", Approved, "approved with a defect"),
    (*b"A7", Declined, "security processing failed"),
    (*b"B1", Declined, "nothing is owed"),
    (*b"C1", Declined, "acquirer's state is illegal"),
    (*b"P1", Declined, "no phone number on file"),
    (*b"Y1", Approved, "approved offline"),
    (*b"Y3", Approved, "approved offline, unable to go online"),
    (*b"Z1", Declined, "declined offline"),
    (*b"Z3", Declined, "declined offline, unable to go online"),
];

impl ResponseCode {
    /// 00.
    pub const APPROVED: Self = Self(*b"00");

    /// `None` unless it is two letters or digits.
    #[must_use]
    pub fn new(code: &[u8]) -> Option<Self> {
        let code: [u8; 2] = code.try_into().ok()?;
        code.iter().all(u8::is_ascii_alphanumeric).then_some(Self(code))
    }

    fn row(self) -> Option<&'static ([u8; 2], Outcome, &'static str)> {
        CODES.binary_search_by_key(&self.0, |row| row.0).ok().map(|at| &CODES[at])
    }

    /// What it means, in a few words; `None` when no list has it.
    #[must_use]
    pub fn meaning(self) -> Option<&'static str> {
        self.row().map(|row| row.2)
    }

    /// What it says about the money. A code that no list has is [`Outcome::Unknown`]: a decline that is
    /// taken for unknown costs a reversal, the other way round it costs somebody's money.
    #[must_use]
    pub fn outcome(self, switch_failure: SwitchFailure) -> Outcome {
        if self.0 == *b"96" && switch_failure == SwitchFailure::NotExecuted {
            return AskAgain;
        }
        self.row().map_or(Unknown, |row| row.1)
    }

    /// Approved, but the books of the two sides may differ: look at it in reconciliation.
    #[must_use]
    pub fn is_defective(self) -> bool {
        matches!(&self.0, b"A2" | b"A4" | b"A5" | b"A6")
    }

    /// Do keys have to be reset before anything else is asked? A machine and not a person is at fault.
    #[must_use]
    pub fn is_security_alarm(self) -> bool {
        matches!(&self.0, b"99" | b"A0" | b"A7")
    }
}

impl fmt::Display for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}{}", char::from(self.0[0]), char::from(self.0[1]))
    }
}

impl fmt::Debug for ResponseCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn outcome(code: &str) -> Outcome {
        ResponseCode::new(code.as_bytes()).expect("two characters").outcome(SwitchFailure::Unknown)
    }

    #[test]
    fn rows_ascend() {
        assert!(CODES.is_sorted_by(|one, next| one.0 < next.0));
    }

    #[test]
    fn each_class_has_exactly_its_codes() {
        let of = |wanted: Outcome| -> Vec<String> {
            CODES.iter().filter(|row| row.1 == wanted).map(|row| ResponseCode(row.0).to_string()).collect()
        };
        assert_eq!(of(Approved), ["00", "10", "11", "16", "A2", "A4", "A5", "A6", "Y1", "Y3"]);
        assert_eq!(of(AskAgain), ["19", "90", "91", "92"]);
        assert_eq!(of(Unknown), ["06", "09", "20", "68", "94", "95", "96", "98"]);
    }

    #[test]
    fn what_nobody_has_heard_of_is_unknown() {
        for code in ["ZZ", "08", "D9", "a0"] {
            assert_eq!(outcome(code), Unknown, "{code}");
        }
        for bytes in [&b"0"[..], b"000", b"0 ", b"\xff\xff"] {
            assert_eq!(ResponseCode::new(bytes), None);
        }
    }

    #[test]
    fn a_failing_switch_executed_nothing_only_where_its_bank_says_so() {
        let failing = ResponseCode::new(b"96").expect("valid");
        assert_eq!(failing.outcome(SwitchFailure::default()), Unknown);
        assert_eq!(failing.outcome(SwitchFailure::NotExecuted), AskAgain);
        let silent = ResponseCode::new(b"98").expect("valid");
        assert_eq!(silent.outcome(SwitchFailure::NotExecuted), Unknown);
    }

    #[test]
    fn a_defect_is_approved_and_an_alarm_is_not() {
        for row in CODES {
            let code = ResponseCode(row.0);
            assert!(!code.is_defective() || row.1 == Approved, "{code}");
            assert!(!code.is_security_alarm() || row.1 == Declined, "{code}");
        }
    }
}
