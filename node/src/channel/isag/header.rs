//! The header of China Telecom's ISAG: who asks, and when. Clients of many years write it in many ways, so its fields
//! are known by their names alone: in any order, in any namespace or none, in `RequestSOAPHeader` or beside it, with
//! `spID` for `spId` and `SPNumber` for `SAN`.

use super::fault::Fault;
use crate::soap::Element;

/// The element in which the fields usually stand.
pub(crate) const REQUEST_HEADER: &str = "RequestSOAPHeader";

/// Bytes of a field at most.
const FIELD_BYTES_MAX: usize = 128;

/// What the header says.
#[derive(Clone, Default, PartialEq, Eq)]
pub(crate) struct RequestHeader {
    /// The SP's number.
    pub(crate) sp: Option<String>,
    /// What proves it.
    pub(crate) password: Option<String>,
    /// Month to second, in China.
    pub(crate) time_stamp: Option<String>,
    /// The product, where the message itself names none.
    pub(crate) product: Option<String>,
    /// The SP's own number for the transaction.
    pub(crate) transaction: Option<String>,
    /// Who pays.
    pub(crate) fee_address: Option<String>,
    /// Of what the ISAG tells: whom it tells.
    pub(crate) told: Option<String>,
    /// Of what the ISAG tells: what proves it.
    pub(crate) told_password: Option<String>,
}

impl std::fmt::Debug for RequestHeader {
    /// Without what proves it: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("RequestHeader").field("sp", &self.sp).finish_non_exhaustive()
    }
}

impl RequestHeader {
    /// Reads the fields from all that stands in a message's header.
    ///
    /// # Errors
    /// A fault when a field is too long, or there twice with two values.
    pub(crate) fn read(headers: &[Element]) -> Result<Self, Fault> {
        let mut header = Self::default();
        for block in headers {
            for field in std::iter::once(block).chain(&block.children) {
                header.take(field)?;
            }
        }
        Ok(header)
    }

    fn take(&mut self, field: &Element) -> Result<(), Fault> {
        let place = match field.name.to_ascii_lowercase().as_str() {
            "spid" => &mut self.sp,
            "sppassword" => &mut self.password,
            "timestamp" => &mut self.time_stamp,
            "productid" => &mut self.product,
            "transactionid" => &mut self.transaction,
            "fa" => &mut self.fee_address,
            "sprevid" => &mut self.told,
            "sprevpassword" => &mut self.told_password,
            // SAN, OA, linkId and the rest say nothing that is decided by here.
            _ => return Ok(()),
        };
        let Some(value) = field.word() else { return Ok(()) };
        let contradicts = place.as_deref().is_some_and(|known| known != value);
        if contradicts || value.len() > FIELD_BYTES_MAX {
            return Err(Fault::input(&field.name));
        }
        *place = Some(value.to_owned());
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::soap::read;

    fn header(inside: &str) -> Result<RequestHeader, Fault> {
        let text = format!("<h xmlns:t='http://www.chinatelecom.com.cn/schema/ctcc/common/v2_1'>{inside}</h>");
        RequestHeader::read(&read(text.as_bytes()).expect("a header").children)
    }

    #[test]
    fn the_fields_are_found_wherever_clients_put_them() {
        let fields = |sp, password, at| {
            let (sp, password, at) = [sp, password, at].map(|text: &str| Some(text.to_owned())).into();
            RequestHeader { sp, password, time_stamp: at, ..RequestHeader::default() }
        };
        let wanted = fields("35100123", "AB", "0722101010");
        for inside in [
            "<t:RequestSOAPHeader><t:spId>35100123</t:spId><t:spPassword>AB</t:spPassword><t:timeStamp>0722101010</t:timeStamp></t:RequestSOAPHeader>",
            "<t:RequestSOAPHeader><timeStamp>0722101010</timeStamp><SPNumber>1</SPNumber><spPassword> AB </spPassword><spId>35100123</spId></t:RequestSOAPHeader>",
            "<spID>35100123</spID><timeStamp>0722101010</timeStamp><spPassword>AB</spPassword>",
            "<spID>35100123</spID><RequestSOAPHeader><spId>35100123</spId><spPassword>AB</spPassword></RequestSOAPHeader><TimeStamp>0722101010</TimeStamp>",
        ] {
            assert_eq!(header(inside).as_ref(), Ok(&wanted), "{inside}");
        }
        assert_eq!(header(""), Ok(RequestHeader::default()));
    }

    #[test]
    fn what_contradicts_itself_is_refused() {
        assert_eq!(header("<spId>35100123</spId><x><spID>35100124</spID></x>"), Err(Fault::input("spID")));
        assert_eq!(header(&format!("<productId>{}</productId>", "p".repeat(129))), Err(Fault::input("productId")));
        let shown = format!("{:?}", header("<spId>1</spId><spPassword>SECRET</spPassword>"));
        assert!(!shown.contains("SECRET"), "{shown}");
    }
}
