//! The log alone decides: replayed from the start, or from a snapshot taken anywhere in it, it gives
//! the same replies, records, digests and rows; and a state that went through its encoding behaves
//! like the one it was made from.

use mpss_domain::ids::IssuedId;
use mpss_domain::{Applied, Batch, Command, LogTime, ProvinceId, State, Verb};
use proptest::prelude::*;

use crate::federation::{Federation, Moves};
use crate::world::{START, World, msisdn};

fn encode(state: &State) -> Vec<u8> {
    bincode::serde::encode_to_vec(state, bincode::config::standard()).expect("a state is encoded")
}

fn decode(bytes: &[u8]) -> State {
    let (state, used) = bincode::serde::decode_from_slice(bytes, bincode::config::standard()).expect("it is decoded");
    assert_eq!(used, bytes.len());
    state
}

fn apply_all(state: &mut State, log: &[(u64, Batch)]) -> Vec<Applied> {
    log.iter().map(|(index, batch)| state.apply(*index, batch)).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, ..ProptestConfig::default() })]

    /// Logs made by a federation that trades, loses messages, reverses and refunds.
    #[test]
    fn a_log_replays_from_anywhere(moves in Moves::strategy(300), percent in 0..100_usize) {
        let mut federation = Federation::new();
        federation.play(&moves);
        for world in federation.worlds() {
            let at = (world.log.len() - 1) * percent / 100;
            let (before, after) = world.log.split_at(at);

            let mut straight = State::new(world.state.province());
            apply_all(&mut straight, before);
            let snapshot = straight.clone();
            let frozen = snapshot.content_digest();
            let mut restored = decode(&encode(&straight));
            prop_assert_eq!(restored.content_digest(), frozen);

            let replies = apply_all(&mut straight, after);
            prop_assert_eq!(&replies, &apply_all(&mut restored, after));
            for state in [&straight, &restored] {
                prop_assert_eq!(state.digest(), world.state.digest());
                prop_assert_eq!(state.content_digest(), world.state.content_digest());
                prop_assert_eq!(state.trial_balance(), world.state.trial_balance());
            }
            // The clone has not moved while its origin went on.
            prop_assert_eq!(snapshot.content_digest(), frozen);
            prop_assert_eq!(encode(&straight), encode(&restored));
        }
    }
}

#[test]
fn a_replica_that_differs_is_named() {
    let mut world = World::new(44);
    let account = world.open(msisdn(44, 0), None);
    world.top_up(account, 10);
    let (index, ours) = (world.state.index(), world.state.digest());
    world.top_up(account, 10);
    let compare = |digest| Command::internal(Verb::CompareDigest { index, digest });
    assert_eq!(world.batch(vec![compare(ours)]).diverged, None);
    let diverged = world.batch(vec![compare(ours ^ 1)]).diverged.expect("named");
    assert_eq!((diverged.index, diverged.leader, diverged.ours), (index, ours ^ 1, ours));
    // It survives a snapshot, and an entry before the replica's time is passed over.
    let mut restored = decode(&encode(&world.state));
    let batch = Batch { at: START, commands: vec![compare(ours ^ 1)] };
    assert!(restored.apply(restored.index() + 1, &batch).diverged.is_some());
    let old = Command::internal(Verb::CompareDigest { index: 1_000_000, digest: 1 });
    assert_eq!(world.batch(vec![old]).diverged, None);
}

#[test]
fn one_fen_more_gives_another_digest_ever_after() {
    let digest = |fen: i64| {
        let mut world = World::new(44);
        let account = world.open(msisdn(44, 0), None);
        let amount = mpss_domain::Money::fen(fen);
        world.ask(Verb::TopUpCash { account, amount, agent: String::new() });
        // The same in both, so that only the chain tells what went before.
        world.admit();
        (world.state.digest(), world.state.content_digest())
    };
    assert_eq!(digest(1_000), digest(1_000));
    assert_ne!(digest(1_000).0, digest(1_001).0);
    assert_ne!(digest(1_000).1, digest(1_001).1);
}

#[test]
fn log_time_never_goes_back_and_ids_never_repeat() {
    let mut world = World::new(44);
    let sp = world.admit();
    let mut ids = vec![sp];
    for at in [START, LogTime(0), START.plus_ms(5), LogTime(u64::MAX), START] {
        world.at = at;
        let before = world.state.now();
        ids.extend((0..100).map(|_| world.admit()));
        assert!(world.state.now() >= before);
    }
    assert!(ids.windows(2).all(|pair| pair[0] < pair[1]), "ids ascend whatever the leader's clock says");
    assert!(ids.iter().all(|id| id.province() == ProvinceId::new(44)));
}
