//! What is bought in the bench: one product for each of so many SPs.

use serde_json::json;

use super::PRICE;
use super::http1::ID_BYTES;
use super::processes::Province;
use crate::command_line::Failure;
use crate::demo::yuan;

/// No order of the bench may run into its delivery deadline while the outbox is behind, in ms.
const DELIVERY_DEADLINE_MS: u64 = 600_000;

/// Products on sale.
pub(super) struct Shop {
    pub(super) products: Vec<[u8; ID_BYTES]>,
    pub(super) sps: Vec<String>,
}

impl Shop {
    /// The products' ids.
    pub(super) fn ids(&self) -> Vec<String> {
        self.products.iter().map(|id| String::from_utf8_lossy(id).into_owned()).collect()
    }
}

/// Admits `count` SPs and puts one product of each on sale.
pub(super) async fn open(province: &Province, count: u32) -> Result<Shop, Failure> {
    let leader = province.leader().await?.place.url();
    let doors = [leader];
    let mut shop = Shop { products: Vec::new(), sps: Vec::new() };
    let must = async |path: &str, body: serde_json::Value| {
        let answer = province.caller.post(&doors, path, &body).await?;
        if answer.is_done() { Ok(answer) } else { Err(Failure::start(format!("{path}: {}", answer.told()))) }
    };
    for number in 0..count {
        let notice_url = format!("{}/sps/bench-{count}-{number}/notices", province.map.sp_url());
        let sp =
            must("/v1/sps", json!({ "name": format!("SP {number} of {count}"), "notice_url": notice_url })).await?;
        let sp = sp.text("sp_id").to_owned();
        let product = json!({
            "sp_id": sp, "title": "bench", "application": "pay_per_use", "scope": "local",
            "price": yuan(PRICE.into()), "delivery_deadline_ms": DELIVERY_DEADLINE_MS, "uploaded_by": "uploader",
        });
        let product = must("/v1/products", product).await?.text("product_id").to_owned();
        must(&format!("/v1/products/{product}/review"), json!({ "decision": "approve", "reviewed_by": "reviewer" }))
            .await?;
        must(&format!("/v1/products/{product}/publish"), json!({})).await?;
        let id = product.as_bytes().try_into();
        shop.products.push(id.map_err(|_| Failure::start(format!("{product:?} is no product id")))?);
        shop.sps.push(sp);
    }
    Ok(shop)
}
