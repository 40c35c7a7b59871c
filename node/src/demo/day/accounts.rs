//! Accounts are opened and money comes in.

use crate::command_line::Failure;
use crate::demo::stage::Stage;

/// What the crowd has, in fen.
const CROWD_CASH: i128 = 10_000;

pub(super) async fn open(stage: &mut Stage<'_>) -> Result<(), Failure> {
    stage.scene("开户与充值", "Accounts are opened, money comes in");
    let cast = stage.cast.clone();
    stage.opens(&cast.traveller, 50_000, None).await?;
    stage.opens(&cast.local, 30_000, None).await?;
    stage.opens(&cast.payee, 10_000, None).await?;
    stage.opens(&cast.careful, 20_000, None).await?;
    stage.opens(&cast.poor, 300, None).await?;
    stage.opens(&cast.thrifty, 10_000, Some((1_000, 1_500))).await?;
    stage.opens(&cast.forgetful, 10_000, None).await?;
    for person in &cast.crowd {
        stage.opens(person, CROWD_CASH, None).await?;
    }
    Ok(())
}
