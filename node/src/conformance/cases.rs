//! What there is to be shown, in the order in which it is played.

use serde::Serialize;

/// How much a case weighs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Level {
    /// Without it the SP is not ready.
    Must,
    /// Worth having.
    Should,
}

/// What is done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Play {
    /// An order is told.
    Accepted,
    /// A notice comes again in this manner, and is as good as the first.
    Again(&'static str),
    /// The platform does not hear that an order was accepted.
    AnswerLost,
    /// Notices of two orders come in one request.
    Several,
    /// An order is called off.
    Cancel,
    /// A notice that must not be believed, in this manner.
    Forged(&'static str),
    /// The SP charges, and its requests meet with this.
    Charge(&'static [&'static str]),
    /// The SP refunds a part, and does not hear the first answer.
    Refund,
    /// The SP reverses an order.
    Reversal,
    /// The SP reads what it was not told.
    Events,
    /// All that the SP has asked was signed rightly.
    Signed,
    /// No nonce came twice.
    Nonces,
    /// No request id stood for two requests.
    RequestIds,
}

/// One thing to be shown.
#[derive(Debug, Clone, Copy)]
pub(super) struct Case {
    /// Stable name.
    pub(super) id: &'static str,
    pub(super) level: Level,
    pub(super) title: &'static str,
    pub(super) title_zh: &'static str,
    pub(super) play: Play,
}

const fn must(id: &'static str, title: &'static str, title_zh: &'static str, play: Play) -> Case {
    Case { id, level: Level::Must, title, title_zh, play }
}

/// Every case.
pub(super) const CASES: [Case; 26] = [
    must("told-accepted", "an order is accepted", "发货通知被接受", Play::Accepted),
    must("told-again", "the same notice again has the same answer", "重复通知得到相同应答", Play::Again("again")),
    must("told-answer-lost", "an answer that got lost is given again", "应答丢失后再次应答", Play::AnswerLost),
    must("told-several", "each notice of one request is answered", "一次请求中的多条通知逐条应答", Play::Several),
    must("told-cancel", "a reversal is accepted", "冲正通知被接受", Play::Cancel),
    must(
        "told-unknown-members",
        "members of a later version are passed over",
        "忽略后续版本的新增字段",
        Play::Again("more_members"),
    ),
    must(
        "told-next-key",
        "the next key of the platform is believed",
        "认可平台已公布的下一把密钥",
        Play::Again("next_key"),
    ),
    must("forged-unsigned", "a notice without a signature is refused", "拒绝未签名的通知", Play::Forged("unsigned")),
    must("forged-body", "another body than was signed is refused", "拒绝内容被改动的通知", Play::Forged("other_body")),
    must("forged-key", "a signature by somebody else is refused", "拒绝他人密钥的签名", Play::Forged("other_key")),
    must(
        "forged-unknown-key",
        "a key that is not published is refused",
        "拒绝未公布的密钥",
        Play::Forged("unknown_key"),
    ),
    must("forged-old", "a signature of ten minutes ago is refused", "拒绝十分钟前的签名", Play::Forged("old")),
    must(
        "forged-target",
        "what was signed for another address is refused",
        "拒绝为其他地址签名的通知",
        Play::Forged("other_target"),
    ),
    must(
        "forged-digest-not-covered",
        "a digest that is not signed is refused",
        "拒绝摘要未被签名的通知",
        Play::Forged("digest_not_covered"),
    ),
    must("forged-no-digest", "a notice without a digest is refused", "拒绝没有摘要的通知", Play::Forged("no_digest")),
    Case {
        id: "forged-replayed",
        level: Level::Should,
        title: "the very same signature a second time is refused",
        title_zh: "拒绝重放的签名",
        play: Play::Forged("replayed"),
    },
    must("asked-charge", "a subscriber is charged", "发起扣费", Play::Charge(&[])),
    must(
        "asked-answer-lost",
        "without an answer the same request is sent again",
        "未收到应答时以同一请求号重发",
        Play::Charge(&["answer_lost"]),
    ),
    must(
        "asked-not-now",
        "what was put off is sent again, and is one order",
        "被延后的请求以同一请求号重发",
        Play::Charge(&["lost", "refused"]),
    ),
    must(
        "asked-over-a-crash",
        "a node that crashes costs nobody anything",
        "节点故障不丢单不重扣",
        Play::Charge(&["crash"]),
    ),
    must("asked-refund", "a part is refunded, once", "部分退款且只退一次", Play::Refund),
    must("asked-reversal", "an order is reversed", "发起冲正", Play::Reversal),
    must("asked-events", "what was not told is read by number", "按序号补读未通知的事件", Play::Events),
    must("asked-signed", "every request is signed rightly", "全部请求签名正确", Play::Signed),
    must("asked-nonces", "no nonce comes twice", "随机数不重复", Play::Nonces),
    must("asked-request-ids", "no request id stands for two requests", "请求号不挪作他用", Play::RequestIds),
];

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::CASES;

    #[test]
    fn every_case_has_a_name_of_its_own_and_is_told_in_both_languages() {
        let ids: BTreeSet<_> = CASES.iter().map(|case| case.id).collect();
        assert_eq!(ids.len(), CASES.len());
        for case in CASES {
            assert!(case.title.is_ascii() && !case.title_zh.is_ascii(), "{}", case.id);
        }
    }
}
