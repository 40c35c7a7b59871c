//! Sessions: sealed into a cookie with a key that all nodes of the province have, so that any node serves any session and
//! none keeps one.

use chacha20poly1305::aead::{Aead, Payload};
use chacha20poly1305::{KeyInit, XChaCha20Poly1305, XNonce};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use hmac::{Hmac, Mac};
use mpss_config::PortalSettings;
use mpss_runtime::Random;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use subtle::ConstantTimeEq;
use zeroize::Zeroizing;

/// Separate what is made of one key.
const SEALING: &[u8] = b"mpss-portal-session-v1";
const FORMS: &[u8] = b"mpss-portal-form-v1";
const REQUESTS: &[u8] = b"mpss-portal-request-v1";

/// So long that drawn ones do not repeat.
const NONCE_BYTES: usize = 24;
/// The longest token that is opened, in bytes.
const TOKEN_BYTES_MAX: usize = 2_048;
/// Characters of a form's token and of a request id.
const MARK_CHARS: usize = 40;

/// Whose session it is.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Who {
    /// Nobody known yet: a form that was shown.
    Guest,
    /// A subscriber of this province, and the version of the password that was right.
    Subscriber { msisdn: u64, password: u32 },
    /// Whoever took this order without a session; `proved` when the number is surely theirs.
    Buyer { msisdn: u64, order: String, proved: bool },
    /// Somebody who signed in by name.
    Person { name: String },
}

/// A session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) who: Who,
    /// When it began, in ms.
    pub(crate) begun_ms: u64,
    /// When it was used last, as far as the cookie says, in ms.
    pub(crate) used_ms: u64,
    nonce: [u8; 16],
}

impl Session {
    pub(crate) fn begin(who: Who, now_ms: u64, random: &dyn Random) -> Self {
        let mut nonce = [0; 16];
        random.fill(&mut nonce);
        Self { who, begun_ms: now_ms, used_ms: now_ms, nonce }
    }

    /// Is it good at this time?
    pub(crate) fn is_good(&self, now_ms: u64, settings: &PortalSettings) -> bool {
        // Clocks of two nodes differ a little: a session that begins in a moment has begun.
        now_ms.saturating_sub(self.used_ms) <= settings.idle_ms
            && now_ms.saturating_sub(self.begun_ms) <= settings.session_ms
    }
}

/// Seals sessions, and marks forms and requests that belong to one.
pub(crate) struct Seal {
    cipher: XChaCha20Poly1305,
    forms: Zeroizing<Vec<u8>>,
    requests: Zeroizing<Vec<u8>>,
}

impl Seal {
    /// What can be done with this key.
    pub(crate) fn new(key: &[u8]) -> Self {
        let sealing = derived(key, SEALING);
        Self {
            cipher: XChaCha20Poly1305::new_from_slice(&sealing).expect("a digest has 32 bytes"),
            forms: derived(key, FORMS),
            requests: derived(key, REQUESTS),
        }
    }

    /// A session as the value of the cookie `name`.
    pub(crate) fn seal(&self, name: &str, session: &Session, random: &dyn Random) -> String {
        let mut sealed = vec![0; NONCE_BYTES];
        random.fill(&mut sealed);
        let text = Zeroizing::new(serde_json::to_vec(session).expect("a session can be written as JSON"));
        let nonce = XNonce::try_from(&sealed[..]).expect("so many bytes were drawn");
        let payload = Payload { msg: &text, aad: name.as_bytes() };
        sealed.extend(self.cipher.encrypt(&nonce, payload).expect("a session is short"));
        BASE64URL_NOPAD.encode(&sealed)
    }

    /// The session in the value of the cookie `name`; nothing when it was not sealed for it with this key.
    pub(crate) fn open(&self, name: &str, value: &str) -> Option<Session> {
        let bytes =
            (value.len() <= TOKEN_BYTES_MAX).then(|| BASE64URL_NOPAD.decode(value.as_bytes()).ok()).flatten()?;
        let (nonce, sealed) = bytes.split_at_checked(NONCE_BYTES)?;
        let nonce = XNonce::try_from(nonce).ok()?;
        let text = self.cipher.decrypt(&nonce, Payload { msg: sealed, aad: name.as_bytes() }).ok()?;
        serde_json::from_slice(&Zeroizing::new(text)).ok()
    }

    /// What every form of this session carries.
    pub(crate) fn form_token(&self, session: &Session) -> String {
        mark(&self.forms, &[&session.nonce])
    }

    /// Does the form come from a page of this session?
    pub(crate) fn is_form_of(&self, session: &Session, token: &str) -> bool {
        self.form_token(session).as_bytes().ct_eq(token.as_bytes()).into()
    }

    /// The request id under which a form is carried out: those of two people never meet, whatever they send.
    pub(crate) fn request_key(&self, whose: &str, form: &str) -> String {
        mark(&self.requests, &[whose.as_bytes(), b"\n", form.as_bytes()])
    }
}

fn mac(key: &[u8], parts: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("HMAC takes keys of any length");
    parts.iter().for_each(|part| mac.update(part));
    Zeroizing::new(mac.finalize().into_bytes().to_vec())
}

fn derived(key: &[u8], what: &[u8]) -> Zeroizing<Vec<u8>> {
    mac(key, &[what])
}

fn mark(key: &[u8], parts: &[&[u8]]) -> String {
    let mut text = HEXLOWER.encode(&mac(key, parts));
    text.truncate(MARK_CHARS);
    text
}

/// A request id for a form, drawn.
pub(crate) fn drawn_id(random: &dyn Random) -> String {
    let mut bytes = [0; 16];
    random.fill(&mut bytes);
    HEXLOWER.encode(&bytes)
}
