//! The domain's refusals in English sentences, by their stable number.

/// One English sentence for a refusal.
pub(crate) const fn english(number: u16) -> &'static str {
    match number {
        1001 => "This request id was used before with other content.",
        1002 => "The request is too old to be told from a repetition.",
        2001 => "No range of the number plan holds this number.",
        2002 => "The number belongs to another operator.",
        2003 => "This province is not the number's home; ask again.",
        3001 => "There is no such account.",
        3002 => "The subscriber has an account of this kind already.",
        3003 => "The account is frozen.",
        3004 => "The account is closed.",
        3005 => "The account has not been confirmed yet.",
        3006 => "Money remains in the account.",
        3007 => "Orders that use the account are still open.",
        3008 => "The limit is above the ceiling of the account's kind and tier.",
        3009 => "The amount is above the account's limit for one payment.",
        3010 => "The amount does not fit into what is left of today's limit.",
        3011 => "The available balance is smaller than the amount.",
        3012 => "The balance would rise above its ceiling.",
        3013 => "The account is not frozen.",
        3014 => "The thaw date lies in the past.",
        3015 => "Accounts of this kind can not be used for this.",
        3016 => "The limit is not positive, or the one per payment is above the one per day.",
        3017 => "The account is frozen already.",
        4001 => "The payment password is wrong.",
        4002 => "The payment password is locked after too many wrong attempts.",
        4003 => "The payment password was changed meanwhile; send the request again.",
        5001 => "There is no such SP.",
        5002 => "The SP is suspended.",
        5003 => "There is no such product.",
        5004 => "The product is not on sale.",
        5005 => "The product is not for this subscriber, here and now.",
        5006 => "Nothing is left of the product.",
        5007 => "Whoever uploaded a product must not review it.",
        5008 => "The product's status does not allow this step.",
        5009 => "A national product is uploaded at the national platform, any other at a province.",
        5010 => "The SP's status does not allow this step.",
        6001 => "There is no such order.",
        6002 => "There is no such payment.",
        6003 => "It was reversed already.",
        6004 => "The reversal window is over; a refund is possible.",
        6005 => "More would be refunded than was paid.",
        6006 => "The order's status does not allow this step.",
        6007 => "The payment id was used before with other content.",
        6008 => "The amount is not positive, or above what one request may move.",
        6009 => "The order was refunded in part; what remains can only be refunded.",
        6010 => "The price has changed.",
        6011 => "The home province did not answer in time; nothing was kept of the payment.",
        7001 => "Payer and payee are the same.",
        7002 => "The payee has no stored-value account.",
        7003 => "The payee's account takes no part in transactions now.",
        7004 => "The payee's balance would rise above its ceiling.",
        7005 => "There is no such transfer.",
        9001 => "The number plan offered is not newer than the one in force.",
        9002 => "The policy offered is not newer than the one in force, or contradicts itself.",
        10001 => "A newer program is being installed; ask again.",
        10002 => "Whoever has the account's money can not be reached; it was asked nothing.",
        10003 => "Whoever has the account's money refused.",
        10004 => "The card can not be used.",
        10005 => "The phone line is not in service.",
        10006 => "No card waits to be bound to this number.",
        10007 => "The code is not the one in the text.",
        10101 => "The SP's award number was used before with other content.",
        10102 => "The order is no delivered bet of this subscriber with this SP.",
        10103 => "An award of this bet stands.",
        10104 => "The SP's prize pool holds less.",
        10105 => "There is no such award.",
        10106 => "The award's status does not allow this step.",
        10107 => "Whoever asked for an award must not approve it.",
        10108 => "The bet was awarded: it can be neither reversed nor refunded.",
        10201 => "This is not sold from a vault of cards.",
        10202 => "The batch is empty, or holds more cards than one request may bring.",
        10203 => "The batch was loaded before with other content.",
        10204 => "Only the buyer of an order may see its cards.",
        10205 => "The cards were shown to the buyer; the order can not be undone.",
        10206 => "Cards, tickets and bills are refunded whole.",
        10301 => "There is no such ticket.",
        10302 => "The ticket was refunded, or its order reversed.",
        10303 => "The ticket was checked before.",
        10401 => "No recharge card has this PIN; the attempt was counted.",
        10402 => "The recharge card was used before.",
        10403 => "The last day of the recharge card is over.",
        10404 => "Another top-up by the same recharge card is under way.",
        10405 => "The recharge card was not activated, or is locked.",
        10406 => "Too many wrong PINs of recharge cards today.",
        10407 => "So many recharge cards are being checked for the account that no more is asked at once.",
        10408 => "There is no such top-up by card.",
        10451 => "This product is paid by the number of a bill.",
        10452 => "This product is no bill payment.",
        10453 => "Another order is paying this bill.",
        10454 => "The bill was paid.",
        10501 => "The UPP's order number was used before with other content.",
        10502 => "There is no order of the UPP with this number.",
        10503 => "The UPP's order was declined; there is nothing to confirm or to give back.",
        10504 => "The UPP's refund number was used before with another amount.",
        _ => "Refused by a rule.",
    }
}

#[cfg(test)]
mod tests {
    use super::english;
    use mpss_domain::Refusal;

    #[test]
    fn every_refusal_has_its_own_sentence() {
        let mut seen = std::collections::BTreeSet::new();
        for (number, code) in Refusal::TABLE {
            let text = english(*number);
            assert_ne!(text, english(0), "{number} {code} has no sentence");
            assert!(seen.insert(text), "{number} {code} shares its sentence");
        }
    }
}
