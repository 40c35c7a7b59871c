//! What a subscriber asks for by text and is told.

use mpss_domain::journal::JournalBody;
use mpss_domain::texts::answer::{OwnAccount, SmsAnswer};
use mpss_domain::{AccountKind, AccountSelector, AccountStatus, Msisdn, State};

use super::{Words, no_account};
use crate::not_done::NotDone;

/// Movements that are told; more do not fit into a text that is read.
const MOVES_MAX: usize = 5;

/// Records looked at for them: not every one moves money.
const RECORDS_MAX: usize = 64;

impl Words {
    /// What a subscriber has.
    pub(crate) async fn own_accounts(&self, of: Msisdn) -> Result<SmsAnswer, NotDone> {
        let look = move |state: &State| {
            let ids = state.subscriber(of).map(|subscriber| subscriber.accounts).unwrap_or_default();
            let accounts = ids.into_iter().flatten().filter_map(|id| state.account(id));
            let open = accounts.filter(|account| account.status != AccountStatus::Closed);
            open.map(|account| {
                let kept_here = account.kind == AccountKind::StoredValue && state.link(account.id).is_none();
                OwnAccount {
                    kind: account.kind,
                    status: account.status,
                    balance: kept_here.then_some(account.available),
                    limits: (account.per_payment_limit, account.daily_limit),
                }
            })
            .collect()
        };
        Ok(SmsAnswer::Accounts(self.context.replica.read_linearizable(look).await?))
    }

    /// The newest movements of the virtual account.
    pub(super) async fn moves(&self, of: Msisdn) -> Result<SmsAnswer, NotDone> {
        let look = move |state: &State| {
            let account = state.select_account(of, AccountSelector::Kind(AccountKind::StoredValue))?;
            Some((account.id, account.available, account.last_record))
        };
        let (account, balance, newest) = self.context.replica.read_linearizable(look).await?.ok_or_else(no_account)?;
        let (mut moves, mut looked_at, mut next) = (Vec::new(), 0, newest);
        'records: while let Some(position) = next {
            for record in self.home.records_back_from(position, MOVES_MAX).await? {
                looked_at += 1;
                next = record.previous;
                if let JournalBody::Posted { statement: Some(line), .. } = &record.body
                    && line.account == account
                {
                    moves.push((record.at, line.amount));
                }
                if moves.len() == MOVES_MAX || looked_at == RECORDS_MAX {
                    break 'records;
                }
            }
        }
        Ok(SmsAnswer::Moves(moves, balance))
    }
}
