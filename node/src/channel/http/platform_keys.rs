//! The platform's public keys, by which SPs know that a notice is from us.

use axum::extract::State;
use serde::Serialize;
use utoipa::ToSchema;

use super::answer;
use super::call::{Answer, Call};
use super::door::Door;
use crate::intake::{EdgeCode, Problem};
use crate::platform_keys::{PublishedKey, published};

/// One public key of the platform.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlatformKey)]
pub(crate) struct PlatformKeyBody {
    /// What `keyid` of our signatures says.
    #[schema(example = "mpss-2a1b3c4d5e6f7081")]
    key_id: String,
    /// `ed25519` or `sm2-sm3`.
    #[schema(example = "ed25519")]
    algorithm: &'static str,
    /// In hex: 32 bytes of Ed25519, or an uncompressed point of SM2 (65 bytes).
    #[schema(example = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb")]
    public_key: String,
    /// `signs` now, or only `published`: the next key, or the last one.
    #[schema(example = "signs")]
    status: &'static str,
}

impl PlatformKeyBody {
    fn of(key: PublishedKey) -> Self {
        Self {
            key_id: key.key_id,
            algorithm: key.algorithm.name(),
            public_key: hex::encode(key.public_key),
            status: if key.signs { "signs" } else { "published" },
        }
    }
}

/// The platform's public keys.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = PlatformKeys)]
pub(crate) struct PlatformKeysBody {
    /// The one that signs first; none when notices are not signed.
    keys: Vec<PlatformKeyBody>,
}

/// Shows the public keys that what we tell SPs is signed with (RFC 9421).
#[utoipa::path(
    get, path = "/v1/keys", tag = "sp", operation_id = "show_platform_keys",
    responses((status = 200, description = "The keys", body = PlatformKeysBody)),
)]
pub(crate) async fn show(State(door): State<Door>, call: Call) -> Answer {
    call.query(&[])?;
    let keys = published(&door.context.settings.sp).map_err(|error| {
        tracing::error!(%error, "sp.notice_key or sp.published_key");
        Problem::edge(EdgeCode::Internal)
    })?;
    Ok(answer::found(&PlatformKeysBody { keys: keys.into_iter().map(PlatformKeyBody::of).collect() }))
}
