//! For searching with damaged bytes: whatever comes from a centre is read, or not, and never panics.

use bytes::BytesMut;
use rusmpp::Pdu;

use super::receipt::came;
use super::wire::{bytes_of, take};

/// Reads PDUs as they would come from a connection. True when at least one was understood.
///
/// # Panics
/// When one that was understood is not understood again as it is written.
#[must_use]
pub fn understands(bytes: &[u8]) -> bool {
    let mut received = BytesMut::from(bytes);
    let mut understood = false;
    while let Ok(Some(frame)) = take(&mut received) {
        let Some(pdu) = frame.pdu else { continue };
        understood = true;
        if let Some(Pdu::DeliverSm(deliver)) = pdu.pdu() {
            drop(came(deliver, "86"));
        }
        let written = bytes_of(&pdu);
        let again = take(&mut BytesMut::from(written.as_slice()));
        let again = again.ok().flatten().and_then(|frame| frame.pdu);
        assert_eq!(again.map(|pdu| bytes_of(&pdu)), Some(written), "a PDU that was read is read again");
    }
    understood
}
