//! An SP that is connected through the ISAG: the same notices in SOAP, answered by the same behaviour.

use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;

use super::{Notice, NoticeKind, Plan, SpSimulator, answered};
use crate::gateway::isag::{NOTICES, NOTIFY};
use crate::soap::{Element, Envelope, fault_of, in_envelope};

/// Takes a message with notices.
pub(super) async fn take(State(simulator): State<SpSimulator>, Path(name): Path<String>, message: Bytes) -> Response {
    let Some(notices) = notices_in(&message) else {
        let fault = fault_of("soapenv:Client", "no notices that are understood here", |_| {});
        return xml(StatusCode::INTERNAL_SERVER_ERROR, fault);
    };
    let plan = simulator.with_sp(&name, |sp| sp.take(&notices));
    let (asked, written) = (notices.len(), if plan.garbage { garbage() } else { answer(&plan) });
    answered(&plan, asked, || xml(StatusCode::OK, written)).await
}

fn xml(status: StatusCode, text: String) -> Response {
    (status, [(header::CONTENT_TYPE, "text/xml; charset=utf-8")], text).into_response()
}

fn garbage() -> String {
    "<soapenv:Envelope>\u{0}garbage".into()
}

/// The notices of a message; `None` when one of them can not be understood.
fn notices_in(message: &[u8]) -> Option<Vec<Notice>> {
    let body = Envelope::read(message).ok()?.body;
    if body.name != NOTIFY || body.namespace != NOTICES {
        return None;
    }
    let word = |notice: &Element, name| notice.child(name).and_then(Element::word).map(str::to_owned);
    let read = |notice: &Element| {
        let kind = match word(notice, "kind")?.as_str() {
            "deliver" => NoticeKind::Deliver,
            "cancel" => NoticeKind::Cancel,
            _ => return None,
        };
        Some(Notice {
            notice_id: word(notice, "noticeIdentifier")?,
            kind,
            order_id: word(notice, "orderIdentifier")?,
            product_id: word(notice, "productIdentifier").unwrap_or_default(),
            bill_number: word(notice, "billNumber"),
        })
    };
    body.named("notice").map(read).collect()
}

fn answer(plan: &Plan) -> String {
    in_envelope(None, |body| {
        body.element(&format!("n:{NOTIFY}Response"), &[("xmlns:n", NOTICES)], |inside| {
            for answer in &plan.answers {
                inside.element("n:answer", &[], |one| {
                    one.leaf("n:orderIdentifier", &answer.order_id);
                    one.leaf("n:result", answer.result);
                });
            }
        });
    })
}
