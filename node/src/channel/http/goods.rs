//! National goods as a province shows them: from its copies. While there are none — no replica keeps them before state
//! version 4, and the first have not come yet — the national platform is asked, and what it says is kept for a moment.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::{Msisdn, ProvinceId, State};
use mpss_routing::PeerCall;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::door::DoorParts;

/// How long what the national platform said is shown again. Also after it did not answer, so that
/// its silence does not make every look at a catalogue slow.
const FRESH: Duration = Duration::from_secs(2);

/// Something that can be bought.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[schema(as = CatalogueProduct)]
pub(crate) struct CatalogueProduct {
    /// The product.
    #[schema(example = "G20260101120000000-44-00001")]
    pub(crate) product_id: String,
    /// The province it belongs to; `00` for a national one.
    #[schema(example = "44")]
    pub(crate) province: String,
    /// Whose it is.
    #[schema(example = "S20260101120000000-44-00001")]
    pub(crate) sp_id: String,
    /// The SP's name.
    pub(crate) sp_name: String,
    /// What it is called.
    pub(crate) title: String,
    /// What kind of thing it is.
    #[schema(example = "lottery")]
    pub(crate) application: String,
    /// Whom it is for.
    #[schema(example = "local")]
    pub(crate) scope: String,
    /// Price of one, in yuan.
    #[schema(example = "12.30")]
    pub(crate) price: String,
    /// How long the SP may take to deliver, in ms.
    pub(crate) delivery_deadline_ms: u32,
    /// The version of its terms, counting from 1.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) version: Option<u32>,
}

/// The copies of national goods that a province has; nothing while it has none.
pub(super) fn copies(state: &State) -> Option<impl Iterator<Item = CatalogueProduct>> {
    let shown = state.national_goods().map(|(product, sp)| CatalogueProduct {
        product_id: product.id.to_string(),
        province: ProvinceId::NATIONAL.to_string(),
        sp_id: sp.id.to_string(),
        sp_name: sp.name.clone(),
        title: product.terms.title.clone(),
        application: product.terms.application.name().to_owned(),
        scope: product.terms.scope.name().to_owned(),
        price: product.terms.price.to_string(),
        delivery_deadline_ms: product.terms.delivery_deadline_ms,
        version: Some(product.version),
    });
    (state.national_goods_upto() > 0).then_some(shown)
}

/// What the national platform last said.
#[derive(Default)]
pub(crate) struct NationalGoods(Mutex<Kept>);

#[derive(Default)]
struct Kept {
    at: Option<Duration>,
    goods: Option<Arc<Vec<CatalogueProduct>>>,
    asking: bool,
}

/// The part of the national platform's catalogue that is looked at.
#[derive(Deserialize)]
struct NationalCatalogue {
    products: Vec<CatalogueProduct>,
}

impl DoorParts {
    /// The national goods; `None` when the national platform does not answer. National goods are for
    /// everyone, so what it says of one subscriber holds for all.
    pub(crate) async fn national_goods(&self, msisdn: Msisdn) -> Option<Arc<Vec<CatalogueProduct>>> {
        let now = self.context.seams.clock.monotonic();
        {
            let mut kept = self.goods.0.lock();
            let fresh = kept.at.is_some_and(|at| now.saturating_sub(at) < FRESH);
            // While one asks, the others take what there is.
            if fresh || (kept.asking && kept.goods.is_some()) {
                return kept.goods.clone();
            }
            kept.asking = true;
        }
        let asking = Asking(&self.goods);
        let call = PeerCall {
            method: "GET".to_owned(),
            path: format!("/v1/catalogue?msisdn={msisdn}&location={}", self.here()),
            headers: Vec::new(),
            body: bytes::Bytes::new(),
        };
        let goods = match self.context.dispatch.forward(ProvinceId::NATIONAL, call).await {
            Ok(reply) if reply.status == 200 => {
                serde_json::from_slice::<NationalCatalogue>(&reply.body).ok().map(|found| Arc::new(found.products))
            }
            Ok(reply) => {
                tracing::debug!(status = reply.status, "the national platform gave no catalogue");
                None
            }
            Err(error) => {
                tracing::debug!(%error, "the national platform gave no catalogue");
                None
            }
        };
        drop(asking);
        let mut kept = self.goods.0.lock();
        kept.at = Some(self.context.seams.clock.monotonic());
        kept.goods.clone_from(&goods);
        goods
    }
}

/// Notes that nobody asks any more, also when the asker's own caller hangs up.
struct Asking<'a>(&'a NationalGoods);

impl Drop for Asking<'_> {
    fn drop(&mut self) {
        self.0.0.lock().asking = false;
    }
}
