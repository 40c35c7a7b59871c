//! Who pays: the checks of the home side, for an order taken anywhere (product §5; source §6.3).

use crate::account::{AccountKind, AccountSelector};
use crate::bills::{BillCustomer, BillPayer};
use crate::ids::{AccountId, Msisdn};
use crate::money::Money;
use crate::password::PasswordVerdict;
use crate::rail::RailName;
use crate::refusal::Refusal;
use crate::state::State;
use crate::table::Slot;

/// By what a payment is approved, and so by which limits.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Approval {
    /// By the password; by the account's limits.
    Password(PasswordVerdict),
    /// A customer's bill, by the password or without it; by the ceilings of bills.
    Bill(Option<BillCustomer>, Option<PasswordVerdict>),
    /// By the subscriber's word for this purchase; by the account's limits.
    Consent,
}

/// Who pays, from which account, and where their rows stand.
#[derive(Clone, Copy)]
pub(crate) struct Payer {
    pub(crate) id: AccountId,
    pub(crate) account: Slot,
    pub(crate) subscriber: Slot,
    /// How its money is reached; `None` for stored value.
    pub(crate) rail: Option<RailName>,
    /// It is a bill that is paid, by whom.
    pub(crate) bill: Option<BillPayer>,
}

impl State {
    /// May this subscriber pay so much from this account?
    ///
    /// # Errors
    /// In the order of the list of [`crate::purchase`], from 7 on.
    pub(crate) fn check_payer(
        &mut self,
        msisdn: Msisdn,
        selector: AccountSelector,
        approval: Approval,
        amount: Money,
    ) -> Result<Payer, Refusal> {
        // Found once: nothing of the way to the debit adds or takes out a subscriber or an account.
        let subscriber = self.subscribers.find(&msisdn).ok_or(Refusal::AccountNotFound)?;
        let id = match selector {
            AccountSelector::Id(id) => Some(id),
            AccountSelector::Kind(kind) => self.subscribers.at(subscriber).accounts[kind as usize],
        };
        let (id, account) =
            id.and_then(|id| self.accounts.find(&id).map(|slot| (id, slot))).ok_or(Refusal::AccountNotFound)?;
        let row = self.accounts.at(account);
        if row.msisdn != msisdn {
            return Err(Refusal::AccountNotFound);
        }
        let rail = match row.kind {
            AccountKind::StoredValue => self.link(id).map(|link| link.means.rail()),
            AccountKind::Communication | AccountKind::Bank => {
                Some(self.link(id).ok_or(Refusal::AccountKindUnsupported)?.means.rail())
            }
        };
        let limit = row.per_payment_limit;
        match approval {
            Approval::Consent => {
                let locked_until = self.subscribers.at(subscriber).credential.locked_until;
                if locked_until > self.now {
                    return Err(Refusal::PasswordLocked(locked_until));
                }
            }
            Approval::Password(verdict) | Approval::Bill(_, Some(verdict)) => {
                self.check_password(subscriber, id, verdict)?;
            }
            Approval::Bill(customer, None) => {
                self.check_without_password(self.subscribers.at(subscriber), limit, customer, amount)?;
            }
        }
        let (row, owner) = (self.accounts.at(account), self.subscribers.at(subscriber));
        let (today, is_here) = (self.now.business_day(), rail.is_none());
        let bill = match approval {
            Approval::Password(_) | Approval::Consent => {
                row.check_debit(amount, today, self.policy.ceilings(row.kind, owner.tier), is_here)?;
                None
            }
            Approval::Bill(customer, verdict) => {
                row.check_active()?;
                self.check_bill_ceilings(owner, row.kind, amount)?;
                row.check_funds(amount, is_here)?;
                Some(BillPayer { customer, verifier_version: verdict.map(|verdict| verdict.verifier_version) })
            }
        };
        Ok(Payer { id, account, subscriber, rail, bill })
    }
}
