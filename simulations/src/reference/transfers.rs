//! 手机转帐, from phone to phone (product §3): the payer's home debits and drives, the payee's home
//! credits or refuses for good, and what was refused comes back.

use mpss_domain::ids::IssuedId;
use mpss_domain::journal::PostingReason;
use mpss_domain::transfer::IncomingTransfer;
use mpss_domain::{
    AccountId, AccountKind, AccountSelector, AccountStatus, Effect, EffectId, LedgerAccount, Money, Msisdn, Outcome,
    PasswordVerdict, ProvinceId, Refusal, SmsText, Transfer, TransferId, TransferStatus,
};

use super::Reference;
use super::accounts::check_in_use;
use super::bill_ceilings::By;
use super::days::day_of;
use super::purchase::check_amount;
use super::wallet::Movement;

impl Reference {
    /// The amount; payer is payee; the payer's number and home; the payee's; the payer as for a
    /// purchase; and the payee, when it is at home here too.
    pub(super) fn transfer(
        &mut self,
        payer: Msisdn,
        (payee, payee_home, epoch): (Msisdn, ProvinceId, u64),
        amount: Money,
        verdict: PasswordVerdict,
    ) -> Result<Outcome, Refusal> {
        check_amount(amount)?;
        if payer == payee {
            return Err(Refusal::PayerIsPayee);
        }
        self.check_at_home(payer)?;
        if payee_home == ProvinceId::NATIONAL {
            return Err(Refusal::NotHome);
        }
        self.check_home(payee, payee_home, epoch)?;
        let stored_value = AccountSelector::Kind(AccountKind::StoredValue);
        let (payer_account, _) = self.check_payer(payer, stored_value, By::Password(verdict), amount)?;
        let here = payee_home == self.province;
        let payee_account = if here { Some(self.check_payee(payee, amount)?) } else { None };

        let id: TransferId = self.identities.next(self.now, self.province);
        let reason = PostingReason::Transfer(id);
        if let Some(payee_account) = payee_account {
            let (left, balance) = self.move_between((payer, payer_account), (payee, payee_account), amount, &reason);
            self.text(payer, SmsText::TransferSent { transfer: id, payee, amount, balance: left });
            self.text(payee, SmsText::TransferReceived { transfer: id, payer, amount, balance });
        } else {
            let out = Movement::of(-amount, reason, LedgerAccount::DueTo(payee_home)).using(amount).with(payee);
            let balance = self.move_money(payer_account, &out);
            self.text(payer, SmsText::TransferSent { transfer: id, payee, amount, balance });
            self.effect(Effect::CreditTransfer { transfer: id, payee_home });
            self.crediting.insert(id);
        }
        let row = Transfer {
            id,
            payer,
            payer_account,
            payee,
            payee_home,
            amount,
            status: if here { TransferStatus::Completed } else { TransferStatus::Crediting },
            at: self.now,
            index: self.index,
            final_at: here.then_some((self.now, self.index)),
            waits_for: EffectId(0),
        };
        self.transfers.insert(id, row);
        Ok(Outcome::Transfer(id))
    }

    /// No account or a closed one, one not in use, the ceiling.
    fn check_payee(&self, payee: Msisdn, amount: Money) -> Result<AccountId, Refusal> {
        let id = self.newest_account(payee, AccountKind::StoredValue).ok_or(Refusal::PayeeNotFound)?;
        if self.wallets[&id].status == AccountStatus::Closed {
            return Err(Refusal::PayeeNotFound);
        }
        if check_in_use(&self.wallets[&id]).is_err() {
            return Err(Refusal::PayeeNotActive);
        }
        if self.would_be_too_full(id, amount) { Err(Refusal::PayeeCeilingExceeded) } else { Ok(id) }
    }

    /// Our own or known with other content; the known decision; its age; then amount, number, payee.
    /// The first decision is for good, whatever it was: the payer's side acts on it.
    pub(super) fn credit_transfer(
        &mut self,
        id: TransferId,
        (payer, payee): (Msisdn, Msisdn),
        amount: Money,
        epoch: u64,
    ) -> Result<Outcome, Refusal> {
        let payer_home = id.province().ok_or(Refusal::PaymentMismatch)?;
        if payer_home == self.province {
            return Err(Refusal::PaymentMismatch);
        }
        if let Some(known) = self.incoming.get(&id) {
            if (known.payee, known.amount) != (payee, amount) {
                return Err(Refusal::PaymentMismatch);
            }
            return known.result.map(Outcome::Credited);
        }
        self.check_forgotten(id.issued_at())?;
        // So late nobody counts on it: refused for good, and the payer has it back.
        let result = if self.is_past_retention(id.issued_at()) {
            Err(Refusal::Unresolved)
        } else {
            self.check_credit(payee, amount, epoch)
        };
        if let Ok(account) = result {
            let credit = Movement::of(amount, PostingReason::Transfer(id), LedgerAccount::DueFrom(payer_home));
            let balance = self.move_money(account, &credit.with(payer));
            self.text(payee, SmsText::TransferReceived { transfer: id, payer, amount, balance });
        }
        let row = IncomingTransfer { id, payee, amount, result, at: self.now, index: self.index };
        self.incoming.insert(id, row);
        result.map(Outcome::Credited)
    }

    fn check_credit(&self, payee: Msisdn, amount: Money, epoch: u64) -> Result<AccountId, Refusal> {
        check_amount(amount)?;
        if self.province == ProvinceId::NATIONAL {
            return Err(Refusal::NotHome);
        }
        self.check_home(payee, self.province, epoch)?;
        self.check_payee(payee, amount)
    }

    /// What the payee's province answered. The first answer stands.
    pub(super) fn record_transfer_credit(
        &mut self,
        id: TransferId,
        result: Result<(), Refusal>,
    ) -> Result<Outcome, Refusal> {
        let row = self.transfers.get_mut(&id).ok_or(Refusal::TransferNotFound)?;
        if row.status != TransferStatus::Crediting {
            return Ok(Outcome::Transfer(id));
        }
        row.final_at = Some((self.now, self.index));
        row.status = match result {
            Ok(()) => TransferStatus::Completed,
            Err(refusal) => TransferStatus::Returned(refusal),
        };
        let Transfer { payer, payer_account, payee, payee_home, amount, at, .. } = *row;
        self.crediting.remove(&id);
        self.answered(|asked| matches!(asked, Effect::CreditTransfer { transfer, .. } if *transfer == id));
        if result.is_err() {
            // As if it had never left.
            let use_undone = if day_of(at) == day_of(self.now) { -amount } else { Money::ZERO };
            let back = Movement::of(amount, PostingReason::TransferReturned(id), LedgerAccount::DueTo(payee_home));
            let balance = self.move_money(payer_account, &back.using(use_undone).with(payee));
            self.text(payer, SmsText::TransferReturned { transfer: id, amount, balance });
        }
        Ok(Outcome::Transfer(id))
    }
}
