//! Words for one-time payment codes.
//!
//! ```text
//! code c1 account=alice amount=20.00            alice asks for a code that pays at most so much
//! buy o1 product=ride code=c1                   a machine presents it with an order
//! pay-by-code p1 code=c1 amount=5.00            another province presents it
//! guess by=51 times=3                           codes that nobody has; by an SP's name, or a province
//! see-code c1 open
//! ```

use mpss_domain::command::PayRequest;
use mpss_domain::ids::IssuedId;
use mpss_domain::payment_codes::{BuyByCode, IssueCode, PayByCode, PaymentCode, Presenter, SealedCode};
use mpss_domain::{AccountId, AccountSelector, Channel, Command, LogTime, Msisdn, Purchase, Scope, Verb};

use super::words::{Words, province, same};
use super::{START, Stage};

/// What a code is known by; its digits are never here.
fn code(name: &str) -> PaymentCode {
    let digest = name.bytes().fold(0xcbf2_9ce4_8422_2325_u128, |hash, byte| {
        (hash ^ u128::from(byte)).wrapping_mul(0x0100_0000_0000_0000_0000_013b)
    });
    PaymentCode::new(digest)
}

impl Stage {
    /// Whose code it is; with `buyer` it is presented as another's.
    fn owner(&self, words: &Words<'_>, code: PaymentCode) -> Result<(Msisdn, AccountSelector), String> {
        let row = self.state.payment_code(code);
        let msisdn = match (words.get("buyer"), row) {
            (Some(buyer), _) => self.msisdn(buyer)?,
            (None, Some(row)) => row.msisdn,
            (None, None) => self.msisdn("18900000009")?,
        };
        let nobody = AccountId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        let account = match words.get("account") {
            Some(account) => self.account(account)?,
            None => row.map_or(nobody, |row| row.account),
        };
        Ok((msisdn, AccountSelector::Id(account)))
    }

    pub(super) fn code_verb(&mut self, words: &Words<'_>) -> Result<Verb, String> {
        if words.verb == "guess" {
            let by = words.need("by")?;
            let by = match self.sps.get(by) {
                Some(sp) => Presenter::Sp(*sp),
                None => Presenter::Province(province(by)?),
            };
            let times: u32 = words.get("times").map_or(Ok(1), str::parse).map_err(|_| "times is a number")?;
            for _ in 1..times {
                self.apply(Command::internal(Verb::CountGuess { by }));
            }
            return Ok(Verb::CountGuess { by });
        }
        if words.verb == "code" {
            let account = self.account(words.need("account")?)?;
            let msisdn =
                self.state.account(account).map_or_else(|| self.msisdn("18900000009"), |row| Ok(row.msisdn))?;
            let sealed = SealedCode::new(vec![7; 60]);
            let (verdict, amount) = (self.verdict(words, msisdn), words.money("amount")?);
            let code = code(words.name(0)?);
            return Ok(Verb::IssueCode(Box::new(IssueCode { account, verdict, amount, code, sealed })));
        }
        let code = code(words.need("code")?);
        let (msisdn, account) = self.owner(words, code)?;
        let epoch = self.epoch(words)?;
        if words.verb == "pay-by-code" {
            let (payment, order) = self.foreign_payment(words)?;
            let serving = province(words.get("serving").unwrap_or("51"))?;
            let request = PayRequest {
                payment,
                order,
                serving,
                msisdn,
                epoch,
                scope: Scope::Roaming,
                location: serving,
                account,
                amount: words.money("amount")?,
                title: "a ride".into(),
                verdict: self.verdict(&Words::parse(""), msisdn),
            };
            return Ok(Verb::PayByCode(Box::new(PayByCode { request, code })));
        }
        let home = words.get("home").map_or(Ok(self.state.province()), province)?;
        let purchase = Purchase {
            msisdn,
            home,
            epoch,
            location: self.state.province(),
            product: self.product(words.need("product")?),
            quantity: words.get("quantity").map_or(Ok(1), str::parse).map_err(|_| "quantity is a number")?,
            account,
            channel: Channel::Pos,
            verdict: None,
        };
        let code = (home == self.state.province()).then_some(code);
        Ok(Verb::BuyByCode(Box::new(BuyByCode { purchase, code })))
    }

    pub(super) fn see_code(&self, words: &Words<'_>) -> Result<(), String> {
        let is = match self.state.payment_code(code(words.name(0)?)) {
            None => "forgotten",
            Some(row) if row.used.is_some() => "used",
            Some(row) if self.state.now() >= row.until => "expired",
            Some(_) => "open",
        };
        same("the code", is, words.name(1)?)
    }
}
