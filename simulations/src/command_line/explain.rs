//! What happened in a run, told from its record.

use std::io::IsTerminal;

use super::PASSED;
use super::arguments::Explain;
use crate::record::Record;
use crate::report::explain::{ExplainOptions, tell};
use crate::report::json;

#[expect(clippy::print_stdout, reason = "what the command is for")]
pub(super) fn run(asked: &Explain) -> Result<u8, String> {
    let record: Record = json::read(&asked.record).map_err(|error| error.to_string())?;
    let options = ExplainOptions {
        order: asked.order.clone(),
        from_ms: asked.from,
        to_ms: asked.to,
        who: asked.who.clone(),
        property: asked.property.clone(),
        colour: std::io::stdout().is_terminal(),
    };
    print!("{}", tell(&record, &options));
    Ok(PASSED)
}
