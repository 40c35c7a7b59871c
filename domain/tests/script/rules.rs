//! Words for what a province is told to go by: the number plan and the policy.
//!
//! ```text
//! plan epoch=1 1890000-1890099=44:telecom
//! policy version=2 reversal_window=1h basic_daily=500.00
//! ```

use std::collections::BTreeMap;

use mpss_domain::number_plan::NumberRange;
use mpss_domain::{NumberPlan, Verb};

use super::Stage;
use super::words::{Words, duration_ms, money, operator, province};

impl Stage {
    pub(super) fn epoch(&self, words: &Words<'_>) -> Result<u64, String> {
        words.get("epoch").map_or(Ok(self.state.plan().epoch), str::parse).map_err(|_| "epoch is a number".into())
    }

    /// `plan epoch=1 1890000-1890099=44:telecom …`
    pub(super) fn plan_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let mut ranges = Vec::new();
        for (key, value) in &words.values {
            let Some((first, last)) = key.split_once('-') else { continue };
            let (home, operator_name) = value.split_once(':').ok_or("a range belongs to province:operator")?;
            let number = |text: &str| text.parse().map_err(|_| format!("{text} is no prefix"));
            let range = NumberRange {
                first: number(first)?,
                last: number(last)?,
                province: province(home)?,
                operator: operator(operator_name)?,
            };
            ranges.push(range);
        }
        Ok(Verb::InstallNumberPlan(Box::new(NumberPlan { epoch: self.epoch(words)?, ranges, ported: BTreeMap::new() })))
    }

    pub(super) fn policy_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let mut policy = self.state.policy().clone();
        policy.version = words.need("version")?.parse().map_err(|_| "version is a number")?;
        for (key, value) in &words.values {
            match *key {
                "version" => {}
                "retention" => policy.retention_ms = duration_ms(value)?,
                "reversal_window" => policy.reversal_window_ms = duration_ms(value)?,
                "duplicate_window" => policy.duplicate_window_ms = duration_ms(value)?,
                "payment_bound" => policy.payment_bound_ms = duration_ms(value)?,
                "basic_balance" => policy.ceilings[1][1].balance = money(value)?,
                "basic_daily" => policy.ceilings[1][1].daily = money(value)?,
                "basic_per_payment" => policy.ceilings[1][1].per_payment = money(value)?,
                "password_failures" => policy.password_failures_max = value.parse().map_err(|_| "a number")?,
                other => return Err(format!("policy has no {other}")),
            }
        }
        Ok(Verb::SetPolicy(Box::new(policy)))
    }
}
