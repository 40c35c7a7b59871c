//! Words for SPs and what they sell.
//!
//! ```text
//! admit lottery
//! upload ticket sp=lottery title="双色球" price=10.00 scope=national by=lucy deadline=90s
//! review ticket by=rita
//! publish ticket
//! withdraw ticket
//! delete ticket
//! list r1 sp=lottery price=10.00 by=lucy as=ticket      under the SP's own number r1
//! suspend lottery
//! ```

use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::goods_reference::UploadListed;
use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, SpId, Verb};

use super::words::{Words, duration_ms, scope};
use super::{START, Stage};

impl Stage {
    pub(super) fn catalogue_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let name = words.name(0)?;
        let by = || Ok::<_, String>(words.need("by")?.to_owned());
        Ok(match words.verb {
            "admit" => Verb::AdmitSp { name: name.into(), notice_url: "http://sp.example/notice".into() },
            "suspend" => Verb::SetSpSuspended { sp: self.sp(name), suspended: true },
            "resume" => Verb::SetSpSuspended { sp: self.sp(name), suspended: false },
            "upload" => Verb::UploadProduct {
                product: words.get("change").map(|name| self.product(name)),
                terms: self.terms(words)?,
                by: by()?,
            },
            "list" => Verb::UploadListed(Box::new(UploadListed {
                reference: name.parse().map_err(|error| format!("{name}: {error}"))?,
                terms: self.terms(words)?,
                by: by()?,
            })),
            "review" => Verb::ReviewProduct {
                product: self.product(name),
                rejected: words.get("reject").map(str::to_owned),
                by: by()?,
            },
            "publish" => Verb::PublishProduct { product: self.product(name) },
            "delete" => Verb::DeleteProduct { product: self.product(name) },
            _ => Verb::WithdrawProduct { product: self.product(name) },
        })
    }

    fn terms(&self, words: &Words<'_>) -> Result<Terms, String> {
        Ok(Terms {
            sp: self.sp(words.need("sp")?),
            title: words.get("title").unwrap_or(words.name(0)?).into(),
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
        })
    }

    fn sp(&self, name: &str) -> SpId {
        let unknown = SpId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.sps.get(name).copied().unwrap_or(unknown)
    }
}
