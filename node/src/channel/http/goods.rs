//! National goods as a province shows them: from its copies, and what the national platform says has changed since. While
//! there are no copies — no replica keeps them before state version 4, and the first have not come yet — it is asked for
//! all of them. What it says is kept for a moment.

use std::sync::Arc;
use std::time::Duration;

use mpss_domain::distribution::{GoodsChange, NationalProduct, NationalSp};
use mpss_domain::{Msisdn, ProvinceId, State};
use mpss_routing::PeerCall;
use mpss_routing::wire::DEADLINE_HEADER;
use parking_lot::Mutex;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::door::DoorParts;
use super::national_goods::{ChangeBody, ChangesBody};

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

impl CatalogueProduct {
    /// A national product as a province knows it.
    fn national((product, sp): &(NationalProduct, NationalSp)) -> Self {
        Self {
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
        }
    }
}

/// What the national platform last said.
#[derive(Default)]
pub(crate) struct NationalGoods {
    /// Of all its goods, while there are no copies.
    all: Mutex<Kept<Vec<CatalogueProduct>>>,
    /// Of what is newer than the copies.
    news: Mutex<Kept<News>>,
}

struct Kept<T> {
    at: Option<Duration>,
    said: Option<Arc<T>>,
    asking: bool,
}

impl<T> Default for Kept<T> {
    fn default() -> Self {
        Self { at: None, said: None, asking: false }
    }
}

/// Changes that are not in the log of this province yet.
struct News {
    upto: u64,
    changes: Vec<GoodsChange>,
}

/// The part of the national platform's catalogue that is looked at.
#[derive(Deserialize)]
struct NationalCatalogue {
    products: Vec<CatalogueProduct>,
}

impl DoorParts {
    /// The national goods as they can be known here; `None` when there are no copies and the national platform does
    /// not answer. National goods are for everyone, so what it says of one subscriber holds for all.
    pub(crate) async fn national_goods(&self, view: &State, msisdn: Msisdn) -> Option<Vec<CatalogueProduct>> {
        let upto = view.national_goods_upto();
        if upto == 0 {
            let path = format!("/v1/catalogue?msisdn={msisdn}&location={}", self.here());
            let understand = |body: &[u8]| Some(serde_json::from_slice::<NationalCatalogue>(body).ok()?.products);
            return self.said(&self.goods.all, path, None, understand).await.map(|goods| (*goods).clone());
        }
        // The leader has the copies brought up to date; what has happened since it last asked is looked at here, so
        // that nobody is shown what was withdrawn a moment ago. Without an answer the copies are what there is.
        let path = format!("/v1/national-goods?after={upto}");
        let understand = |body: &[u8]| {
            let told: ChangesBody = serde_json::from_slice(body).ok()?;
            let changes = told.changes.into_iter().filter_map(ChangeBody::understand).collect();
            Some(News { upto: told.upto, changes })
        };
        let patience = self.context.settings.dispatch.try_deadline();
        let news = self.said(&self.goods.news, path, Some(patience), understand).await;
        // News of before the copies came would bring back what they have replaced.
        let news = news.filter(|news| news.upto > upto);
        let changes = news.as_ref().map_or(&[][..], |news| &news.changes);
        Some(view.national_goods_with(changes).iter().map(CatalogueProduct::national).collect())
    }

    /// What the national platform says, or has said a moment ago.
    async fn said<T>(
        &self,
        kept: &Mutex<Kept<T>>,
        path: String,
        patience: Option<Duration>,
        understand: impl FnOnce(&[u8]) -> Option<T>,
    ) -> Option<Arc<T>> {
        let now = self.context.seams.clock.monotonic();
        {
            let mut kept = kept.lock();
            let fresh = kept.at.is_some_and(|at| now.saturating_sub(at) < FRESH);
            // While one asks, the others take what there is.
            if fresh || (kept.asking && (kept.said.is_some() || patience.is_some())) {
                return kept.said.clone();
            }
            kept.asking = true;
        }
        let asking = Asking(kept);
        let deadline = patience.map(|patience| (DEADLINE_HEADER.to_owned(), patience.as_millis().to_string()));
        let headers = deadline.into_iter().collect();
        let call = PeerCall { method: "GET".to_owned(), path, headers, body: bytes::Bytes::new() };
        let said = match self.context.dispatch.forward(ProvinceId::NATIONAL, call).await {
            Ok(reply) if reply.status == 200 => understand(&reply.body).map(Arc::new),
            Ok(reply) => {
                tracing::debug!(status = reply.status, "the national platform did not say what it sells");
                None
            }
            Err(error) => {
                tracing::debug!(%error, "the national platform did not say what it sells");
                None
            }
        };
        drop(asking);
        let mut kept = kept.lock();
        kept.at = Some(self.context.seams.clock.monotonic());
        kept.said.clone_from(&said);
        said
    }
}

/// Notes that nobody asks any more, also when the asker's own caller hangs up.
struct Asking<'a, T>(&'a Mutex<Kept<T>>);

impl<T> Drop for Asking<'_, T> {
    fn drop(&mut self) {
        self.0.lock().asking = false;
    }
}
