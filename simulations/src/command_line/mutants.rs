//! Deliberate faults, when this build has them.

use super::arguments::USUAL;

/// Their names; none in a build without the cargo feature `mutants`.
#[cfg(feature = "mutants")]
pub(super) fn names() -> Vec<&'static str> {
    use mpss_domain::mutant::Mutant;

    // A recharge platform that is silent past its bound would have to be so although everybody answers in the end: a
    // test of the domain finds it.
    let strikes = |mutant: &&Mutant| **mutant != Mutant::RechargeLostPastBound;
    let domain = Mutant::ALL.iter().filter(strikes).map(|mutant| mutant.name());
    let cluster = mpss_cluster::mutant::Mutant::ALL.iter().map(|mutant| mutant.name());
    domain.chain(cluster).chain(mpss_node::mutant::Mutant::ALL.iter().map(|mutant| mutant.name())).collect()
}

#[cfg(not(feature = "mutants"))]
pub(super) const fn names() -> Vec<&'static str> {
    Vec::new()
}

/// The scenario that comes with the program in which one of them can strike.
pub(super) fn scenario_of(mutant: &str) -> &'static str {
    match mutant {
        "timeout-taken-for-refusal"
        | "unknown-not-undone"
        | "bet-awarded-twice"
        | "awarded-bet-reversed"
        | "recharge-credited-before-use"
        | "bank-top-up-credited-unanswered"
        | "upp-order-paid-twice"
        | "late-upp-payment-revives"
        | "upp-not-told" => "rails",
        "stock-outside-apply"
        | "card-returned-though-shown"
        | "ticket-checked-twice"
        | "used-ticket-given-back"
        | "bill-paid-twice"
        | "any-bill-without-password"
        | "bill-use-kept" => "goods",
        "code-pays-twice" | "replaced-card-asked" => "all-parties",
        _ => USUAL,
    }
}

/// Plants one in this process.
#[cfg(feature = "mutants")]
pub(super) fn plant(name: &str) -> Result<(), String> {
    use mpss_domain::mutant::{Mutant, plant_everywhere};

    if let Some(mutant) = Mutant::named(name) {
        plant_everywhere(mutant);
    } else if let Some(mutant) = mpss_cluster::mutant::Mutant::ALL.into_iter().find(|mutant| mutant.name() == name) {
        mpss_cluster::mutant::plant(mutant);
    } else if let Some(mutant) = mpss_node::mutant::Mutant::ALL.into_iter().find(|mutant| mutant.name() == name) {
        mpss_node::mutant::plant(mutant);
    } else {
        return Err(format!("--mutant: {name:?} is none of {}", names().join(", ")));
    }
    Ok(())
}

#[cfg(not(feature = "mutants"))]
pub(super) fn plant(_: &str) -> Result<(), String> {
    Err("--mutant: this build can not; build it with --features mutants".to_owned())
}
