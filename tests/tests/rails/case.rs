//! What must come of each cell.

use serde_json::{Value, json};

use super::outcome::{Account, Flow, Outcome, PRICE, REFUND};

/// The bank is waited for 18 s, so this is too late, in ms.
const LATE_FOR_THE_BANK_MS: u64 = 20_000;
/// Others are waited for not quite 3 s and asked after 5 s, so this is too late, in ms.
const LATE_FOR_OTHERS_MS: u64 = 4_000;
/// In time, and longer than two who ask at once are apart, in ms.
const LATENCY_OF_TWO_MS: u64 = 1_500;

/// A cell.
#[derive(Debug, Clone)]
pub(crate) struct Case {
    /// What becomes of the peer's next requests, from the purchase on.
    pub(crate) manner: Value,
    /// The same from the reversal or refund on.
    pub(crate) manner_after: Value,
    /// How the order may end: its status, and why it was declined.
    pub(crate) ends: &'static [&'static str],
    /// What reconciliation has to decide, in fen: above zero it is with the peer and should not be, below
    /// zero it is still held there and should have been taken.
    pub(crate) suspense: i64,
}

impl Outcome {
    /// The cell; `None` when there is none: stored value asks nobody outside, what is taken at once is not
    /// captured, and a bank does not refuse a refund here.
    pub(crate) fn case(self, flow: Flow, account: Account) -> Option<Case> {
        match flow {
            Flow::Recharge if account == Account::Virtual => self.case_of_card(),
            Flow::Recharge => None,
            _ => self.case_of_order(flow, account),
        }
    }

    fn case_of_order(self, flow: Flow, account: Account) -> Option<Case> {
        let outside = account.rail().is_some();
        let is_bank = account.is_at_bank();
        let next = |troubles: &[&str]| json!({ "next": troubles });
        let first_is_refused =
            |bank: &str, ismp: &str| json!({ "next": ["refused"], "refusal": if is_bank { bank } else { ismp } });
        let none = next(&[]);
        let ends = |ends| Case { manner: none.clone(), manner_after: none.clone(), ends, suspense: 0 };
        let from_purchase = |manner, ends| Case { manner, manner_after: none.clone(), ends, suspense: 0 };
        let after = |manner_after, ends| Case { manner: none.clone(), manner_after, ends, suspense: 0 };
        // The home province undoes what it knows no end of; of another province's order that is a payment
        // that never was and never will be.
        let given_up: &[&str] = match flow {
            Flow::Local | Flow::Upp => &["reversed"],
            _ => &["declined: already_reversed"],
        };
        let case = match self {
            Self::Success => ends(&["delivered"]),
            Self::Declined if account == Account::Communication => {
                from_purchase(first_is_refused("", "not_in_service"), &["declined: line_not_in_service"])
            }
            Self::Declined if outside => {
                from_purchase(first_is_refused("51", "insufficient_funds"), &["declined: insufficient_funds"])
            }
            // It is refused before there is an order.
            Self::Declined if matches!(flow, Flow::Local | Flow::Upp) => ends(&["refused: insufficient_funds"]),
            Self::Declined => ends(&["declined: insufficient_funds"]),
            Self::RequestLost if outside => from_purchase(next(&["lost"]), given_up),
            // Who can be asked says that it was done.
            Self::AnswerLost if is_bank => from_purchase(next(&["answer_lost"]), given_up),
            Self::AnswerLost if outside => from_purchase(next(&["answer_lost"]), &["delivered"]),
            Self::LateAnswer if is_bank => {
                from_purchase(json!({ "next": ["late"], "late_ms": LATE_FOR_THE_BANK_MS }), given_up)
            }
            Self::LateAnswer if outside => from_purchase(late_for_others(), &["delivered"]),
            // The next question comes after 50 s; our order's own bound, 30 s, is over before. The UPP waits.
            Self::SilentAgain if outside && !is_bank => {
                let end: &[&str] = if flow == Flow::Upp { &["delivered"] } else { &["reversed"] };
                from_purchase(next(&["answer_lost", "lost"]), end)
            }
            Self::SilentAgain if outside => from_purchase(next(&["answer_lost", "lost"]), given_up),
            Self::CaptureLost if account.holds() => from_purchase(next(&["none", "lost"]), &["delivered"]),
            Self::CaptureDeclined if account.holds() => Case {
                suspense: -PRICE,
                ..from_purchase(json!({ "next": ["none", "refused"], "refusal": "12" }), &["delivered"])
            },
            Self::SpRefuses | Self::SpSilent => ends(&["reversed"]),
            Self::SpRefusesAndGivingUpIsUnanswered if outside => {
                from_purchase(next(&["none", "answer_lost"]), &["reversed"])
            }
            Self::CalledOff if flow == Flow::Upp && outside => from_purchase(next(&["answer_lost"]), &["reversed"]),
            Self::CalledOffFirst if flow == Flow::Upp => ends(&["reversed"]),
            Self::SentTwice if flow == Flow::Upp => ends(&["delivered"]),
            // It is told of the end of what was pending: of what is asked outside.
            Self::NoticeLost | Self::NoticeUnanswered if flow == Flow::Upp && outside => ends(&["delivered"]),
            Self::Reversed => ends(&["reversed"]),
            Self::ReversalLost if outside => after(next(&["lost"]), &["reversed"]),
            Self::ReversalUnanswered if outside => after(next(&["answer_lost"]), &["reversed"]),
            // What the bank, or the UPP, will not take back it is told to refund.
            Self::ReversalDeclined if is_bank || account == Account::AtUpp => {
                after(first_is_refused("12", "refused"), &["reversed"])
            }
            // What the ISMP will not credit stays with it, and reconciliation decides; an order of ours is reversed
            // all the same, and of one of the UPP's its payment is what is shown.
            Self::ReversalDeclined if outside => {
                let end: &[&str] = if flow == Flow::Upp { &["reversing"] } else { &["reversed"] };
                Case { suspense: PRICE, ..after(first_is_refused("", "refused"), end) }
            }
            Self::Refunded => ends(&["partly_refunded"]),
            Self::RefundLost if outside => after(next(&["lost"]), &["partly_refunded"]),
            Self::RefundUnanswered if outside => after(next(&["answer_lost"]), &["partly_refunded"]),
            Self::RefundDeclined if outside && !is_bank => {
                Case { suspense: REFUND, ..after(first_is_refused("", "refused"), &["partly_refunded"]) }
            }
            // It was not taken yet, or it was and the leader told it or could not: any of these is an end,
            // as long as the peer has taken just what it costs.
            Self::KilledAtOnce if matches!(flow, Flow::Local | Flow::Upp) => ends(&["delivered", "reversed"]),
            Self::KilledAtOnce => ends(&["delivered", "reversed", "declined: already_reversed"]),
            Self::KilledWhileAsked if is_bank => from_purchase(next(&["answer_lost"]), given_up),
            Self::KilledWhileAsked if outside => from_purchase(next(&["answer_lost"]), &["delivered"]),
            Self::KilledWhileDelivering => ends(&["delivered"]),
            Self::KilledWhileCapturing if account.holds() => {
                from_purchase(next(&["none", "answer_lost", "answer_lost"]), &["delivered"])
            }
            Self::KilledWhileUndoing if is_bank => {
                from_purchase(next(&["answer_lost", "answer_lost", "answer_lost"]), &["reversed"])
            }
            // The question comes in between.
            Self::KilledWhileUndoing if outside => from_purchase(
                next(&["answer_lost", "lost", "answer_lost", "answer_lost", "answer_lost"]),
                &["reversed"],
            ),
            Self::KilledWhileReversing if outside => after(next(&["answer_lost", "answer_lost"]), &["reversed"]),
            Self::KilledWhileReversing => ends(&["reversed"]),
            Self::KilledWhileRefunding if outside => after(next(&["answer_lost", "answer_lost"]), &["partly_refunded"]),
            Self::KilledWhileRefunding => ends(&["partly_refunded"]),
            _ => return None,
        };
        Some(case)
    }

    /// A card is set aside, which says what it is worth, and then used.
    fn case_of_card(self) -> Option<Case> {
        let of = |manner, ends| Case { manner, manner_after: json!({}), ends, suspense: 0 };
        let next = |troubles: &[&str], ends| of(json!({ "next": troubles }), ends);
        let case = match self {
            Self::Success => next(&[], &["credited"]),
            Self::Declined => {
                of(json!({ "next": ["refused"], "refusal": "unknown_pin" }), &["refused: recharge_card_unknown"])
            }
            Self::CardUsed => next(&[], &["refused: recharge_card_used"]),
            // The platform says that it has never seen it; that is forbidden then, and the card good as before.
            Self::RequestLost => next(&["lost"], &["refused: unresolved"]),
            Self::AnswerLost => next(&["answer_lost"], &["credited"]),
            Self::LateAnswer => of(late_for_others(), &["credited"]),
            Self::SilentAgain => next(&["answer_lost", "lost"], &["credited"]),
            Self::CaptureLost => next(&["none", "lost"], &["credited"]),
            Self::CaptureDeclined => {
                of(json!({ "next": ["none", "refused"], "refusal": "refused" }), &["refused: declined_outside"])
            }
            // The platform takes its time, so that the second asks while the first has it.
            Self::CardOfTwo => {
                of(json!({ "latency_ms": LATENCY_OF_TWO_MS }), &["credited and refused: recharge_card_in_use"])
            }
            Self::CardOfTwoProvinces => {
                next(&[], &["credited and refused: recharge_card_in_use", "credited and refused: recharge_card_used"])
            }
            Self::KilledAtOnce => next(&[], &["credited", "refused: unresolved"]),
            Self::KilledWhileAsked => next(&["answer_lost"], &["credited"]),
            Self::KilledWhileCapturing => next(&["none", "answer_lost", "answer_lost"], &["credited"]),
            _ => return None,
        };
        Some(case)
    }
}

fn late_for_others() -> Value {
    json!({ "next": ["late"], "late_ms": LATE_FOR_OTHERS_MS })
}
