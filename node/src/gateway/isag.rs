//! Service providers that are connected through the ISAG: the same notices as any SP gets, as messages of SOAP 1.1.
//!
//! `notifyDelivery`, with China Telecom's `NotifySOAPHeader` in front, takes notices; `notifyDeliveryResponse` has an
//! answer for each order, `accepted` or `refused`. Neither Parlay X nor the ISAG has an operation for this, so its
//! namespace is ours; the description is served at `/isag/services/DeliveryNotification?wsdl`. The header's
//! `spRevpassword` is the upper-case hex MD5 of number, secret and `transactionId`, so that an SP can tell us from others.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::SpId;
use mpss_runtime::BoxFuture;
use reqwest::header::CONTENT_TYPE;

use super::NoAnswer;
use super::sp::{Answer, BillAnswer, BillQuery, Notice, NoticeKind, RecipientPart, SpGateway};
use crate::channel::isag::{CTCC_COMMON, NOTIFY_HEADER, sp_password};
use crate::isag_sps::{IsagSp, IsagSps};
use crate::soap::{Element, Envelope, Written, in_envelope};

/// The namespace of notices and their answers.
pub(crate) const NOTICES: &str = "urn:mpss:isag:delivery_notification:v1";
/// The element that takes notices.
pub(crate) const NOTIFY: &str = "notifyDelivery";

/// SPs that are connected through the ISAG, and all others by another gateway.
pub struct IsagSpGateway {
    client: reqwest::Client,
    sps: Arc<dyn IsagSps>,
    others: Arc<dyn SpGateway>,
}

impl IsagSpGateway {
    /// A gateway to `sps` where they have an address of their own, and to all others by `others`; each request may
    /// take `deadline`.
    ///
    /// # Errors
    /// When the machine can not make an HTTP client.
    pub fn new(sps: Arc<dyn IsagSps>, others: Arc<dyn SpGateway>, deadline: Duration) -> Result<Self, reqwest::Error> {
        Ok(Self { client: super::client(deadline)?, sps, others })
    }

    /// Who is told through the ISAG; all notices of one request are one SP's.
    fn told_here(&self, sp: &str) -> Option<IsagSp> {
        let sp: SpId = sp.parse().ok()?;
        self.sps.of(sp).filter(|sp| !sp.notice_url.is_empty())
    }
}

impl SpGateway for IsagSpGateway {
    fn notify<'a>(&'a self, url: &'a str, notices: Vec<Notice>) -> BoxFuture<'a, Result<Vec<Answer>, NoAnswer>> {
        let here = notices.first().and_then(|notice| self.told_here(&notice.sp_id));
        let Some(sp) = here else { return self.others.notify(url, notices) };
        Box::pin(async move {
            let request = self.client.post(&sp.notice_url).header(CONTENT_TYPE, "text/xml; charset=utf-8");
            let request = request.header("soapaction", "\"\"").body(message(&sp, &notices));
            let bytes = super::answered(request).await?;
            answers(&bytes)
        })
    }

    /// The ISAG carries no questions about bills.
    fn bill<'a>(&'a self, url: &'a str, query: BillQuery) -> BoxFuture<'a, Result<BillAnswer, NoAnswer>> {
        self.others.bill(url, query)
    }
}

/// The message that tells an SP these notices.
fn message(sp: &IsagSp, notices: &[Notice]) -> String {
    // The same on every retry of the same notices.
    let transaction = notices.first().map(|notice| notice.notice_id.as_str()).unwrap_or_default();
    // Without a secret there is nothing to prove with; the SP sees that it is missing.
    let password = sp.secrets.first().map(|secret| sp_password(&sp.number, secret, transaction));
    let header = |header: &mut Written| {
        let element = format!("ctcc:{NOTIFY_HEADER}");
        header.element(&element, &[("xmlns:ctcc", CTCC_COMMON)], |fields| {
            fields.leaf("spRevId", &sp.number);
            fields.leaf_of("spRevpassword", password.as_deref());
            fields.leaf("spId", &sp.number);
            fields.leaf("transactionId", transaction);
        });
    };
    in_envelope(Some(&header), |body| {
        body.element(&format!("n:{NOTIFY}"), &[("xmlns:n", NOTICES)], |inside| {
            for notice in notices {
                inside.element("n:notice", &[], |inside| write_notice(inside, notice));
            }
        });
    })
}

fn write_notice(inside: &mut Written, notice: &Notice) {
    inside.leaf("n:noticeIdentifier", &notice.notice_id);
    inside.leaf_of("n:eventNumber", notice.event_number.map(|number| number.to_string()).as_deref());
    inside.leaf(
        "n:kind",
        match notice.kind {
            NoticeKind::Deliver => "deliver",
            NoticeKind::Cancel => "cancel",
        },
    );
    inside.leaf("n:orderIdentifier", &notice.order_id);
    inside.leaf("n:productIdentifier", &notice.product_id);
    inside.leaf("n:title", &notice.title);
    inside.leaf("n:application", notice.application);
    inside.leaf("n:quantity", &notice.quantity.to_string());
    inside.leaf("n:amount", &notice.amount);
    inside.leaf_of("n:billNumber", notice.bill_number.as_deref());
    inside.leaf_of("n:drawIdentifier", notice.draw_id.as_deref());
    if let Some(RecipientPart { name, phone, address }) = &notice.recipient {
        inside.element("n:recipient", &[], |to| {
            to.leaf("n:name", name);
            to.leaf("n:phone", phone);
            to.leaf("n:address", address);
        });
    }
    inside.leaf("n:servingProvince", &notice.serving_province);
    inside.leaf("n:endUserMasked", &notice.msisdn_masked);
    inside.leaf("n:deliverBy", &notice.deliver_by);
}

/// What an SP answers. What is no answer about an order is passed over, as with any SP.
fn answers(bytes: &[u8]) -> Result<Vec<Answer>, NoAnswer> {
    let body = Envelope::read(bytes).map_err(NoAnswer::NotSoap)?.body;
    if body.name != format!("{NOTIFY}Response") {
        return Err(NoAnswer::NotSoap(crate::soap::NotSoap::Shape("the answer is none to notices")));
    }
    let word = |answer: &Element, name| answer.child(name).and_then(Element::word).map(str::to_owned);
    let answers = body.named("answer").filter_map(|answer| {
        Some(Answer { order_id: word(answer, "orderIdentifier")?, result: word(answer, "result")? })
    });
    Ok(answers.collect())
}

#[cfg(test)]
mod tests {
    use mpss_domain::ids::IssuedId;
    use mpss_domain::{LogTime, ProvinceId};
    use zeroize::Zeroizing;

    use super::*;
    use crate::soap::ENVELOPE;

    fn sp() -> IsagSp {
        IsagSp {
            number: "35100123".into(),
            sp: SpId::issue(LogTime(1_795_437_296_789), ProvinceId::new(44).expect("Guangdong"), 1),
            secrets: vec![Zeroizing::new("secret".into())],
            notice_url: "http://127.0.0.1:1/isag".into(),
        }
    }

    fn notice() -> Notice {
        Notice {
            notice_id: "44-7".into(),
            event_number: Some(12),
            kind: NoticeKind::Deliver,
            order_id: "O20261127120000000-44-00001".into(),
            sp_id: sp().sp.to_string(),
            product_id: "G20261127110000000-44-00001".into(),
            title: "a <ticket> & more".into(),
            application: "lottery",
            quantity: 2,
            amount: "4.00".into(),
            bill_number: None,
            draw_id: Some("2026-131".into()),
            recipient: None,
            serving_province: "44".into(),
            msisdn_masked: "189****0001".into(),
            deliver_by: "2026-11-27T12:01:00.000Z".into(),
        }
    }

    #[test]
    fn a_notice_is_written_byte_for_byte() {
        let golden = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n\
            <soapenv:Envelope xmlns:soapenv=\"http://schemas.xmlsoap.org/soap/envelope/\"><soapenv:Header>\
            <ctcc:NotifySOAPHeader xmlns:ctcc=\"http://www.chinatelecom.com.cn/schema/ctcc/common/v2_1\">\
            <spRevId>35100123</spRevId><spRevpassword>DCC8CD117CCE4A8E77F0F5DCB0FE5B1B</spRevpassword>\
            <spId>35100123</spId><transactionId>44-7</transactionId></ctcc:NotifySOAPHeader></soapenv:Header><soapenv:Body>\
            <n:notifyDelivery xmlns:n=\"urn:mpss:isag:delivery_notification:v1\"><n:notice>\
            <n:noticeIdentifier>44-7</n:noticeIdentifier><n:eventNumber>12</n:eventNumber><n:kind>deliver</n:kind>\
            <n:orderIdentifier>O20261127120000000-44-00001</n:orderIdentifier>\
            <n:productIdentifier>G20261127110000000-44-00001</n:productIdentifier>\
            <n:title>a &lt;ticket&gt; &amp; more</n:title><n:application>lottery</n:application>\
            <n:quantity>2</n:quantity><n:amount>4.00</n:amount><n:drawIdentifier>2026-131</n:drawIdentifier>\
            <n:servingProvince>44</n:servingProvince><n:endUserMasked>189****0001</n:endUserMasked>\
            <n:deliverBy>2026-11-27T12:01:00.000Z</n:deliverBy>\
            </n:notice></n:notifyDelivery></soapenv:Body></soapenv:Envelope>\n";
        assert_eq!(message(&sp(), &[notice()]), golden);
    }

    #[test]
    fn an_answer_is_read_by_its_names_and_what_is_none_is_no_answer() {
        let envelope =
            |body: &str| format!("<e:Envelope xmlns:e='{ENVELOPE}'><e:Body>{body}</e:Body></e:Envelope>").into_bytes();
        let answered = "<x:notifyDeliveryResponse xmlns:x='urn:other'><answer><result>accepted</result>\
                        <x:orderIdentifier> O1 </x:orderIdentifier></answer><answer><result>refused</result></answer>\
                        </x:notifyDeliveryResponse>";
        let wanted = [Answer { order_id: "O1".into(), result: "accepted".into() }];
        assert_eq!(answers(&envelope(answered)).expect("an answer"), wanted);
        assert!(answers(&envelope("<notifyDeliveryResponse/>")).expect("an answer").is_empty());
        for bytes in [envelope("<e:Fault/>"), b"{}".to_vec(), envelope("<notifyDelivery/>")] {
            assert!(matches!(answers(&bytes), Err(NoAnswer::NotSoap(_))));
        }
    }
}
