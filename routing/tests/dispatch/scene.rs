//! A province that pays over a link, on a clock of its own: what every test here begins with.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use mpss_domain::ids::IssuedId;
use mpss_domain::{LogTime, OrderId, PaymentId, ProvinceId, Refusal};
use mpss_routing::wire::{PaymentMessage, PeerResult};
use mpss_routing::{Dispatch, DispatchOptions, PeerError};
use mpss_runtime::Random;

use crate::link::{Fortune, Link, Rule, World};
use crate::virtual_time::{Seeded, VirtualClock, run};

pub(crate) fn home() -> ProvinceId {
    ProvinceId::new(51).unwrap()
}

pub(crate) fn here() -> ProvinceId {
    ProvinceId::new(44).unwrap()
}

pub(crate) fn ms(ms: u64) -> Duration {
    Duration::from_millis(ms)
}

fn options() -> DispatchOptions {
    DispatchOptions {
        here: here(),
        try_deadline: ms(2_000),
        payment_deadline: ms(4_000),
        pause_min: ms(50),
        pause_max: ms(2_000),
        circuit_failures: 5,
        circuit_open: ms(2_000),
    }
}

pub(crate) struct Scene {
    pub(crate) clock: VirtualClock,
    pub(crate) world: Arc<Mutex<World>>,
    pub(crate) dispatch: Dispatch,
}

pub(crate) fn scene_with(fortunes: Vec<Fortune>, then: Fortune, seed: u64, rule: Rule) -> Scene {
    let clock = VirtualClock::default();
    let world = Arc::new(Mutex::new(World {
        clock: clock.clone(),
        fortunes: fortunes.into(),
        then,
        rule,
        decided: BTreeMap::new(),
        captures: BTreeMap::new(),
        on_the_way: Vec::new(),
        calls: Vec::new(),
    }));
    let random: Arc<dyn Random> = Arc::new(Seeded::new(seed));
    let dispatch = Dispatch::new(Arc::new(Link(world.clone())), Arc::new(clock.clone()), random, options());
    Scene { clock, world, dispatch }
}

pub(crate) fn scene(fortunes: Vec<Fortune>, then: Fortune) -> Scene {
    scene_with(fortunes, then, 1, Box::new(|_| PeerResult::Done))
}

pub(crate) fn message(serial: u16) -> PaymentMessage {
    let at = LogTime(1_795_437_296_789);
    PaymentMessage {
        payment_id: PaymentId::issue(at, here(), serial).to_string(),
        order_id: OrderId::issue(at, here(), serial).to_string(),
        serving: here().to_string(),
        msisdn: "18900001234".into(),
        epoch: 1,
        scope: "roaming".into(),
        location: here().to_string(),
        account_id: None,
        account_kind: Some("virtual".into()),
        amount_fen: 1_230,
        title: "航班预订".into(),
        payment_password: "135790".into(),
        sealed_password: None,
        payment_code: None,
        bill: None,
        confirmation: None,
    }
}

impl Scene {
    pub(crate) fn pay(&self, serial: u16) -> Result<Result<u64, Refusal>, PeerError> {
        let paid = run(&self.clock, self.dispatch.pay(home(), message(serial)))?;
        Ok(paid.map(|paid| paid.log_index))
    }

    pub(crate) fn tries(&self) -> usize {
        self.world.lock().unwrap().calls.len()
    }

    /// Everything that is still on its way arrives, then counts.
    pub(crate) fn captured(&self) -> u32 {
        let mut world = self.world.lock().unwrap();
        world.settle(Duration::MAX);
        world.captured()
    }

    pub(crate) fn settled_captures(&self) -> BTreeMap<String, u32> {
        let mut world = self.world.lock().unwrap();
        world.settle(Duration::MAX);
        world.captures.clone()
    }
}
