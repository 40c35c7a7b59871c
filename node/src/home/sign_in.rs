//! Signing in by the payment password: judged here and counted in the log, like whatever else it is given for.

use mpss_domain::{Msisdn, StateVersion, Verb};

use super::Home;
use super::judging::{Owner, propose_judged};
use crate::not_done::NotDone;
use crate::password::PaymentPassword;

impl Home {
    /// Proves that whoever asks has the password of `msisdn`. It has no request id: a repetition is another attempt.
    /// Gives the version of the password that was right, so that a session can end with it.
    ///
    /// # Errors
    /// See [`NotDone`].
    pub(crate) async fn sign_in(&self, msisdn: Msisdn, password: PaymentPassword) -> Result<u32, NotDone> {
        self.context.is_readable(StateVersion::DOORS).await?;
        let verb = |verdict| Verb::CheckPassword { msisdn, verdict };
        let reply = propose_judged(&self.context, None, Owner::Number(msisdn), password, verb).await?;
        let version = |state: &mpss_domain::State| state.subscriber(msisdn).map(|row| row.credential.version);
        Ok(self.context.replica.read_at(reply.index, version).await?.unwrap_or_default())
    }
}
