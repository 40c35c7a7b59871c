//! One life of three provinces, step by step.

use std::collections::BTreeMap;

use mpss_domain::order::ReversalReason;
use mpss_domain::{Command, Effect, EffectId, LogTime, Money, OrderStatus, Verb};

use crate::draw::Draw;
use crate::province::Province;
use crate::roaming::Message;

/// The national platform and two provinces.
pub(crate) const CODES: [u8; 3] = [0, 44, 51];

pub(crate) struct Walk {
    pub(crate) provinces: Vec<Province>,
    /// Under way between provinces: to whom, and what.
    pub(crate) net: Vec<(usize, Message)>,
    /// Everything that was ever asked of another province.
    pub(crate) asked: Vec<(usize, Message)>,
}

impl Walk {
    pub(crate) fn new() -> Self {
        let mut walk = Self {
            provinces: CODES.iter().map(|code| Province::new(*code)).collect(),
            net: Vec::new(),
            asked: Vec::new(),
        };
        // Something to begin with, so that short lives are not spent on opening accounts.
        let mut draw = Draw::new(7);
        for at in 0..CODES.len() {
            walk.set_the_scene(at, &mut draw);
        }
        walk
    }

    pub(crate) fn step(&mut self, step: u64) {
        let mut draw = Draw::new(step);
        let at = usize::try_from(draw.below(3)).expect("small");
        // The national platform is nobody's home.
        let home = if draw.one_in(25) { 0 } else { draw.of(&[1, 2]) };
        match draw.below(76) {
            0..=2 => self.account_moves(home, &mut draw),
            3..=4 => self.top_up(home, &mut draw),
            5 => self.goods_move(at, &mut draw),
            6..=13 => self.order(at, &mut draw),
            14..=17 => self.answer_notices(at, &mut draw),
            18..=19 => self.ask_back(at, &mut draw),
            20..=21 => self.transfer(home, &mut draw),
            22..=24 => self.send(at, &mut draw),
            25..=32 => self.deliver(&mut draw),
            33..=35 => self.meddle(at, &mut draw),
            36..=38 => self.provinces[at].again(&mut draw),
            39 => self.rules_move(at, &mut draw),
            40 => self.acknowledge(at, &mut draw),
            41 => self.many_at_once(at, &mut draw),
            42 => self.edge_of_a_window(at, &mut draw),
            43 => self.long_ago(&mut draw),
            44..=47 => self.load_cards(at, &mut draw),
            48..=51 => self.show_cards(at, &mut draw),
            52..=56 => self.check_tickets(at, &mut draw),
            57 => self.newer_rules(at, &mut draw),
            58..=60 => self.goods_travel(at, &mut draw),
            61..=62 => self.draw_opens(at, &mut draw),
            63..=67 => self.errand(at, &mut draw),
            _ => self.pass_time(&mut draw),
        }
    }

    pub(crate) fn difference(&mut self) -> Option<String> {
        self.provinces.iter_mut().find_map(|province| province.difference.take())
    }

    pub(crate) fn commands(&self) -> u64 {
        self.provinces.iter().map(|province| province.commands).sum()
    }

    pub(crate) fn seen(&self) -> BTreeMap<String, u64> {
        let mut all = BTreeMap::new();
        for (what, times) in self.provinces.iter().flat_map(|province| &province.seen) {
            *all.entry(what.clone()).or_default() += times;
        }
        all
    }

    /// Moments, mostly; sometimes hours, days, months. Clocks of provinces differ, and go back.
    fn pass_time(&mut self, draw: &mut Draw) {
        let ms = match draw.below(40) {
            0..=25 => draw.below(10_000),
            26..=33 => draw.below(2 * 3_600_000),
            34..=37 => draw.below(2 * 86_400_000),
            38 => draw.below(6 * 86_400_000),
            _ => draw.below(60 * 86_400_000),
        };
        let ticks = if draw.one_in(6) { draw.below(6) } else { 1 };
        for province in &mut self.provinces {
            let skew = if draw.one_in(8) { draw.below(2_000) } else { 0 };
            province.at = LogTime(province.at.0 + ms - skew.min(ms));
            for _ in 0..ticks {
                province.entry(vec![Command::internal(Verb::Tick)]);
                province.at = province.at.plus_ms(if ticks > 1 { 61_000 } else { 0 });
            }
        }
        if draw.one_in(10) {
            let back = draw.below(10_000);
            let province = &mut self.provinces[usize::try_from(draw.below(3)).expect("small")];
            province.at = LogTime(province.at.0 - back);
        }
    }

    /// The moment at which a window ends, or one beside it.
    fn edge_of_a_window(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let policy = province.state.policy().clone();
        let order = province.some_order(draw);
        let beside = [0, 1, 1_000, 300_000];
        let past_the_edge = draw.one_in(2);
        let delivered = province.state.order(order).filter(|order| order.status == OrderStatus::Delivered);
        let paid_at = delivered.and_then(mpss_domain::Order::paid_at);
        let edge = match paid_at {
            Some(paid_at) if draw.one_in(2) => paid_at.plus_ms(policy.reversal_window_ms),
            _ => {
                let Some((_, sent_at)) = draw.recent(&province.sent) else { return };
                sent_at.plus_ms(policy.duplicate_window_ms)
            }
        };
        let ms = draw.of(&beside);
        let moment = LogTime(if past_the_edge { edge.0 + ms } else { edge.0 - ms });
        if moment < province.state.now() {
            return;
        }
        province.at = moment;
        if paid_at.is_some() {
            province.ask(draw, Verb::ReverseOrder { order, reason: ReversalReason::Requested, note: String::new() });
        }
        province.again(draw);
    }

    fn acknowledge(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let all: Vec<EffectId> = province.state.effects_from(EffectId(0)).map(|row| row.id).collect();
        let mut effects: Vec<_> = all.iter().copied().filter(|_| !draw.one_in(4)).collect();
        effects.push(EffectId(draw.below(2_000)));
        let index = province.state.index();
        let digest = Verb::CompareDigest { index, digest: province.state.digest() };
        province.entry(vec![Command::internal(Verb::AcknowledgeEffects { effects }), Command::internal(digest)]);
    }

    /// A log entry of several commands that know nothing of each other.
    fn many_at_once(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let mut commands = Vec::new();
        for _ in 0..=draw.below(6) {
            let order = province.some_order(draw);
            let account = province.some_account(draw);
            let verb = match draw.below(6) {
                0 => Verb::RecordDeliveries { answers: vec![(order, draw.one_in(2)), (order, true)] },
                1 => Verb::RefundOrder { order, amount: small_amount(draw), note: String::new() },
                2 => Verb::TopUpCash { account, amount: small_amount(draw), agent: "agent".into() },
                3 => Verb::FreezeAccount { account, verdict: province.verdict(draw, Some(account)), until: None },
                4 => Verb::UnfreezeAccount { account, verdict: province.verdict(draw, Some(account)) },
                _ => Verb::Tick,
            };
            commands.push(Command::internal(verb));
        }
        province.entry(commands);
    }

    /// SPs answer delivery notices, most of them yes.
    fn answer_notices(&mut self, at: usize, draw: &mut Draw) {
        let province = &mut self.provinces[at];
        let notices = province.state.effects_from(EffectId(0)).filter_map(|row| match row.effect {
            Effect::DeliveryNotice { order, .. } => Some(order),
            _ => None,
        });
        let mut answers: Vec<_> = notices.filter(|_| draw.one_in(2)).map(|order| (order, true)).collect();
        for (_, accepted) in &mut answers {
            *accepted = !draw.one_in(5);
        }
        answers.push((province.some_order(draw), !draw.one_in(4)));
        province.entry(vec![Command::internal(Verb::RecordDeliveries { answers })]);
    }
}

fn small_amount(draw: &mut Draw) -> Money {
    Money::fen(i64::try_from(draw.below(4_000)).expect("small"))
}
