//! Every decoder over its seeds, over damaged seeds and over noise: it may refuse and must not panic.
//! The same functions are searched for longer by `fuzz.sh`.

#![allow(clippy::expect_used, reason = "a test")]

use mpss_tests::decoders::{self, Decoder};
use mpss_tests::seeded::Seeded;

/// Damaged seeds and pieces of noise for each decoder.
const ROUNDS: usize = 4_000;

fn read(decoder: &Decoder, bytes: &[u8], origin: &str) -> bool {
    std::panic::catch_unwind(|| (decoder.understands)(bytes))
        .unwrap_or_else(|_| panic!("{} panics on {origin}: {:?}", decoder.name, String::from_utf8_lossy(bytes)))
}

#[test]
fn every_decoder_has_seeds_it_understands_and_seeds_it_refuses() {
    for decoder in decoders::ALL {
        let seeds = decoders::seeds(decoder.name);
        for (name, bytes) in &seeds {
            let understood = read(decoder, bytes, name);
            // A seed's name says what must become of it, so that a decoder that refuses everything is noticed.
            assert_eq!(understood, !name.starts_with("bad"), "{}/{name}", decoder.name);
        }
        assert!(seeds.iter().any(|(name, _)| !name.starts_with("bad")), "{} has no good seed", decoder.name);
        assert!(seeds.iter().any(|(name, _)| name.starts_with("bad")), "{} has no bad seed", decoder.name);
    }
}

#[test]
fn every_folder_of_seeds_has_its_decoder() {
    let folder = decoders::seed_folder("");
    for entry in std::fs::read_dir(folder).expect("seeds") {
        let name = entry.expect("an entry").file_name().to_string_lossy().into_owned();
        assert!(decoders::by_name(&name).is_some(), "seeds/{name} is nobody's");
    }
}

#[test]
fn damaged_seeds_and_noise_panic_nowhere() {
    let seeded = Seeded::from_environment("MPSS_DECODER_SEED");
    for decoder in decoders::ALL {
        let mut seeded = seeded.fork(decoder.name);
        let seeds = decoders::seeds(decoder.name);
        let (mut understood, mut refused) = (0, 0);
        for _ in 0..ROUNDS {
            let bytes = if seeded.one_in(8) {
                seeded.bytes(512)
            } else {
                let seed = &seeded.pick(&seeds).1.clone();
                decoders::damaged(seed, &mut seeded)
            };
            if read(decoder, &bytes, "damage") { understood += 1 } else { refused += 1 }
        }
        eprintln!("{:20} {understood} understood, {refused} refused", decoder.name);
        assert!(refused > 0, "{} refuses nothing", decoder.name);
    }
}
