//! The steps, how often each is drawn, and the model that goes along with them.

use std::collections::BTreeMap;

use proptest::prelude::*;
use proptest_state_machine::ReferenceStateMachine;

use super::PEOPLE;
use super::model::{Model, Person};
use crate::world::START;

/// One step; numbers choose among what there is.
#[derive(Debug, Clone)]
pub(super) enum Step {
    Open(usize),
    TopUp(usize, i64),
    Buy {
        who: usize,
        quantity: u32,
        right: bool,
    },
    Deliver {
        order: usize,
        accepted: bool,
    },
    Reverse(usize),
    Refund(usize, i64),
    Freeze {
        who: usize,
        for_ms: Option<u64>,
    },
    Unfreeze(usize),
    Close {
        who: usize,
        agent: bool,
    },
    Pay {
        payment: usize,
        who: usize,
        fen: i64,
    },
    ReversePayment(usize),
    RefundPayment {
        payment: usize,
        refund: u16,
        fen: i64,
    },
    Transfer {
        from: usize,
        to: usize,
        fen: i64,
    },
    Send {
        from: usize,
        fen: i64,
    },
    TransferAnswer {
        transfer: usize,
        credited: bool,
    },
    Receive {
        transfer: u16,
        who: usize,
        fen: i64,
    },
    Pass(u64),
    /// The last command once more, under its own request id.
    Again,
}

/// The reference half of the test.
pub(super) struct Rules;

impl ReferenceStateMachine for Rules {
    type State = Model;
    type Transition = Step;

    fn init_state() -> BoxedStrategy<Model> {
        Just(Model {
            now: START.0,
            people: vec![Person::default(); PEOPLE],
            left_behind: Vec::new(),
            accounts_opened: 1,
            current_account: vec![0; PEOPLE],
            orders: Vec::new(),
            payments: BTreeMap::new(),
            sent: Vec::new(),
            received: BTreeMap::new(),
            sp: 0,
            cash: 0,
            due_to: 0,
            due_from: 0,
            answer: "ok",
            last: None,
            again: false,
        })
        .boxed()
    }

    fn transitions(_: &Model) -> BoxedStrategy<Step> {
        let who = || 0..PEOPLE;
        let fen = || prop_oneof![4 => 1..3_000_i64, 1 => 3_000..9_000_i64];
        prop_oneof![
            3 => who().prop_map(Step::Open),
            4 => (who(), prop_oneof![5 => 1..20_000_i64, 1 => 900_000..1_000_001_i64]).prop_map(|(who, fen)| Step::TopUp(who, fen)),
            6 => (who(), 1..60_u32, prop::bool::weighted(0.7)).prop_map(|(who, quantity, right)| Step::Buy { who, quantity, right }),
            4 => (any::<usize>(), any::<bool>()).prop_map(|(order, accepted)| Step::Deliver { order, accepted }),
            2 => any::<usize>().prop_map(Step::Reverse),
            4 => (any::<usize>(), 1..3_000_i64).prop_map(|(order, fen)| Step::Refund(order, fen)),
            1 => (who(), prop::option::of(1..100_000_000_u64)).prop_map(|(who, for_ms)| Step::Freeze { who, for_ms }),
            2 => who().prop_map(Step::Unfreeze),
            1 => (who(), any::<bool>()).prop_map(|(who, agent)| Step::Close { who, agent }),
            4 => (0..12_usize, who(), fen()).prop_map(|(payment, who, fen)| Step::Pay { payment, who, fen }),
            2 => (0..12_usize).prop_map(Step::ReversePayment),
            3 => (0..12_usize, 0..4_u16, 1..3_000_i64)
                .prop_map(|(payment, refund, fen)| Step::RefundPayment { payment, refund, fen }),
            3 => (who(), who(), fen()).prop_map(|(from, to, fen)| Step::Transfer { from, to, fen }),
            2 => (who(), fen()).prop_map(|(from, fen)| Step::Send { from, fen }),
            2 => (any::<usize>(), any::<bool>())
                .prop_map(|(transfer, credited)| Step::TransferAnswer { transfer, credited }),
            2 => (0..8_u16, who(), fen()).prop_map(|(transfer, who, fen)| Step::Receive { transfer, who, fen }),
            3 => prop_oneof![3 => 1..70_000_u64, 1 => 1..100_000_000_u64].prop_map(Step::Pass),
            3 => Just(Step::Again),
        ]
        .boxed()
    }

    fn apply(mut model: Model, step: &Step) -> Model {
        // Repeated under its own request id a command does nothing; only time is not repeated.
        model.again = matches!(step, Step::Again);
        if model.again {
            return model;
        }
        model.answer = model.do_step(step).err().unwrap_or("ok");
        model.last = (!matches!(step, Step::Pass(_))).then(|| Box::new(step.clone()));
        model
    }
}
