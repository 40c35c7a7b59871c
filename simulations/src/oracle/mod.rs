//! What must be true of a country that is quiet again. One file for each property.

pub mod acknowledged;
pub mod clearing;
pub mod deliveries;
pub mod money;
pub mod quiet;
pub mod replicas;

use crate::country::Country;
use crate::people::Told;

/// One property and the check of it: everything that is wrong.
pub type Property = (&'static str, fn(&Country, &Told) -> Vec<String>);

/// All properties, as a violation names them.
pub const PROPERTIES: &[Property] = &[
    ("quiet", quiet::check),
    ("replicas agree", replicas::check),
    ("money", money::check),
    ("clearing", clearing::check),
    ("acknowledged", acknowledged::check),
    ("deliveries", deliveries::check),
];
