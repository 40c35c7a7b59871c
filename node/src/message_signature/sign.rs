//! Signing a message.

use axum::http::{HeaderMap, HeaderValue};
use data_encoding::BASE64URL_NOPAD;
use mpss_runtime::Random;
use sfv::{BareItem, Dictionary, FieldType as _, InnerList, Integer, Item, Key, ListEntry, Parameters};

use super::base::{Message, component};
use super::key::SignKey;

/// What our own signatures are called.
const LABEL: &str = "sig1";
/// Random bytes of a nonce.
const NONCE_BYTES: usize = 18;

/// A key with the name that others know it by.
#[derive(Debug)]
pub struct Signer {
    /// What the signature says it is by.
    pub key_id: String,
    /// What is signed with.
    pub key: SignKey,
}

/// When a signature is made, and what tells it from every other.
#[derive(Debug, Clone)]
pub struct Signature {
    /// In s since 1970.
    pub created_s: u64,
    /// Different for every signature by one key.
    pub nonce: String,
}

impl Signature {
    /// One that nobody has made before.
    #[must_use]
    pub fn draw(created_s: u64, random: &dyn Random) -> Self {
        let mut bytes = [0; NONCE_BYTES];
        random.fill(&mut bytes);
        Self { created_s, nonce: BASE64URL_NOPAD.encode(&bytes) }
    }
}

impl Signer {
    /// Signs a message that covers these components, and gives the two headers that say so.
    ///
    /// # Panics
    /// When a component is named that the message does not have, or that is not known: what is signed is decided by
    /// the program, not by anybody's input.
    #[must_use]
    pub fn sign(&self, message: &Message<'_>, components: &[&str], signature: &Signature) -> HeaderMap {
        let text = |text: &str| {
            let text = sfv::String::from_string(text.to_owned()).expect("key ids and nonces are printable ASCII");
            BareItem::String(text)
        };
        let key = |name: &str| Key::from_string(name.to_owned()).expect("a parameter's name");
        let created = Integer::try_from(signature.created_s).expect("a time of this age of the world");
        let mut parameters = Parameters::new();
        parameters.insert(key("created"), BareItem::Integer(created));
        parameters.insert(key("keyid"), text(&self.key_id));
        parameters.insert(key("alg"), text(self.key.check_key().algorithm().name()));
        parameters.insert(key("nonce"), text(&signature.nonce));
        let items = components.iter().map(|name| component(name)).collect();
        let input = InnerList::with_params(items, parameters);
        let base = message.base(&input).expect("the program names components that are there");
        let bytes = self.key.sign(base.as_bytes());
        let mut headers = HeaderMap::new();
        for (name, entry) in [
            (super::SIGNATURE_INPUT, ListEntry::InnerList(input)),
            (super::SIGNATURE, ListEntry::Item(Item::new(BareItem::ByteSequence(bytes)))),
        ] {
            let mut dictionary = Dictionary::new();
            dictionary.insert(key(LABEL), entry);
            let value = dictionary.serialize().expect("it has one member");
            headers.insert(name, HeaderValue::from_str(&value).expect("structured fields are ASCII"));
        }
        headers
    }
}
