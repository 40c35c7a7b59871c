//! The edge's own answers of refusal: stable number, stable name, HTTP status, and whether the same
//! request may succeed later. A number is never reused or removed.

macro_rules! edge_codes {
    ($($(#[$doc:meta])* $name:ident = $number:literal $code:literal $status:literal $retry:ident $title:literal $zh:literal;)*) => {
        /// Why the edge did not pass a request on.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub enum EdgeCode { $($(#[$doc])* $name,)* }

        impl EdgeCode {
            /// Every code, ascending by number.
            pub const ALL: &'static [Self] = &[$(Self::$name,)*];

            /// The stable number.
            #[must_use]
            pub const fn number(self) -> u16 {
                match self { $(Self::$name => $number,)* }
            }

            /// The stable name.
            #[must_use]
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)* }
            }

            /// The HTTP status it is answered with.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// True when the same request may succeed later without being changed.
            #[must_use]
            pub const fn retryable(self) -> bool {
                match self { $(Self::$name => edge_codes!(@retry $retry),)* }
            }

            /// One English phrase, the same for every occurrence.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }

            /// One Chinese sentence.
            #[must_use]
            pub const fn text_zh(self) -> &'static str {
                match self { $(Self::$name => $zh,)* }
            }
        }
    };
    (@retry retry) => { true };
    (@retry never) => { false };
}

edge_codes! {
    /// The body is not JSON, or holds more than one value.
    MalformedJson = 100 "malformed_json" 400 never "The body is not one JSON object" "请求体不是有效的 JSON";
    /// A field, or the body, has another JSON type than it must.
    WrongType = 101 "wrong_type" 400 never "A value has the wrong JSON type" "字段类型错误";
    /// A required field or query parameter is missing.
    MissingField = 102 "missing_field" 400 never "A required field is missing" "缺少必填字段";
    /// A field or query parameter that is not known here.
    UnknownField = 103 "unknown_field" 400 never "A field is not known" "未知字段";
    /// A field or query parameter is given twice.
    DuplicateField = 104 "duplicate_field" 400 never "A field is given twice" "字段重复";
    /// Not an amount in yuan with at most two places, or more than one request may name.
    InvalidAmount = 105 "invalid_amount" 400 never "An amount is not valid" "金额格式错误";
    /// Not a subscriber number.
    InvalidMsisdn = 106 "invalid_msisdn" 400 never "A subscriber number is not valid" "手机号码格式错误";
    /// Not an identity of the kind that belongs here.
    InvalidId = 107 "invalid_id" 400 never "An identity is not valid" "标识格式错误";
    /// Text that is empty, too long, or holds characters that have no place in it.
    InvalidText = 108 "invalid_text" 400 never "A text is not valid" "文本内容无效";
    /// Not a time of RFC 3339.
    InvalidTime = 109 "invalid_time" 400 never "A time is not valid" "时间格式错误";
    /// Not one of the words that are possible here.
    InvalidChoice = 110 "invalid_choice" 400 never "A value is not one of the possible ones" "取值不在允许范围内";
    /// Not six digits.
    InvalidPassword = 111 "invalid_password" 400 never "A payment password has six digits" "支付密码应为六位数字";
    /// A whole number outside its bounds.
    OutOfRange = 112 "out_of_range" 400 never "A number is out of range" "数值超出范围";
    /// Two fields that exclude each other.
    ConflictingFields = 113 "conflicting_fields" 400 never "Two fields exclude each other" "字段互相冲突";
    /// A change that names nothing to change.
    NothingToChange = 114 "nothing_to_change" 400 never "Nothing to change is named" "没有需要变更的内容";
    /// Not the URL of a server.
    InvalidUrl = 115 "invalid_url" 400 never "A URL is not valid" "网址格式错误";
    /// Not a cursor that was given out here.
    InvalidCursor = 116 "invalid_cursor" 400 never "The cursor is not valid" "分页游标无效";
    /// The number plan has a line that can not be used.
    InvalidNumberPlan = 117 "invalid_number_plan" 400 never "The number plan can not be used" "号段表有误";
    /// Two values of a policy contradict each other.
    InvalidPolicy = 118 "invalid_policy" 400 never "The policy contradicts itself" "策略内容自相矛盾";
    /// A new payment password that is tried first by whoever guesses.
    WeakPassword = 119 "weak_password" 400 never "The payment password is too easily guessed" "支付密码过于简单";
    /// A change without the caller's request id.
    MissingIdempotencyKey = 120 "missing_idempotency_key" 400 never "The header Idempotency-Key is missing" "缺少 Idempotency-Key 请求头";
    /// A request id that is not 1 to 64 visible ASCII characters.
    InvalidIdempotencyKey = 121 "invalid_idempotency_key" 400 never "The header Idempotency-Key is not valid" "Idempotency-Key 请求头无效";
    /// No resource has this path.
    UnknownRoute = 130 "unknown_route" 404 never "There is nothing at this path" "路径不存在";
    /// The resource does not take this method.
    MethodNotAllowed = 131 "method_not_allowed" 405 never "The method is not allowed here" "不支持该请求方法";
    /// The body is of another media type than this resource takes.
    UnsupportedMediaType = 132 "unsupported_media_type" 415 never "The media type is not taken here" "不支持的内容类型";
    /// The body is larger than this resource takes.
    BodyTooLarge = 133 "body_too_large" 413 never "The body is too large" "请求体过大";
    /// The body did not arrive in time, or broke off.
    BodyIncomplete = 134 "body_incomplete" 408 retry "The body did not arrive" "请求体未完整到达";
    /// The number is ours, but its subscriber has never opened an account.
    SubscriberNotFound = 140 "subscriber_not_found" 404 never "The subscriber has opened no account" "用户尚未开户";
    /// Top-ups by this method are not connected.
    TopUpMethodUnsupported = 150 "top_up_method_unsupported" 422 never "This way of topping up is not available" "不支持该充值方式";
    /// Not signed, or not by who may ask for this.
    BadSignature = 151 "bad_signature" 401 never "The signature is missing or wrong" "签名缺失或错误";
    /// This province has no key for a vault of cards.
    VaultClosed = 152 "vault_closed" 422 never "This province has no vault for cards" "本省未开通卡库";
    /// This province has no key to sign tickets with.
    TicketsClosed = 153 "tickets_closed" 422 never "This province has no tickets" "本省未开通电子票";
    /// The SP knows no bill with this number.
    BillNotFound = 154 "bill_not_found" 422 never "There is no bill with this number" "账单不存在";
    /// The lottery has had no draw.
    DrawNotFound = 156 "draw_not_found" 404 never "This lottery has no draw" "该彩票没有期次";
    /// One caller asks too often; nothing happened.
    TooManyRequests = 160 "too_many_requests" 429 retry "Too many requests for one subscriber" "请求过于频繁，请稍后再试";
    /// The node has too much to do; nothing happened.
    Busy = 161 "busy" 503 retry "The node is too busy" "系统繁忙，请稍后再试";
    /// Whoever decides this can not be reached; nothing happened.
    Unavailable = 162 "unavailable" 503 retry "The service is not available now" "服务暂不可用，请稍后再试";
    /// A question could not be answered in time; nothing happened.
    DeadlinePassed = 163 "deadline_passed" 503 retry "There was no answer in time" "应答超时，请稍后再试";
    /// It may have happened or not; the same request id tells.
    OutcomeUnknown = 164 "outcome_unknown" 504 retry "The outcome is unknown" "结果未知，请用同一请求号重试";
    /// The node does not take part in its province yet.
    NotReady = 165 "not_ready" 503 retry "The node is not ready" "节点尚未就绪";
    /// The key that a payment password is to be sealed to can not be had, or is not known here; nothing happened.
    SealKeyUnavailable = 166 "seal_key_unavailable" 503 retry "The password can not be sealed or opened now" "暂时无法加密或解密支付密码，请稍后再试";
    /// The province's group refuses the change of its members.
    ClusterChangeRefused = 170 "cluster_change_refused" 422 never "The change of the group is refused" "集群变更被拒绝";
    /// A value that can not be taken, for a reason that has no name of its own.
    InvalidValue = 180 "invalid_value" 400 never "A value can not be taken" "取值无效";
    /// A bug of ours; it was logged.
    Internal = 190 "internal" 500 retry "Something went wrong here" "系统内部错误";
    /// The request must be signed, and is not.
    SignatureMissing = 201 "signature_missing" 401 never "The request is not signed" "请求未签名";
    /// The headers of the signature are larger than is read.
    SignatureTooLarge = 202 "signature_too_large" 431 never "The signature's headers are too large" "签名请求头过大";
    /// The signature can not be read.
    SignatureMalformed = 203 "signature_malformed" 401 never "The signature can not be read" "签名格式错误";
    /// The signature does not cover, or does not say, what it must.
    SignatureIncomplete = 204 "signature_incomplete" 401 never "The signature does not cover what it must" "签名覆盖内容不完整";
    /// The signature was made too long ago.
    SignatureExpired = 205 "signature_expired" 401 never "The signature is too old" "签名已过期";
    /// The signature was made in the future.
    SignatureFromFuture = 206 "signature_from_future" 401 never "The signature's time is in the future" "签名时间晚于当前时间";
    /// A signed change without a digest of its body.
    DigestMissing = 207 "digest_missing" 401 never "The header Content-Digest is missing" "缺少 Content-Digest 请求头";
    /// The body is another one than was signed.
    DigestMismatch = 208 "digest_mismatch" 401 never "The body is not the one that was signed" "请求体与摘要不一致";
    /// Nobody has this key.
    UnknownKey = 209 "unknown_key" 401 never "No key has this id" "密钥标识不存在";
    /// The key is not good yet, or no longer.
    KeyNotGood = 210 "key_not_good" 401 never "The key is not good now" "密钥未生效或已失效";
    /// The key signs in another way than the signature says.
    AlgorithmMismatch = 211 "algorithm_mismatch" 401 never "The key is of another algorithm" "签名算法与密钥不符";
    /// The signature is not this message's by this key.
    SignatureWrong = 212 "signature_wrong" 401 never "The signature is wrong" "签名错误";
    /// The signature was taken before.
    SignatureReplayed = 213 "signature_replayed" 401 never "The signature was used before" "签名已被使用";
    /// This province has no key that secrets of SPs could be sealed with.
    SecretsClosed = 214 "secrets_closed" 422 never "This province can keep no secrets of SPs" "本省未配置密钥保护，不能保存商户密钥";
    /// Nothing was asked under this request id, or nothing is remembered of it.
    RequestNotFound = 215 "request_not_found" 404 never "Nothing is known of this request id" "请求号不存在";
    /// Not the state that was given out for this step of this call.
    InvalidCallState = 216 "invalid_call_state" 400 never "The state is not this call's at this step" "通话状态无效";
    /// The call has gone on for longer than one may.
    CallExpired = 217 "call_expired" 422 never "The call has gone on for too long" "通话已超时";
}

#[cfg(test)]
mod tests {
    use super::EdgeCode;
    use mpss_domain::Refusal;

    #[test]
    fn numbers_and_names_are_ours_alone() {
        for pair in EdgeCode::ALL.windows(2) {
            assert!(pair[0].number() < pair[1].number(), "numbers ascend: {pair:?}");
        }
        let mut names: Vec<&str> = EdgeCode::ALL.iter().map(|code| code.code()).collect();
        names.extend(Refusal::TABLE.iter().map(|row| row.1));
        let all = names.len();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all, "a name is used twice");
        for code in EdgeCode::ALL {
            assert!((100..1000).contains(&code.number()), "{code:?}");
            assert!(Refusal::TABLE.iter().all(|row| row.0 != code.number()), "{code:?}");
        }
    }

    #[test]
    fn a_status_says_what_the_caller_may_do() {
        for code in EdgeCode::ALL {
            let again = matches!(code.status(), 408 | 429 | 500 | 503 | 504);
            assert_eq!(code.retryable(), again, "{code:?}");
        }
    }
}
