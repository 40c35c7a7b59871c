//! What the simulated SPs handed out, beside what the orders say.

use futures::StreamExt;

use super::trade::{Trade, is_final};

/// Questions asked at once.
const QUESTIONS_AT_ONCE: usize = 16;

/// Orders of `serving` whose goods the simulated SP `sp` did not hand out once: every order that is
/// delivered once, any other at most once.
///
/// # Panics
/// When an order or the simulator can not be asked, or an order is not final.
pub async fn not_handed_out_once(trade: Trade<'_>, sp: &str, serving: &str) -> Vec<String> {
    let orders: Vec<String> = {
        let rows = trade.record.rows();
        let taken_here = rows.orders.iter().filter(|(_, order)| order.serving == serving && order.sp_accepts);
        taken_here.map(|(id, _)| id.clone()).collect()
    };
    let looks = orders.into_iter().map(|id| async move {
        let status = trade.order(serving, &id, 0).await.expect("known").text("status");
        assert!(is_final(&status), "{id} is {status}");
        let seen = trade.country.sp_saw(sp, &id).await;
        let times = seen["delivered"].as_u64().unwrap_or(0);
        let must = matches!(status.as_str(), "delivered" | "partly_refunded" | "refunded");
        let wrong = times > 1 || (must && times != 1);
        wrong.then(|| format!("{id} is {status} and {sp} handed it out {times} times: {seen}"))
    });
    futures::stream::iter(looks).buffer_unordered(QUESTIONS_AT_ONCE).filter_map(|wrong| async { wrong }).collect().await
}
