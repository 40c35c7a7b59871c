//! Service providers and the SMS centre: they take everything, now and then only at the second try.

use std::time::Duration;

use mpss_node::gateway::NoAnswer;
use mpss_node::gateway::smsc::{SmsGateway, Text};
use mpss_node::gateway::sp::{Answer, BillAnswer, BillQuery, Notice, SpGateway};
use mpss_runtime::BoxFuture;

use super::scene::Scene;

/// Requests that get no answer, in parts of a million.
const LOST: u32 = 50_000;

/// Everybody outside. Cheap to clone.
#[derive(Debug, Clone)]
pub struct Outsiders(pub Scene);

impl Outsiders {
    async fn think(&self) -> Result<(), NoAnswer> {
        tokio::time::sleep(Duration::from_millis(self.0.random.between(1, 30))).await;
        if self.0.random.happens(LOST) { Err(NoAnswer::Status(504)) } else { Ok(()) }
    }
}

impl SpGateway for Outsiders {
    fn bill<'a>(&'a self, _: &'a str, _: BillQuery) -> BoxFuture<'a, Result<BillAnswer, NoAnswer>> {
        Box::pin(std::future::ready(Ok(BillAnswer::UNKNOWN)))
    }

    fn notify<'a>(&'a self, _: &'a str, notices: Vec<Notice>) -> BoxFuture<'a, Result<Vec<Answer>, NoAnswer>> {
        Box::pin(async move {
            self.think().await?;
            let answer = |notice: Notice| Answer { order_id: notice.order_id, result: "accepted".to_owned() };
            Ok(notices.into_iter().map(answer).collect())
        })
    }
}

impl SmsGateway for Outsiders {
    fn send(&self, texts: Vec<Text>) -> BoxFuture<'_, Result<Vec<String>, NoAnswer>> {
        Box::pin(async move {
            self.think().await?;
            Ok(texts.into_iter().map(|text| text.message_id).collect())
        })
    }
}
