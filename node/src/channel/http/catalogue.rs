//! What a subscriber may buy here and now, and why the rest is hidden. The rule is the domain's one
//! function, the same that sells.

use axum::extract::State;
use mpss_domain::catalogue::{Product, ProductStatus};
use mpss_domain::ids::IssuedId;
use mpss_domain::visibility::visible;
use mpss_domain::{Msisdn, ProvinceId, Refusal};
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use super::goods::CatalogueProduct;
use crate::intake::field::{self, Shown};
use crate::intake::{EdgeCode, Problem, refusal_text};
use crate::not_done::NotDone;

/// What a subscriber may buy.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Catalogue)]
pub(crate) struct CatalogueBody {
    /// For whom.
    #[schema(value_type = String, example = "18912345678")]
    msisdn: Shown<Msisdn>,
    /// The subscriber's home province.
    #[schema(value_type = String, example = "51")]
    home_province: Shown<ProvinceId>,
    /// Where the subscriber is.
    #[schema(value_type = String, example = "44")]
    location: Shown<ProvinceId>,
    /// What can be bought: the goods of the province that is asked, then national ones.
    products: Vec<CatalogueProduct>,
    /// False when no national goods are known here and the national platform did not answer, so that they are missing.
    complete: bool,
    /// How far the national platform's changes are known here: the number of the newest one that was taken.
    #[serde(skip_serializing_if = "Option::is_none")]
    national_upto: Option<u64>,
    /// With `explain=true`: this province's other products, and why they are hidden.
    #[serde(skip_serializing_if = "Option::is_none")]
    hidden: Option<Vec<HiddenProduct>>,
    /// Position in the province's log that this shows.
    log_index: u64,
}

/// A product that is hidden from the subscriber.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = HiddenProduct)]
pub(crate) struct HiddenProduct {
    /// The product.
    #[serde(flatten)]
    product: CatalogueProduct,
    /// The stable name of the reason.
    #[schema(example = "roaming_is_for_visitors")]
    because: &'static str,
    /// The reason in words.
    reason: &'static str,
}

/// Shows what a subscriber may buy here and now.
#[utoipa::path(
    get, path = "/v1/catalogue", tag = "catalogue", operation_id = "show_catalogue",
    params(
        ("msisdn" = String, Query, description = "For whom", example = "18912345678"),
        ("location" = Option<String>, Query, description = "Where the subscriber is now; the province of the node that is asked when not given", example = "44"),
        ("explain" = Option<bool>, Query, description = "Also show what is hidden, and why"),
    ),
    responses((status = 200, description = "What can be bought", body = CatalogueBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["msisdn", "location", "explain"])?;
    let msisdn = field::msisdn("msisdn", query.required("msisdn")?)?;
    let location = query.get("location").map_or(Ok(door.here()), |province| field::province("location", province))?;
    let explain = query.flag("explain")?;
    if !call.is_forwarded() {
        door.admit(msisdn.number())?;
    }
    let view = door.context.replica.read_linearizable(mpss_domain::State::clone).await.map_err(NotDone::from)?;
    if view.plan().epoch == 0 {
        return Err(Problem::detailed(EdgeCode::Unavailable, "no number plan is in force yet"));
    }
    let belonging = view
        .plan()
        .home_of(msisdn, view.now().max(door.wall()))
        .map_err(|refusal| Problem::refused(refusal).blaming("msisdn"))?;
    let (mut products, mut hidden) = (Vec::new(), Vec::new());
    for product in view.products().filter(|product| product.status != ProductStatus::Deleted) {
        let hides = hidden_because(&view, product, belonging.home, location);
        match hides {
            None => products.push(shown(&view, product)),
            Some((because, reason)) if explain => {
                hidden.push(HiddenProduct { product: shown(&view, product), because, reason });
            }
            Some(_) => {}
        }
    }
    let mut complete = true;
    if !door.here().is_national() {
        match door.national_goods(&view, msisdn).await {
            Some(goods) => products.extend(goods),
            None => complete = false,
        }
    }
    Ok(answer::found(&CatalogueBody {
        msisdn: Shown(msisdn),
        home_province: Shown(belonging.home),
        location: Shown(location),
        products,
        complete,
        national_upto: Some(view.national_goods_upto()).filter(|upto| *upto > 0),
        hidden: explain.then_some(hidden),
        log_index: view.index(),
    }))
}

fn hidden_because(
    state: &mpss_domain::State,
    product: &Product,
    home: ProvinceId,
    location: ProvinceId,
) -> Option<(&'static str, &'static str)> {
    let refused = |refusal: Refusal| Some((refusal.code(), refusal_text::english(refusal.number())));
    if product.status != ProductStatus::Published {
        return refused(Refusal::ProductNotPublished);
    }
    if state.sp(product.terms().sp).is_none_or(|sp| sp.suspended) {
        return refused(Refusal::SpSuspended);
    }
    let hidden = visible(product.terms().scope, state.province(), home, location).err()?;
    Some((hidden.name(), hidden.explain()))
}

fn shown(state: &mpss_domain::State, product: &Product) -> CatalogueProduct {
    let terms = product.terms();
    CatalogueProduct {
        product_id: product.id.to_string(),
        province: product.id.province().unwrap_or(ProvinceId::NATIONAL).to_string(),
        sp_id: terms.sp.to_string(),
        sp_name: state.sp(terms.sp).map_or_else(String::new, |sp| sp.name.clone()),
        title: terms.title.clone(),
        application: terms.application.name().to_owned(),
        scope: terms.scope.name().to_owned(),
        price: terms.price.to_string(),
        delivery_deadline_ms: terms.delivery_deadline_ms,
        version: u32::try_from(product.versions.len()).ok(),
    }
}
