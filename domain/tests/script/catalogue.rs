//! Words for SPs and what they sell.
//!
//! ```text
//! admit lottery
//! upload ticket sp=lottery title="双色球" price=10.00 scope=national by=lucy deadline=90s
//! review ticket by=rita
//! publish ticket
//! suspend lottery
//! ```

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, SpId, Verb};

use super::words::{Words, duration_ms, scope};
use super::{START, Stage};

impl Stage {
    pub(super) fn catalogue_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let name = words.name(0)?;
        let unknown = SpId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        let sp = |name: &str| self.sps.get(name).copied().unwrap_or(unknown);
        let by = || Ok::<_, String>(words.need("by")?.to_owned());
        Ok(match words.verb {
            "admit" => Verb::AdmitSp { name: name.into(), notice_url: "http://sp.example/notice".into() },
            "suspend" => Verb::SetSpSuspended { sp: sp(name), suspended: true },
            "resume" => Verb::SetSpSuspended { sp: sp(name), suspended: false },
            "upload" => Verb::UploadProduct {
                product: words.get("change").map(|name| self.product(name)),
                terms: Terms {
                    sp: sp(words.need("sp")?),
                    title: words.get("title").unwrap_or(name).into(),
                    application: match words.get("application") {
                        Some("pay_per_use") => Application::PayPerUse,
                        Some("shopping") => Application::Shopping,
                        Some("card_sale") => Application::CardSale,
                        Some("ticketing") => Application::Ticketing,
                        Some("bill_payment") => Application::BillPayment,
                        _ => Application::Lottery,
                    },
                    scope: scope(words.get("scope").unwrap_or("local"))?,
                    price: words.money("price")?,
                    delivery_deadline_ms: words.get("deadline").map_or(Ok(0), duration_ms)? as u32,
                },
                by: by()?,
            },
            "review" => Verb::ReviewProduct {
                product: self.product(name),
                rejected: words.get("reject").map(str::to_owned),
                by: by()?,
            },
            "publish" => Verb::PublishProduct { product: self.product(name) },
            _ => Verb::WithdrawProduct { product: self.product(name) },
        })
    }
}
