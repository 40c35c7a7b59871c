//! Subscribers: accounts, purchases, what they ask back, transfers.

use mpss_domain::account::{Language, Tier};
use mpss_domain::ids::IssuedId;
use mpss_domain::order::ReversalReason;
use mpss_domain::{
    AccountKind, AccountSelector, Channel, Command, Money, Msisdn, PasswordVerifier, ProductId, ProvinceId, Purchase,
    Verb,
};

use crate::draw::Draw;
use crate::walk::{CODES, Walk};

/// Subscribers of a province that the walk knows.
const PEOPLE: u64 = 4;

/// The `n`-th subscriber of a province.
pub(crate) fn msisdn(code: u8, n: u64) -> Msisdn {
    Msisdn::new(18_900_000_000 + u64::from(code) * 10_000 + n).expect("valid")
}

/// Somebody of `code`, or of anywhere.
pub(crate) fn somebody(draw: &mut Draw, code: u8) -> Msisdn {
    let code = if draw.one_in(30) { draw.of(&[0, 44, 51, 99]) } else { code };
    msisdn(code, draw.below(PEOPLE))
}

pub(crate) fn amount(draw: &mut Draw) -> Money {
    let fen = match draw.below(30) {
        0 => 0,
        1 => -100,
        2 => 1_000_000_001,
        3..=5 => draw.below(300_000) as i64,
        _ => draw.below(9_000) as i64 + 1,
    };
    Money::fen(fen)
}

fn limit(draw: &mut Draw) -> Option<Money> {
    match draw.below(8) {
        0 => Some(Money::fen(0)),
        1 => Some(Money::yuan(100_000)),
        2..=5 => Some(Money::yuan(i64::try_from(draw.below(150) + 20).expect("small"))),
        _ => None,
    }
}

impl Walk {
    pub(crate) fn account_moves(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let account = province.some_account(draw);
        if draw.one_in(8) {
            province.guess(draw, account);
            return;
        }
        let verdict = province.verdict(draw, Some(account));
        let verb = match draw.below(12) {
            0..=3 => {
                let msisdn = somebody(draw, CODES[at]);
                let kind = if draw.one_in(10) { draw.of(&KINDS) } else { AccountKind::StoredValue };
                let (per_payment_limit, daily_limit) = (limit(draw), limit(draw));
                Verb::OpenAccount {
                    msisdn,
                    kind,
                    tier: draw.of(&[Tier::Anonymous, Tier::Basic, Tier::Full]),
                    language: draw.of(&[Language::Chinese, Language::English]),
                    verifier: verifier(draw),
                    verdict: province.verdict_of(draw, Some(msisdn)),
                    per_payment_limit,
                    daily_limit,
                }
            }
            4..=5 => {
                let verifier = draw.one_in(3).then(|| verifier(draw));
                let (per_payment_limit, daily_limit) = (limit(draw), limit(draw));
                Verb::ChangeAccount { account, verdict, verifier, per_payment_limit, daily_limit }
            }
            6..=7 => Verb::CloseAccount { account, verdict, pay_out_agent: (!draw.one_in(3)).then(|| "agent".into()) },
            8..=9 => {
                let late = province.at.plus_ms(draw.below(3 * 86_400_000));
                let early = mpss_domain::LogTime(province.at.0 - draw.below(10_000));
                let until = draw.of(&[None, Some(late), Some(late), Some(early)]);
                Verb::FreezeAccount { account, verdict, until }
            }
            _ => Verb::UnfreezeAccount { account, verdict },
        };
        province.ask(draw, verb);
    }

    pub(crate) fn top_up(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let account = province.some_account(draw);
        let amount = match draw.below(12) {
            0 => amount(draw),
            1 => Money::yuan(9_999),
            _ => Money::fen(i64::try_from(draw.below(60_000) + 1).expect("small")),
        };
        province.ask(draw, Verb::TopUpCash { account, amount, agent: "agent".into() });
    }

    /// A purchase here, by somebody at home here or elsewhere.
    pub(crate) fn order(&mut self, at: usize, draw: &mut Draw) {
        self.order_of(at, None, draw);
    }

    /// As [`Walk::order`], of a product.
    pub(crate) fn order_of(&mut self, at: usize, product: Option<ProductId>, draw: &mut Draw) {
        let home = match draw.below(25) {
            0 => 0,
            1..=12 if at > 0 => CODES[at],
            _ => draw.of(&[44, 51]),
        };
        let buyer = somebody(draw, home);
        let location = if draw.one_in(4) { draw.of(&CODES) } else { CODES[at] };
        let account = match draw.below(8) {
            0 => AccountSelector::Kind(draw.of(&KINDS)),
            1 => AccountSelector::Id(self.provinces[at].some_account(draw)),
            _ => AccountSelector::Kind(AccountKind::StoredValue),
        };
        let verdict = self.provinces[at].verdict_of(draw, Some(buyer));
        let province = &mut self.provinces[at];
        let unknown = ProductId::issue(province.at, province.id, 9_999);
        let any = if draw.one_in(20) { None } else { draw.recent(&province.products) };
        let product = product.or(any).unwrap_or(unknown);
        let quantity = match draw.below(20) {
            0 => 0,
            1 => 2_000_000_000,
            2 => u32::try_from(draw.below(2_000)).expect("small"),
            _ => u32::try_from(draw.below(4)).expect("small") + 1,
        };
        let purchase = Purchase {
            msisdn: buyer,
            home: province_of(home),
            epoch: self.epoch(at, draw),
            location: province_of(location),
            product,
            quantity,
            account,
            channel: draw.of(&[Channel::Web, Channel::Sms, Channel::App]),
            verdict: (!draw.one_in(20)).then_some(verdict),
        };
        let verb = self.with_or_without(at, purchase, draw);
        let placed = self.provinces[at].ask(draw, verb);
        if let mpss_domain::Outcome::Order(order) = placed {
            self.ask_home(at, order, draw);
            // Some SPs answer at once.
            if draw.one_in(3) {
                let answers = vec![(order, true)];
                self.provinces[at].entry(vec![Command::internal(Verb::RecordDeliveries { answers })]);
            }
        }
    }

    /// An epoch as a sender here may know it: ours, an old one, one that we do not have yet.
    pub(crate) fn epoch(&self, at: usize, draw: &mut Draw) -> u64 {
        let ours = self.provinces[at].state.plan().epoch;
        match draw.below(12) {
            0 => ours + 1,
            1 => ours.saturating_sub(1),
            _ => ours,
        }
    }

    /// Somebody asks for a reversal or a refund.
    pub(crate) fn ask_back(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let order = province.some_order(draw);
        let reasons = [ReversalReason::SpAsked, ReversalReason::Requested, ReversalReason::SpRefused];
        let worth = province.state.order(order).map_or(1, |order| order.amount.as_fen());
        let verb = if draw.one_in(3) {
            Verb::ReverseOrder { order, reason: draw.of(&reasons), note: String::new() }
        } else {
            let part = match draw.below(10) {
                0 => amount(draw),
                1 => Money::fen(worth + 1),
                2..=4 => Money::fen(worth),
                _ => Money::fen(worth / i64::try_from(draw.below(4) + 2).expect("small")),
            };
            Verb::RefundOrder { order, amount: part, note: "as asked".into() }
        };
        province.ask(draw, verb);
    }

    pub(crate) fn transfer(&mut self, at: usize, draw: &mut Draw) {
        let payer = somebody(draw, CODES[at]);
        let payee_home = if draw.one_in(15) { 0 } else { draw.of(&[44, 51]) };
        let payee = if draw.one_in(15) { payer } else { somebody(draw, payee_home) };
        let verdict = self.provinces[at].verdict_of(draw, Some(payer));
        let verb = Verb::Transfer {
            payer,
            payee,
            payee_home: province_of(payee_home),
            epoch: self.epoch(at, draw),
            amount: amount(draw),
            verdict,
        };
        self.provinces[at].ask(draw, verb);
    }
}

const KINDS: [AccountKind; 3] = [AccountKind::Communication, AccountKind::StoredValue, AccountKind::Bank];

pub(crate) fn province_of(code: u8) -> ProvinceId {
    ProvinceId::new(code).expect("a province")
}

pub(crate) fn verifier(draw: &mut Draw) -> PasswordVerifier {
    let byte = u8::try_from(draw.below(256)).expect("a byte");
    PasswordVerifier { pepper: 1, salt: [byte; 16], tag: [byte; 32] }
}
