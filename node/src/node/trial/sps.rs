//! Service providers.

use std::collections::BTreeMap;

use mpss_runtime::BoxFuture;
use parking_lot::Mutex;

use crate::gateway::NoAnswer;
use crate::gateway::sp::{Answer, BillAnswer, BillQuery, Notice, SpGateway};

/// How an SP behaves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum SpManner {
    Accepts,
    Refuses,
    /// Never answers.
    Silent,
    /// Says everything twice, first accepted then refused, and adds what nobody asked for.
    Duplicates,
    Garbage,
    /// Answers about every other notice.
    Half,
}

/// Service providers by the URL they are told at; they accept unless told otherwise.
#[derive(Default)]
pub(crate) struct FakeSps {
    pub(crate) manners: Mutex<BTreeMap<String, SpManner>>,
    /// Every notice that came, repetitions included.
    pub(crate) notices: Mutex<Vec<Notice>>,
    /// What bills they have.
    pub(crate) bills: Mutex<BTreeMap<String, BillAnswer>>,
    /// Sizes of the requests that came.
    pub(crate) sizes: Mutex<Vec<usize>>,
}

impl FakeSps {
    pub(crate) fn behave(&self, sp: &str, manner: SpManner) {
        self.manners.lock().insert(format!("http://{sp}"), manner);
    }
}

impl SpGateway for FakeSps {
    fn bill<'a>(&'a self, url: &'a str, query: BillQuery) -> BoxFuture<'a, Result<BillAnswer, NoAnswer>> {
        Box::pin(async move {
            let manner = self.manners.lock().get(url).copied().unwrap_or(SpManner::Accepts);
            match manner {
                SpManner::Accepts => {
                    Ok(self.bills.lock().get(&query.bill_number).cloned().unwrap_or(BillAnswer::UNKNOWN))
                }
                SpManner::Silent => std::future::pending().await,
                _ => Err(NoAnswer::Status(500)),
            }
        })
    }

    fn notify<'a>(&'a self, url: &'a str, notices: Vec<Notice>) -> BoxFuture<'a, Result<Vec<Answer>, NoAnswer>> {
        Box::pin(async move {
            let manner = self.manners.lock().get(url).copied().unwrap_or(SpManner::Accepts);
            self.notices.lock().extend(notices.clone());
            self.sizes.lock().push(notices.len());
            let answer =
                |notice: &Notice, result: &str| Answer { order_id: notice.order_id.clone(), result: result.to_owned() };
            let all = |result: &str| notices.iter().map(|notice| answer(notice, result)).collect::<Vec<_>>();
            match manner {
                SpManner::Accepts => Ok(all("accepted")),
                SpManner::Refuses => Ok(all("refused")),
                SpManner::Silent => std::future::pending().await,
                SpManner::Duplicates => {
                    let foreign = Answer { order_id: "O20200101000000000-44-00000".into(), result: "accepted".into() };
                    Ok([all("accepted"), vec![foreign], all("refused")].concat())
                }
                SpManner::Garbage => Err(NoAnswer::Garbage(serde_json::from_str::<u8>("no answer").unwrap_err())),
                SpManner::Half => Ok(notices.iter().step_by(2).map(|notice| answer(notice, "accepted")).collect()),
            }
        })
    }
}
