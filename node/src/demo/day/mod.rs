//! The scripted day. One file for each kind of scene; the order of scenes and steps is always the
//! same.

use mpss_domain::ProvinceId;

use super::stage::{Product, Stage};
use crate::command_line::Failure;

mod accounts;
mod applications;
mod asked;
mod awards;
mod crash;
mod goods;
mod outside;
mod purchases;
mod refusals;
mod returns;
mod upp;

/// What is on sale.
pub(crate) struct Shelf {
    /// Guangdong, for its own subscribers.
    pub(crate) lottery: Product,
    /// Guangdong, for visitors.
    pub(crate) lounge: Product,
    /// Guangdong; its SP refuses every order.
    pub(crate) cinema: Product,
    /// Guangdong; its SP never answers.
    pub(crate) night_snack: Product,
    /// Guangdong; its SP will be suspended.
    pub(crate) closed_shop: Product,
    /// Guangdong: electricity bills.
    pub(crate) power: Product,
    /// Guangdong: PIN cards of the vault.
    pub(crate) game_card: Product,
    /// Guangdong: the metro, paid per use.
    pub(crate) metro: Product,
    /// Guangdong: tickets for a theatre.
    pub(crate) play: Product,
    /// The national platform, for everyone.
    pub(crate) phone_card: Product,
}

/// A province of the demo.
fn province(code: u8) -> ProvinceId {
    ProvinceId::new(code).expect("a province of the demo")
}

/// Plays all scenes. What does not come out as it must is told by the stage; an error ends the play
/// because nothing sensible can follow.
pub(crate) async fn play(stage: &mut Stage<'_>) -> Result<(), Failure> {
    let Some(shelf) = goods::set_up(stage).await? else {
        return Err(Failure::check("the goods could not be put on sale, so nothing can be bought"));
    };
    accounts::open(stage).await?;
    purchases::local(stage, &shelf).await?;
    let lounge = purchases::roaming(stage, &shelf).await?;
    let card = purchases::national(stage, &shelf).await?;
    purchases::transfer(stage).await?;
    outside::phone_bill(stage, &shelf).await?;
    outside::bank(stage, &shelf).await?;
    upp::orders(stage).await?;
    applications::bill(stage, &shelf).await?;
    applications::cards(stage, &shelf).await?;
    applications::gate(stage, &shelf).await?;
    applications::tickets(stage, &shelf).await?;
    asked::charges(stage, &shelf).await?;
    awards::play(stage, &shelf).await?;
    refusals::play(stage, &shelf).await?;
    returns::not_delivered(stage, &shelf).await?;
    returns::partial_refund(stage, lounge).await?;
    returns::frozen_account(stage, &shelf, card).await?;
    crash::leader_killed(stage, &shelf).await
}
