//! Receipts: what the centre tells of a message later. They come again until they are acknowledged, in any order, and
//! some before the answer to the message itself.

use serde::{Deserialize, Serialize};

use crate::effect::EffectId;
use crate::ids::Msisdn;
use crate::state::State;
use crate::texts::{PartStatus, digest_of_message, reference_of};

/// A receipt.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Receipt {
    /// To whom the message went.
    pub to: Msisdn,
    /// What the centre calls it.
    pub message: String,
    /// What went with the message, from centres that give it back: see [`reference_of`].
    pub reference: Option<u16>,
    /// What became of it.
    pub fate: ReceiptFate,
}

/// What a receipt says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum ReceiptFate {
    /// It is with the centre still.
    There,
    /// The handset has it.
    Delivered,
    /// It will not arrive.
    Failed {
        /// In the centre's words.
        why: String,
    },
    /// It was taken back. Nobody does that but us, and the answer to that says so: of a message that is not known it
    /// tells nothing.
    Deleted,
    /// The centre does not know it any more, or does not know what became of it.
    Unknown,
}

impl State {
    /// Finds whose a receipt is and writes it down. A message that is known is found by its id; one that is not can
    /// only be a part whose answer never came, and is taken for it when no other can be meant.
    pub(super) fn take_receipt(&mut self, receipt: &Receipt) {
        let known = self.doors.texts.messages.get(&digest_of_message(&receipt.message)).copied();
        let found = match known {
            Some((id, at)) => self.text(id).filter(|text| text.to == receipt.to).map(|_| (id, at)),
            None if receipt.fate == ReceiptFate::Deleted => return,
            None => self.unanswered_part(receipt),
        };
        let Some((id, at)) = found else {
            self.doors.texts.totals.unmatched += 1;
            self.entry.digest.feed(&self.doors.texts.totals);
            return;
        };
        self.part_taken(id, at, &receipt.message);
        let Some(part) = self.part(id, at) else { return };
        if !matches!(part.status, PartStatus::Taken(_)) {
            // It was said before.
            return;
        }
        let message = part.message.clone();
        let status = match &receipt.fate {
            ReceiptFate::There => PartStatus::Taken(self.now),
            ReceiptFate::Delivered => PartStatus::Delivered,
            ReceiptFate::Failed { why } => {
                self.note_why(id, Some(why));
                PartStatus::Failed
            }
            ReceiptFate::Deleted => {
                self.note_why(id, Some("DELETED"));
                PartStatus::Failed
            }
            ReceiptFate::Unknown => PartStatus::Unknown,
        };
        self.set_part(id, at, status, message);
        self.settle(id);
    }

    /// The only part that a receipt of an unknown message can mean.
    fn unanswered_part(&self, receipt: &Receipt) -> Option<(EffectId, u8)> {
        let texts = &self.doors.texts;
        let asked = texts.asked.get(&receipt.to).copied();
        let doubtful = texts.doubtful.iter_from((receipt.to, EffectId(0), 0));
        let doubtful = doubtful.map(|(key, ())| *key).take_while(|(to, ..)| *to == receipt.to);
        let mut meant = asked.into_iter().chain(doubtful.map(|(_, id, at)| (id, at))).filter(|(id, at)| {
            let tries = self.text(*id).map_or(0, |text| text.tries);
            receipt.reference.is_none_or(|reference| reference == reference_of(*id, *at, tries))
        });
        let first = meant.next()?;
        meant.next().is_none().then_some(first)
    }
}
