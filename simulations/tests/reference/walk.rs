//! One life of three provinces, step by step.

use std::collections::BTreeMap;

use mpss_domain::{Command, Effect, EffectId, Verb};

use crate::draw::Draw;
use crate::province::Province;
use crate::roaming::Message;

/// The national platform and two provinces.
pub(crate) const CODES: [u8; 3] = [0, 44, 51];

pub(crate) struct Walk {
    pub(crate) provinces: Vec<Province>,
    /// Under way between provinces: to whom, and what.
    pub(crate) net: Vec<(usize, Message)>,
}

impl Walk {
    pub(crate) fn new() -> Self {
        let mut walk = Self { provinces: CODES.iter().map(|code| Province::new(*code)).collect(), net: Vec::new() };
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
        match draw.below(40) {
            0..=3 => self.account_moves(at, &mut draw),
            4..=5 => self.top_up(at, &mut draw),
            6 => self.goods_move(at, &mut draw),
            7..=12 => self.order(at, &mut draw),
            13..=15 => self.answer_notices(at, &mut draw),
            16..=17 => self.ask_back(at, &mut draw),
            18..=19 => self.transfer(at, &mut draw),
            20..=21 => self.send(at, &mut draw),
            22..=27 => self.deliver(&mut draw),
            28..=29 => self.meddle(at, &mut draw),
            30..=33 => self.provinces[at].again(&mut draw),
            34 => self.rules_move(at, &mut draw),
            35 => self.acknowledge(at, &mut draw),
            36 => self.many_at_once(at, &mut draw),
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
        let ms = match draw.below(24) {
            0..=13 => draw.below(40_000),
            14..=18 => draw.below(3 * 3_600_000),
            19..=21 => draw.below(2 * 86_400_000),
            22 => draw.below(6 * 86_400_000),
            _ => draw.below(60 * 86_400_000),
        };
        let ticks = if draw.one_in(6) { draw.below(6) } else { 1 };
        for province in &mut self.provinces {
            let skew = if draw.one_in(8) { draw.below(2_000) } else { 0 };
            province.at = mpss_domain::LogTime(province.at.0 + ms - skew.min(ms));
            for _ in 0..ticks {
                province.entry(vec![Command::internal(Verb::Tick)]);
                province.at = province.at.plus_ms(if ticks > 1 { 61_000 } else { 0 });
            }
        }
        if draw.one_in(10) {
            let back = draw.below(10_000);
            let province = &mut self.provinces[usize::try_from(draw.below(3)).expect("small")];
            province.at = mpss_domain::LogTime(province.at.0 - back);
        }
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
                1 => Verb::RefundOrder { order, amount: self_amount(draw), note: String::new() },
                2 => Verb::TopUpCash { account, amount: self_amount(draw), agent: "agent".into() },
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

fn self_amount(draw: &mut Draw) -> mpss_domain::Money {
    mpss_domain::Money::fen(i64::try_from(draw.below(4_000)).expect("small"))
}
