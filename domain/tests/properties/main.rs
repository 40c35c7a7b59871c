//! What must hold whatever is asked, in whatever order: each property in its own file.

mod awards;
mod bank_top_ups;
mod bill_allowance;
mod bills;
mod card_rush;
mod card_vault;
mod confirmations;
mod distribution;
mod federation;
mod mortal;
#[cfg(feature = "mutants")]
mod mutants;
mod payment_codes;
mod precedence;
mod races;
mod recharge;
mod reference_model;
mod replay;
mod text_fates;
mod texts;
mod tickets;
mod upp;
mod versions;
mod visibility_table;
mod world;
