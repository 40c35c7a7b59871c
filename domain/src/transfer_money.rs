//! 手机转帐, transfer from phone to phone (product §3). The payer's home debits and drives; the
//! payee's home credits.
//!
//! ```text
//!  one province   debit and credit in one step
//!  two provinces  payer's home: debit, `crediting` ─▶ payee's home: credit or refuse, for good
//!                 ─▶ payer's home: completed, or the money comes back
//! ```

use crate::account::{Account, AccountKind, AccountSelector, AccountStatus};
use crate::effect::{Effect, EffectId, SmsText};
use crate::ids::{AccountId, IssuedId, Msisdn, ProvinceId, TransferId};
use crate::journal::{JournalBody, PostingReason, StatementLine};
use crate::ledger::LedgerAccount;
use crate::money::Money;
use crate::movement::{Counts, Movement, OpenOrders, Step};
use crate::outcome::Outcome;
use crate::password::PasswordVerdict;
use crate::payer::Approval;
use crate::rail::stored_value::{Rail, StoredValue};
use crate::refusal::Refusal;
use crate::state::State;
use crate::transfer::{IncomingTransfer, Transfer, TransferStatus};

/// What [`crate::Verb::Transfer`] says.
pub(crate) struct TransferOrder {
    pub(crate) payer: Msisdn,
    pub(crate) payee: Msisdn,
    pub(crate) payee_home: ProvinceId,
    pub(crate) epoch: u64,
    pub(crate) amount: Money,
    pub(crate) verdict: PasswordVerdict,
}

/// What [`crate::Verb::CreditTransfer`] says.
pub(crate) struct Credit {
    pub(crate) transfer: TransferId,
    pub(crate) payer: Msisdn,
    pub(crate) payee: Msisdn,
    pub(crate) amount: Money,
    pub(crate) epoch: u64,
}

impl State {
    /// Transfers money.
    ///
    /// # Errors
    /// In this order: the amount; [`Refusal::PayerIsPayee`]; the payer's number and home; the payee's
    /// number and home; the payer's account, password, status, limits and funds as for a purchase;
    /// and when the payee is at home here too, what [`State::check_payee`] refuses.
    pub(crate) fn transfer_money(&mut self, asked: &TransferOrder) -> Result<Outcome, Refusal> {
        asked.amount.check_request()?;
        if asked.payer == asked.payee {
            return Err(Refusal::PayerIsPayee);
        }
        self.check_home_is_here(asked.payer)?;
        if asked.payee_home.is_national() {
            return Err(Refusal::NotHome);
        }
        self.check_home(asked.payee, asked.payee_home, asked.epoch)?;
        let stored_value = AccountSelector::Kind(AccountKind::StoredValue);
        let payer = self.check_payer(asked.payer, stored_value, Approval::Password(asked.verdict), asked.amount)?.id;
        self.check_kept_here(payer)?;
        let payee_here =
            if asked.payee_home == self.province { Some(self.check_payee(asked.payee, asked.amount)?) } else { None };

        // From here it must succeed.
        let id: TransferId = self.ids.issue(self.now, self.province);
        let mut transfer = Transfer {
            id,
            payer: asked.payer,
            payer_account: payer,
            payee: asked.payee,
            payee_home: asked.payee_home,
            amount: asked.amount,
            status: TransferStatus::Crediting,
            at: self.now,
            index: self.index,
            final_at: None,
            waits_for: EffectId(0),
        };
        match payee_here {
            Some(payee) => {
                self.transfer_here(&transfer, payee);
                transfer.status = TransferStatus::Completed;
                transfer.final_at = Some((self.now, self.index));
            }
            None => transfer.waits_for = self.send_transfer(&transfer),
        }
        self.transfers.insert(id, transfer);
        Ok(Outcome::Transfer(id))
    }

    /// Debits the payer for a payee at home elsewhere; gives the effect that forwards the credit.
    fn send_transfer(&mut self, transfer: &Transfer) -> EffectId {
        let &Transfer { id, payee, payee_home, amount, .. } = transfer;
        let balance = self.move_money(
            transfer.payer_account,
            Movement {
                step: Step::Debit(Counts::Today),
                amount,
                reason: PostingReason::Transfer(id),
                against: LedgerAccount::DueTo(payee_home),
                counterparty: Some(payee),
                open_orders: OpenOrders::OneMore,
            },
        );
        self.tell(transfer.payer, SmsText::TransferSent { transfer: id, payee, amount, balance });
        self.add_effect(Effect::CreditTransfer { transfer: id, payee_home })
    }

    /// Moves money between two wallets of this province.
    fn transfer_here(&mut self, transfer: &Transfer, payee_account: AccountId) {
        let &Transfer { id, payer, payee, amount, .. } = transfer;
        let sent = self.move_money(
            transfer.payer_account,
            Movement {
                step: Step::Debit(Counts::Today),
                amount,
                reason: PostingReason::Transfer(id),
                against: LedgerAccount::Wallet(payee_account),
                counterparty: Some(payee),
                open_orders: OpenOrders::Same,
            },
        );
        // The set that was just posted holds both wallets; the payee's side is its row and statement.
        let account = self.accounts.get_mut(&payee_account).expect("the verb has found the payee");
        StoredValue(account).credit(amount);
        self.books.wallet_changed(amount);
        let balance = account.available;
        let statement = StatementLine {
            account: payee_account,
            amount,
            balance,
            counterparty: Some(payer),
            sp: None,
            province: None,
        };
        let reason = PostingReason::Transfer(id);
        let body = JournalBody::Posted { reason, postings: Vec::new(), statement: Some(statement) };
        account.last_record = Some(self.entry.record(account.last_record, body));
        self.tell(payer, SmsText::TransferSent { transfer: id, payee, amount, balance: sent });
        self.tell(payee, SmsText::TransferReceived { transfer: id, payer, amount, balance });
    }

    /// May this payee be given this much?
    ///
    /// # Errors
    /// In this order: [`Refusal::PayeeNotFound`] (also when the account is closed), [`Refusal::PayeeNotActive`],
    /// [`Refusal::AccountKindUnsupported`] for one that the UPP keeps, [`Refusal::PayeeCeilingExceeded`].
    fn check_payee(&self, payee: Msisdn, amount: Money) -> Result<AccountId, Refusal> {
        let account = self
            .select_account(payee, AccountSelector::Kind(AccountKind::StoredValue))
            .filter(|account| account.status != AccountStatus::Closed)
            .ok_or(Refusal::PayeeNotFound)?;
        account.check_active().map_err(|_| Refusal::PayeeNotActive)?;
        self.check_kept_here(account.id)?;
        if !self.fits_under_ceiling(account.id, amount) {
            return Err(Refusal::PayeeCeilingExceeded);
        }
        Ok(account.id)
    }

    /// Credits a transfer from another province. The first decision is kept with the transfer id and
    /// never changes, a refusal of any kind included: the payer's side gives the money back on it, so
    /// a copy that arrives later must not credit.
    ///
    /// # Errors
    /// In this order: [`Refusal::PaymentMismatch`] for a transfer of our own or a known id with
    /// other content; the known decision; [`Refusal::RequestTooOld`] when one could have been
    /// forgotten, the only answer that decides nothing; then [`Refusal::Unresolved`] for one that comes
    /// too late, the amount, the payee's number and home, and what [`State::check_payee`] refuses.
    pub(crate) fn credit_transfer(&mut self, asked: &Credit) -> Result<Outcome, Refusal> {
        let Some(payer_home) = asked.transfer.province().filter(|home| *home != self.province) else {
            return Err(Refusal::PaymentMismatch);
        };
        if let Some(known) = self.incoming.get(&asked.transfer) {
            if known.payee != asked.payee || known.amount != asked.amount {
                return Err(Refusal::PaymentMismatch);
            }
            return known.result.map(Outcome::Credited);
        }
        if self.can_be_forgotten(asked.transfer.issued_at()) {
            return Err(Refusal::RequestTooOld);
        }
        let result = self.check_credit(asked);
        if let Ok(account) = result {
            let &Credit { transfer, payer, payee, amount, .. } = asked;
            let balance = self.move_money(
                account,
                Movement {
                    step: Step::Credit,
                    amount,
                    reason: PostingReason::Transfer(transfer),
                    against: LedgerAccount::DueFrom(payer_home),
                    counterparty: Some(payer),
                    open_orders: OpenOrders::Same,
                },
            );
            self.tell(payee, SmsText::TransferReceived { transfer, payer, amount, balance });
        }
        let row = IncomingTransfer {
            id: asked.transfer,
            payee: asked.payee,
            amount: asked.amount,
            result,
            at: self.now,
            index: self.index,
        };
        self.incoming.insert(asked.transfer, row);
        result.map(Outcome::Credited)
    }

    fn check_credit(&self, asked: &Credit) -> Result<AccountId, Refusal> {
        if self.is_too_old(asked.transfer.issued_at()) {
            // Nobody counts on it any more, and it is sure that it was never credited: the payer's
            // province gives the money back on this, which is kept like any other decision.
            return Err(Refusal::Unresolved);
        }
        asked.amount.check_request()?;
        if self.province.is_national() {
            return Err(Refusal::NotHome);
        }
        self.check_home(asked.payee, self.province, asked.epoch)?;
        self.check_payee(asked.payee, asked.amount)
    }

    /// Records what the payee's province answered. Harmless when repeated: the first answer stands.
    ///
    /// # Errors
    /// [`Refusal::TransferNotFound`].
    pub(crate) fn record_transfer_credit(
        &mut self,
        id: TransferId,
        result: Result<(), Refusal>,
    ) -> Result<Outcome, Refusal> {
        let transfer = self.transfer(id).ok_or(Refusal::TransferNotFound)?.clone();
        if transfer.status != TransferStatus::Crediting {
            return Ok(Outcome::Transfer(id));
        }
        self.end_effect(transfer.waits_for);
        match result {
            Ok(()) => {
                let account = self.accounts.get_mut(&transfer.payer_account).expect("an account is kept for ever");
                close_one(account);
            }
            #[cfg(feature = "mutants")]
            Err(_) if self.is_mutant(crate::mutant::Mutant::HoldNeverReleased) => {}
            Err(_) => self.return_transfer(&transfer),
        }
        let row = self.transfers.get_mut(&id).expect("just found");
        row.status = result.map_or_else(TransferStatus::Returned, |()| TransferStatus::Completed);
        row.final_at = Some((self.now, self.index));
        row.waits_for = EffectId(0);
        Ok(Outcome::Transfer(id))
    }

    /// The money comes back as if it had never left.
    fn return_transfer(&mut self, transfer: &Transfer) {
        let &Transfer { id, payee, payee_home, amount, .. } = transfer;
        let balance = self.move_money(
            transfer.payer_account,
            Movement {
                step: Step::Reverse(Some(transfer.at.business_day())),
                amount,
                reason: PostingReason::TransferReturned(id),
                against: LedgerAccount::DueTo(payee_home),
                counterparty: Some(payee),
                open_orders: OpenOrders::OneLess,
            },
        );
        self.tell(transfer.payer, SmsText::TransferReturned { transfer: id, amount, balance });
    }
}

fn close_one(account: &mut Account) {
    account.open_orders = account.open_orders.checked_sub(1).expect("every closed order was opened");
}
