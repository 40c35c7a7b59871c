//! A bet wins: the prize comes out of the SP's pool, once.

use serde_json::json;

use super::Shelf;
use crate::command_line::Failure;
use crate::demo::caller::yuan;
use crate::demo::stage::{Purchase, Stage};

const POOL: i128 = 100_000;
const PRIZE: i128 = 5_000;

pub(super) async fn play(stage: &mut Stage<'_>, shelf: &Shelf) -> Result<(), Failure> {
    stage.scene("派奖", "A bet wins: paid out of the SP's prize pool, once");
    let local = stage.cast.local.clone();
    let (who, doors) = (Stage::who(&local), stage.doors(shelf.lottery.place));
    let Some(bet) = stage.buys(&local, Purchase::of(&shelf.lottery, 1)).await? else { return Ok(()) };
    let award = |reference: &str| {
        json!({
            "sp_id": shelf.lottery.sp, "reference": reference, "order_id": bet.id,
            "msisdn": local.msisdn.to_string(), "prize": yuan(PRIZE), "account_kind": "virtual", "by": "draw-office",
        })
    };
    let early = stage.caller.post(&doors, "/v1/awards", &award("D-1")).await?;
    stage.refused("南粤彩票", "awards a prize without a pool", "pool_too_small", &early);
    let pool = format!("/v1/sps/{}/prize-pool", shelf.lottery.sp);
    let body = json!({ "amount": yuan(POOL), "direction": "in", "by": "finance-1" });
    let funded = stage.caller.post(&doors, &pool, &body).await?;
    let Some(funded) = stage.must("南粤彩票", "funds its pool", funded) else { return Ok(()) };
    stage.good("南粤彩票", &format!("pays {} into its prize pool", yuan(POOL)), None, funded.took);
    let first = stage.caller.post(&doors, "/v1/awards", &award("D-1")).await?;
    let Some(first) = stage.must("南粤彩票", "awards the prize", first) else { return Ok(()) };
    stage.moved(local.msisdn, PRIZE, 1);
    stage.good(&who, &format!("wins: prize {} of bet {}", yuan(PRIZE), bet.id), Some(PRIZE), first.took);
    let again = stage.caller.post(&doors, "/v1/awards", &award("D-1")).await?;
    let Some(again) = stage.must("南粤彩票", "awards it again", again) else { return Ok(()) };
    if again.text("award_id") == first.text("award_id") {
        stage.good("南粤彩票", "sends the same award again: the same award, paid once", None, again.took);
    } else {
        stage.bad("南粤彩票", format!("the same award must not be another one: {}", again.told()));
    }
    let other = stage.caller.post(&doors, "/v1/awards", &award("D-2")).await?;
    stage.refused("南粤彩票", "awards the bet under another number", "already_awarded", &other);
    let reason = json!({ "reason": "changed my mind" });
    let answer = stage.caller.post(&doors, &format!("/v1/orders/{}/reversal", bet.id), &reason).await?;
    stage.refused("客服", "wants to reverse the bet", "order_awarded", &answer);
    Ok(())
}
