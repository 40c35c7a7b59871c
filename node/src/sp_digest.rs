//! What an SP calls something, as 16 bytes that tell it from what any other SP calls so.

use mpss_domain::SpId;
use mpss_domain::ids::IssuedId;
use sha2::{Digest, Sha256};

/// The first 16 bytes of the SHA-256 of `what` it names, the SP and its own word. No secret: whoever knows the word
/// finds it.
pub(crate) fn sp_digest(what: &str, sp: SpId, word: &str) -> u128 {
    let digest = Sha256::new()
        .chain_update(what.as_bytes())
        .chain_update(sp.bits().to_be_bytes())
        .chain_update(word.as_bytes())
        .finalize();
    u128::from_be_bytes(digest[..16].try_into().expect("SHA-256 has 32 bytes"))
}
