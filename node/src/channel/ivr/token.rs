//! The state of a call while the gateway keeps it: where the call stands, and the proof that we said so.
//!
//! A call may come to another node with every step, and nodes die; so none of them keeps it. What the gateway gives back
//! holds no secret. It is bound to everything that a step names, so that it is good for that step of that call only.

use hmac::{Hmac, KeyInit, Mac};
use mpss_domain::Msisdn;
use mpss_domain::account::Language;
use sha2::Sha256;

use super::menu::{Place, Standing, Switch};

/// Separates these proofs from anything else ever made with the same key.
const DOMAIN: &[u8] = b"mpss-ivr-state-v1";

/// The form that is written; another one is not read.
const VERSION: u8 = 1;

/// Bytes before the proof.
const BARE: usize = 4;

/// A step of a call, as a state is bound to it.
#[derive(Debug, Clone, Copy)]
pub(crate) struct StepOf<'a> {
    /// Which gateway brings it.
    pub(crate) gateway: &'a str,
    /// The gateway's name for the call.
    pub(crate) call: &'a str,
    /// Who calls.
    pub(crate) caller: Msisdn,
    /// The number that was dialled; may be empty.
    pub(crate) called: &'a str,
    /// When the call began, ms since 1970.
    pub(crate) started_at: u64,
    /// Its number, from 1 on.
    pub(crate) step: u32,
}

impl StepOf<'_> {
    /// Everything that names the step, each part with its length in front.
    pub(crate) fn write(&self, mut to: impl FnMut(&[u8])) {
        for part in [self.gateway, self.call, self.called] {
            to(&(part.len() as u64).to_be_bytes());
            to(part.as_bytes());
        }
        to(&self.caller.number().to_be_bytes());
        to(&self.started_at.to_be_bytes());
        to(&self.step.to_be_bytes());
    }
}

/// The state for a step.
pub(crate) fn seal(key: &[u8], of: &StepOf<'_>, standing: Standing) -> String {
    let bare = [VERSION, place_number(standing.place), language_number(standing.language), standing.tries];
    let mut sealed = bare.to_vec();
    sealed.extend(proof(key, of, &bare).finalize().into_bytes());
    hex::encode(sealed)
}

/// Where the call stands, when this is the state that was given out for the step.
pub(crate) fn open(key: &[u8], of: &StepOf<'_>, sealed: &str) -> Option<Standing> {
    let bytes = hex::decode(sealed).ok()?;
    let (bare, given) = bytes.split_at_checked(BARE)?;
    // Compared in constant time.
    proof(key, of, bare).verify_slice(given).ok()?;
    let [VERSION, place, language, tries] = *bare else { return None };
    Some(Standing { place: place_of(place)?, language: language_of(language)?, tries })
}

fn proof(key: &[u8], of: &StepOf<'_>, bare: &[u8]) -> Hmac<Sha256> {
    let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("HMAC takes keys of any length");
    mac.update(DOMAIN);
    of.write(|part| mac.update(part));
    mac.update(bare);
    mac
}

/// Places by number; a number is never used again.
const PLACES: [(u8, Place); 7] = [
    (1, Place::Language),
    (2, Place::Menu),
    (3, Place::Decision),
    (4, Place::Password(Switch::Freeze)),
    (5, Place::Password(Switch::Thaw)),
    (6, Place::Code { agreed: true }),
    (7, Place::Code { agreed: false }),
];

fn place_number(place: Place) -> u8 {
    PLACES.iter().find(|(_, known)| *known == place).map(|(number, _)| *number).expect("every place has a number")
}

fn place_of(number: u8) -> Option<Place> {
    PLACES.iter().find(|(known, _)| *known == number).map(|(_, place)| *place)
}

const fn language_number(language: Language) -> u8 {
    match language {
        Language::Chinese => 1,
        Language::English => 2,
    }
}

const fn language_of(number: u8) -> Option<Language> {
    match number {
        1 => Some(Language::Chinese),
        2 => Some(Language::English),
        _ => None,
    }
}
