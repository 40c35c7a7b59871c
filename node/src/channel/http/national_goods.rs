//! National goods on their way to the provinces: the national platform tells what has changed since a number, and a
//! province's leader asks (product §3).

use axum::extract::State;
use mpss_domain::catalogue::{Application, Terms};
use mpss_domain::distribution::{CHANGES_PER_TAKE_MAX, GoodsChange, NationalProduct, NationalSp};
use mpss_domain::{Money, ProvinceId, Scope, State as ProvinceState};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::amount::amount;
use crate::intake::{EdgeCode, Problem};
use crate::not_done::NotDone;

/// What has changed of national goods.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[schema(as = NationalGoodsChanges)]
pub(crate) struct ChangesBody {
    /// In the order of their numbers.
    pub(crate) changes: Vec<ChangeBody>,
    /// With them everything up to this number is known.
    pub(crate) upto: u64,
    /// The newest number there is; lower than what was asked after when numbers have begun anew.
    pub(crate) newest: u64,
}

/// One change: `sp`, `on_sale` or `gone`.
#[derive(Debug, Serialize, Deserialize, ToSchema)]
#[serde(tag = "change", rename_all = "snake_case")]
#[schema(as = NationalGoodsChange)]
pub(crate) enum ChangeBody {
    /// An SP is there, or is not what it was.
    Sp {
        /// Its id.
        sp_id: String,
        /// Its name.
        name: String,
        /// None of its goods is shown.
        suspended: bool,
    },
    /// A product is on sale, in this version.
    OnSale {
        /// Its id.
        product_id: String,
        /// The version of its terms, counting from 1.
        version: u32,
        /// Whose it is.
        sp_id: String,
        /// What it is called.
        title: String,
        /// What kind of thing it is.
        application: String,
        /// Price of one, in yuan.
        price: String,
        /// How long the SP may take to deliver, in ms.
        delivery_deadline_ms: u32,
    },
    /// A product is not on sale any more.
    Gone {
        /// Its id.
        product_id: String,
    },
}

impl ChangesBody {
    /// What a state has to tell after a number.
    pub(crate) fn of(state: &ProvinceState, after: u64, limit: usize) -> Self {
        let (changes, upto) = state.goods_changes_after(after, limit);
        Self { changes: changes.iter().map(ChangeBody::of).collect(), upto, newest: state.goods_changed() }
    }
}

impl ChangeBody {
    fn of(change: &GoodsChange) -> Self {
        match change {
            GoodsChange::Sp(sp) => {
                Self::Sp { sp_id: sp.id.to_string(), name: sp.name.clone(), suspended: sp.suspended }
            }
            GoodsChange::OnSale(NationalProduct { id, version, terms }) => Self::OnSale {
                product_id: id.to_string(),
                version: *version,
                sp_id: terms.sp.to_string(),
                title: terms.title.clone(),
                application: terms.application.name().to_owned(),
                price: terms.price.to_string(),
                delivery_deadline_ms: terms.delivery_deadline_ms,
            },
            GoodsChange::Gone(id) => Self::Gone { product_id: id.to_string() },
        }
    }

    /// What it says, or nothing when it says nothing that is known here: a newer national platform.
    pub(crate) fn understand(self) -> Option<GoodsChange> {
        Some(match self {
            Self::Sp { sp_id, name, suspended } => {
                GoodsChange::Sp(NationalSp { id: sp_id.parse().ok()?, name, suspended })
            }
            Self::OnSale { product_id, version, sp_id, title, application, price, delivery_deadline_ms } => {
                let price: Money = amount("price", &price).ok()?;
                let (id, sp) = (product_id.parse().ok()?, sp_id.parse().ok()?);
                let Some(application) = Application::ALL.into_iter().find(|known| known.name() == application) else {
                    // A kind of goods that a newer program sells: better not shown than as what it was before.
                    return Some(GoodsChange::Gone(id));
                };
                let terms = Terms { sp, title, application, scope: Scope::National, price, delivery_deadline_ms };
                GoodsChange::OnSale(NationalProduct { id, version, terms })
            }
            Self::Gone { product_id } => GoodsChange::Gone(product_id.parse().ok()?),
        })
    }
}

/// Tells what has changed of national goods. A province passes the question on to the national platform.
#[utoipa::path(
    get, path = "/v1/national-goods", tag = "catalogue", operation_id = "list_national_goods_changes",
    params(
        ("after" = Option<u64>, Query, description = "Changes after this number, 0 to 9223372036854775807; 0 when not given"),
        ("limit" = Option<u32>, Query, description = "Changes at most, 1 to 500; 500 when not given"),
    ),
    responses((status = 200, description = "What has changed", body = ChangesBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    let query = call.query(&["after", "limit"])?;
    let limit = query.limit("limit", CHANGES_PER_TAKE_MAX, CHANGES_PER_TAKE_MAX)?;
    let number = |text: &str| {
        let known = text.parse().ok().filter(|number| i64::try_from(*number).is_ok());
        known.ok_or_else(|| Problem::field(EdgeCode::OutOfRange, "after", "the number of a change"))
    };
    let after: u64 = query.get("after").map_or(Ok(0), number)?;
    if !door.here().is_national() {
        return door.pass_on(&call, ProvinceId::NATIONAL).await;
    }
    let look = |state: &ProvinceState| ChangesBody::of(state, after, limit);
    Ok(answer::found(&door.context.replica.read_linearizable(look).await.map_err(NotDone::from)?))
}
