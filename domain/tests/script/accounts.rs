//! Words for accounts, for the password and for the account that pays.
//!
//! ```text
//! open alice msisdn=18900000001 tier=full daily=100.00 per_payment=60.00
//! change alice daily=50.00 new_password=yes password=wrong -> refused wrong_password
//! freeze alice for=1h
//! sign-in msisdn=18900000001 password=wrong -> refused wrong_password
//! close alice agent=a1
//! account alice balance=100.00 held=0.00 used=0.00 open_orders=0 status=active
//! ```

use mpss_domain::account::{Language, Tier};
use mpss_domain::{AccountKind, AccountSelector, AccountStatus, Msisdn, PasswordVerdict, PasswordVerifier, Verb};

use super::Stage;
use super::words::{Words, duration_ms, money, same};

pub(super) fn verifier() -> PasswordVerifier {
    PasswordVerifier { pepper: 1, salt: [7; 16], tag: [9; 32] }
}

impl Stage {
    pub(super) fn account_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        if words.verb == "open" {
            let msisdn = self.msisdn(words.need("msisdn")?)?;
            return Ok(Verb::OpenAccount {
                msisdn,
                kind: match words.get("kind") {
                    Some("communication") => AccountKind::Communication,
                    Some("bank") => AccountKind::Bank,
                    _ => AccountKind::StoredValue,
                },
                tier: match words.get("tier") {
                    Some("anonymous") => Tier::Anonymous,
                    Some("full") => Tier::Full,
                    _ => Tier::Basic,
                },
                language: if words.get("language") == Some("english") { Language::English } else { Language::Chinese },
                verifier: verifier(),
                verdict: self.verdict(words, msisdn),
                per_payment_limit: words.maybe_money("per_payment")?,
                daily_limit: words.maybe_money("daily")?,
            });
        }
        if words.verb == "sign-in" {
            let msisdn = self.msisdn(words.need("msisdn")?)?;
            return Ok(Verb::CheckPassword { msisdn, verdict: self.verdict(words, msisdn) });
        }
        let account = self.account(words.name(0)?)?;
        let owner = self.state.account(account).map(|account| account.msisdn);
        let verdict =
            owner.map_or(PasswordVerdict { verifier_version: 0, matches: false }, |owner| self.verdict(words, owner));
        Ok(match words.verb {
            "change" => Verb::ChangeAccount {
                account,
                verdict,
                verifier: (words.get("new_password") == Some("yes")).then(verifier),
                per_payment_limit: words.maybe_money("per_payment")?,
                daily_limit: words.maybe_money("daily")?,
            },
            "close" => Verb::CloseAccount { account, verdict, pay_out_agent: words.get("agent").map(str::to_owned) },
            "freeze" => {
                let until = match words.get("for") {
                    Some("past") => Some(self.at),
                    Some(text) => Some(self.at.plus_ms(duration_ms(text)?)),
                    None => None,
                };
                Verb::FreezeAccount { account, verdict, until }
            }
            "unfreeze" => Verb::UnfreezeAccount { account, verdict },
            _ => Verb::TopUpCash { account, amount: words.money("amount")?, agent: "agent".into() },
        })
    }

    /// What the edge would find when it compares the password that is typed.
    pub(super) fn verdict(&self, words: &Words<'_>, msisdn: Msisdn) -> PasswordVerdict {
        let version = self.state.subscriber(msisdn).map_or(0, |subscriber| subscriber.credential.version);
        match words.get("password") {
            Some("wrong") => PasswordVerdict { verifier_version: version, matches: false },
            Some("stale") => PasswordVerdict { verifier_version: version.saturating_sub(1), matches: true },
            _ => PasswordVerdict { verifier_version: version, matches: true },
        }
    }

    pub(super) fn selector(&self, words: &Words<'_>) -> Result<AccountSelector, String> {
        Ok(match words.get("account") {
            Some("communication") => AccountSelector::Kind(AccountKind::Communication),
            Some("bank") => AccountSelector::Kind(AccountKind::Bank),
            Some(name) => AccountSelector::Id(self.account(name)?),
            None => AccountSelector::Kind(AccountKind::StoredValue),
        })
    }

    pub(super) fn see_account(&self, words: &Words<'_>) -> Result<(), String> {
        let account = self.state.account(self.account(words.name(0)?)?).ok_or("there is no such account")?;
        for (key, value) in &words.values {
            match *key {
                "balance" => same(key, account.available, money(value)?)?,
                "held" => same(key, account.held, money(value)?)?,
                "used" => same(key, account.used_on(self.state.now().business_day()), money(value)?)?,
                "daily" => same(key, account.daily_limit, money(value)?)?,
                "per_payment" => same(key, account.per_payment_limit, money(value)?)?,
                "open_orders" => same(key, account.open_orders.to_string().as_str(), value)?,
                "status" => same(key, account.status.name(), value)?,
                "thaws_in" => {
                    let AccountStatus::Frozen { until: Some(until) } = account.status else {
                        return Err("it does not thaw".into());
                    };
                    same(key, until.ms_since(self.at), duration_ms(value)?)?;
                }
                other => return Err(format!("an account has no {other}")),
            }
        }
        Ok(())
    }
}
