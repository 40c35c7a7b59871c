//! Words for goods that are sent.
//!
//! ```text
//! order o1 buyer=alice product=shoes to=王芳             buys goods that are sent to somebody
//! ship o1 carrier=顺丰 tracking=SF1                       the goods are on their way
//! receive o1 by=alice                                     the goods are there
//! see-shipment o1 shipped to=known                        where they are, and whether the recipient is still known
//! ```

use mpss_domain::Verb;
use mpss_domain::shipping::Recipient;

use super::Stage;
use super::words::{Words, same};

impl Stage {
    pub(super) fn shipping_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let order = self.order(words.name(0)?);
        if words.verb == "receive" {
            return Ok(Verb::RecordReceipt { order, buyer: self.msisdn(words.need("by")?)? });
        }
        let tracking = words.need("tracking")?.parse().map_err(|error| format!("{error}"))?;
        Ok(Verb::RecordShipment { order, carrier: words.need("carrier")?.to_owned(), tracking })
    }

    pub(super) fn see_shipment(&self, words: &Words<'_>) -> Result<(), String> {
        let row = self.state.shipment_of(self.order(words.name(0)?));
        same("where the goods are", row.map_or("none", |row| row.name()), words.name(1)?)?;
        let known = row.is_some_and(|row| row.to.is_some());
        words.get("to").map_or(Ok(()), |to| same("the recipient", if known { "known" } else { "gone" }, to))
    }
}

/// Somebody of this name; of the name `-` nothing is known.
pub(super) fn recipient(name: &str) -> Recipient {
    let text = |text: &str| if name == "-" { String::new() } else { text.to_owned() };
    Recipient { name: text(name), phone: text("02088886666"), address: text("广州市天河区五山路381号") }
}
