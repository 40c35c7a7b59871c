//! The machine: a batch of commands goes in, a reply for each comes out. It knows which verb is
//! whose; what a verb does is in the verb's file.

use crate::award::ask::Asked;
use crate::award::credit::Coming;
use crate::command::{Batch, Command, Verb};
use crate::entry::BATCH_COMMANDS_MAX;
use crate::outcome::{Applied, Divergence, Outcome, Reply};
use crate::pay::{PaymentMode, PaymentToReverse};
use crate::purchase::{Purchase, With};
use crate::refusal::Refusal;
use crate::requests::Known;
use crate::state::State;
use crate::time::LogTime;
use crate::transfer_money::{Credit, TransferOrder};
use crate::vault::Load;
use crate::version::StateVersion;

/// Log time at most: identities count milliseconds since 2020 in 41 bits.
const LOG_TIME_MAX: LogTime = LogTime(1_577_836_800_000 + (1 << 41) - 86_400_000);

impl State {
    /// Applies log entry `index`. Total: whatever the commands say, each gets a reply, and a
    /// refusal is a reply.
    ///
    /// # Panics
    /// When a money invariant does not hold afterwards: the replica must not go on. When entries do
    /// not come in the order of the log, or hold more than [`BATCH_COMMANDS_MAX`] commands. When an
    /// entry raises the version above [`StateVersion::NEWEST`]: see [`Batch::raises_to`].
    pub fn apply(&mut self, index: u64, batch: &Batch) -> Applied {
        assert!(index > self.index, "log entry {index} comes after {}", self.index);
        assert!(batch.commands.len() <= BATCH_COMMANDS_MAX, "a log entry holds {} commands", batch.commands.len());
        if let Some(to) = batch.raises_to() {
            assert!(to <= StateVersion::NEWEST, "log entry {index} asks for state version {to}");
        }
        self.index = index;
        self.now = self.now.max(batch.at).min(LOG_TIME_MAX);
        self.entry.index = index;
        self.entry.at = self.now;
        self.requests.rotate(self.now, self.policy.duplicate_window_ms);

        let mut replies = Vec::with_capacity(batch.commands.len());
        // A purchase, the usual command, leaves four records.
        self.entry.journal.reserve(batch.commands.len() * 4);
        for command in &batch.commands {
            let records = self.entry.journal.len();
            let reply = self.answer(command);
            self.books.check();
            self.entry.digest.feed(&self.entry.journal[records..]);
            self.entry.digest.feed(&reply);
            self.entry.digest.end_command();
            replies.push(reply);
        }
        self.finish_entry(replies)
    }

    /// The first answer again, or the verb's.
    fn answer(&mut self, command: &Command) -> Reply {
        let Some(request) = command.request else {
            return Reply { outcome: self.execute(&command.verb), index: self.index, replayed: false };
        };
        let order = match command.verb {
            Verb::ReverseOrder { order, .. } | Verb::RefundOrder { order, .. } | Verb::RevealCards { order, .. } => {
                Some(order)
            }
            _ => None,
        };
        let place = match self.requests.look_up(self.now, request, order) {
            Known::Nothing(place) => place,
            #[cfg(feature = "mutants")]
            Known::Same(_) if self.mutant == Some(crate::mutant::Mutant::DoubleDebitOnRetry) => {
                return Reply { outcome: self.execute(&command.verb), index: self.index, replayed: false };
            }
            Known::Same(first) => return Reply { outcome: first.outcome, index: first.index, replayed: true },
            Known::OtherContent => {
                let outcome = Outcome::Refused(Refusal::DuplicateRequest);
                return Reply { outcome, index: self.index, replayed: false };
            }
        };
        let outcome = self.execute(&command.verb);
        if !matches!(outcome, Outcome::Refused(refusal) if refusal.is_transient()) {
            // With an order that is not kept its answers would never be forgotten.
            let kept = order.filter(|id| self.order(*id).is_some());
            self.requests.remember(&place, self.index, request, kept, outcome.clone());
        }
        Reply { outcome, index: self.index, replayed: false }
    }

    fn execute(&mut self, verb: &Verb) -> Outcome {
        if verb.since() > self.version {
            return Outcome::Refused(Refusal::NotYet);
        }
        self.decide(verb).unwrap_or_else(Outcome::Refused)
    }

    /// One line for each verb.
    fn decide(&mut self, verb: &Verb) -> Result<Outcome, Refusal> {
        match verb {
            &Verb::OpenAccount {
                msisdn,
                kind,
                tier,
                language,
                ref verifier,
                verdict,
                per_payment_limit,
                daily_limit,
            } => self.open_account(&crate::open_account::Opening {
                msisdn,
                kind,
                tier,
                language,
                verifier,
                verdict,
                per_payment_limit,
                daily_limit,
            }),
            &Verb::ChangeAccount { account, verdict, ref verifier, per_payment_limit, daily_limit } => {
                self.change_account(account, verdict, verifier.as_ref(), (per_payment_limit, daily_limit))
            }
            &Verb::CloseAccount { account, verdict, ref pay_out_agent } => {
                self.close_account(account, verdict, pay_out_agent.as_deref())
            }
            &Verb::FreezeAccount { account, verdict, until } => self.freeze_account(account, verdict, until),
            &Verb::UnfreezeAccount { account, verdict } => self.unfreeze_account(account, verdict),
            &Verb::TopUpCash { account, amount, agent: _ } => self.top_up_cash(account, amount),

            Verb::AdmitSp { name, notice_url } => self.admit_sp(name, notice_url),
            &Verb::SetSpSuspended { sp, suspended } => self.set_sp_suspended(sp, suspended),
            Verb::UploadProduct { product, terms, by } => self.upload_product(*product, terms, by),
            Verb::ReviewProduct { product, rejected, by } => self.review_product(*product, rejected.as_deref(), by),
            &Verb::PublishProduct { product } => self.publish_product(product),
            &Verb::WithdrawProduct { product } => self.withdraw_product(product),

            &Verb::PlaceOrder { msisdn, home, epoch, location, product, quantity, account, channel, verdict } => {
                let purchase = Purchase { msisdn, home, epoch, location, product, quantity, account, channel, verdict };
                self.place_order(&purchase, With::Nothing)
            }
            &Verb::RecordPayment { order, result } => self.record_payment(order, result),
            &Verb::GiveUpPayment { order } => self.give_up_payment(order),
            Verb::RecordDeliveries { answers } => Ok(self.record_deliveries(answers)),
            &Verb::ReverseOrder { order, reason, note: _ } => self.reverse_order(order, reason),
            &Verb::RefundOrder { order, amount, note: _ } => self.refund_order(order, amount),
            &Verb::RecordReversal { order } => self.record_reversal(order),
            &Verb::RecordRefund { order, refund, result } => self.record_refund(order, refund, result),

            Verb::Pay(request) => self.pay(request, PaymentMode::Take),
            &Verb::ReversePayment { payment, reversal, order } => {
                self.reverse_payment(PaymentToReverse { payment, reversal, order })
            }
            &Verb::RefundPayment { payment, refund, amount } => self.refund_payment(payment, refund, amount),

            &Verb::Transfer { payer, payee, payee_home, epoch, amount, verdict } => {
                self.transfer_money(&TransferOrder { payer, payee, payee_home, epoch, amount, verdict })
            }
            &Verb::CreditTransfer { transfer, payer, payee, amount, epoch } => {
                self.credit_transfer(&Credit { transfer, payer, payee, amount, epoch })
            }
            &Verb::RecordTransferCredit { transfer, result } => self.record_transfer_credit(transfer, result),

            Verb::AcknowledgeEffects { effects } => Ok(self.acknowledge_effects(effects)),
            Verb::Tick => Ok(self.tick()),
            &Verb::CompareDigest { index, digest } => Ok(self.compare_digest(index, digest)),
            Verb::InstallNumberPlan(plan) => self.install_number_plan(plan),
            &Verb::PortNumber { msisdn, operator, from } => self.port_number(msisdn, operator, from),
            Verb::SetPolicy(policy) => self.set_policy(policy),
            &Verb::RaiseVersion { to } => Ok(self.raise_version(to)),

            &Verb::OpenOutside {
                msisdn,
                tier,
                language,
                ref verifier,
                verdict,
                per_payment_limit,
                daily_limit,
                ref means,
            } => self.open_outside(
                &crate::open_account::Opening {
                    msisdn,
                    kind: crate::open_account::kind_of(means),
                    tier,
                    language,
                    verifier,
                    verdict,
                    per_payment_limit,
                    daily_limit,
                },
                means,
            ),
            &Verb::BindCard { msisdn, ref card, code } => self.bind_card(msisdn, card, code),
            &Verb::ConfirmBinding {
                msisdn,
                code,
                language,
                tier,
                ref verifier,
                verdict,
                per_payment_limit,
                daily_limit,
            } => self.confirm_binding(
                code,
                &crate::open_account::Opening {
                    msisdn,
                    kind: crate::account::AccountKind::Bank,
                    tier,
                    language,
                    verifier,
                    verdict,
                    per_payment_limit,
                    daily_limit,
                },
            ),
            Verb::IssueCode(ask) => self.issue_code(ask),
            Verb::BuyByCode(ask) => self.place_order(&ask.purchase, With::Code(ask.code)),
            Verb::PayByCode(ask) => self.pay(&ask.request, PaymentMode::ByCode(ask.code)),
            &Verb::CountGuess { by } => self.guessed(by),
            Verb::AskBinding(ask) => self.ask_binding(ask),
            Verb::BindWished(ask) => self.bind_wished(ask),
            &Verb::RefuseWish { wish, why } => self.refuse_wish(wish, why),
            &Verb::ChangeCard { binding, ref card, code } => self.change_card(binding, card, code),
            &Verb::UnbindCard { binding } => self.unbind_card(binding),
            &Verb::PushTopUp { msisdn, amount } => self.push_top_up(msisdn, amount),
            &Verb::FreezeByOffice { account, until, by: _ } => self.freeze_by_office(account, until),
            Verb::BeginCalls { calls } => Ok(self.begin_calls(calls)),
            Verb::RecordCalls { answers } => Ok(self.record_calls(answers)),
            &Verb::RecordHold { order } => self.record_hold(order),
            &Verb::CapturePayment { payment, amount } => self.capture_payment(payment, amount),
            Verb::HoldPayment(request) => self.pay(request, PaymentMode::Hold),
            &Verb::RecordCapture { order } => self.record_capture(order),

            &Verb::FundPool { sp, amount, out, by: _ } => self.fund_pool(sp, amount, out),
            &Verb::AskAward { sp, ref reference, key, order, msisdn, prize, wanted, ref by } => {
                self.ask_award(&Asked { sp, reference, key, order, msisdn, prize, wanted, by })
            }
            &Verb::DecideAward { award, approved, ref by } => self.decide_award(award, approved, by),
            &Verb::CreditAward { award, order, msisdn, amount, wanted, epoch } => {
                self.credit_award(&Coming { award, order, msisdn, amount, wanted, epoch })
            }
            &Verb::RecordAward { award, result } => self.record_award(award, result),
            Verb::SetAwardPolicy(policy) => self.set_award_policy(policy),
            &Verb::LoadCards { product, batch, content, ref lines } => {
                self.load_cards(&Load { product, batch, content, lines })
            }
            &Verb::RevealCards { order, buyer } => self.reveal_cards(order, buyer),
            &Verb::CheckTicket { ticket, gate } => self.check_ticket(ticket, gate),
            Verb::PayBill(ask) => self.place_order(&ask.purchase, With::Bill(ask)),
            Verb::PayForBill(ask) => self.pay(&ask.request, PaymentMode::Bill(ask.customer, ask.without_password)),
            Verb::SetBillPolicy(policy) => self.set_bill_policy(policy),
            Verb::BuyShipped(ask) => self.place_order(&ask.purchase, With::Recipient(&ask.to)),
            Verb::RecordShipment { order, carrier, tracking } => self.record_shipment(*order, carrier, *tracking),
            &Verb::SetDraw { product, draw } => self.set_draw(product, draw),
            &Verb::RecordReceipt { order, buyer } => self.record_receipt(order, buyer),
            &Verb::TopUpByCard { account, card, ref pin } => self.top_up_by_card(account, card, pin),
            Verb::TopUpByBank(ask) => self.top_up_by_bank(ask),
            Verb::PayUpp(ask) => self.pay_upp(ask),
            &Verb::ReverseUpp { number, msisdn, reversal, note: _ } => self.reverse_upp(number, msisdn, reversal),
            &Verb::RefundUpp { number, msisdn, refund, amount } => self.refund_upp(number, msisdn, refund, amount),
            &Verb::ConfirmUpp { number, msisdn } => self.confirm_upp(number, msisdn),

            Verb::AskPurchase(ask) => self.place_order(&ask.purchase, With::Consent(ask)),
            Verb::AskConfirmation(ask) => self.pay(&ask.request, PaymentMode::Consent(ask)),
            &Verb::Confirm { msisdn, code, agreed } => self.confirm(msisdn, code, agreed),
            &Verb::ChargeReservation { order, quantity } => self.charge_reservation(order, quantity),
            Verb::SetSpKey(ask) => self.set_sp_key(ask),
            &Verb::EndSpKey { sp, key } => self.end_sp_key(sp, key),
            Verb::RecordTexts { news, receipts } => Ok(self.record_texts(news, receipts)),
            &Verb::HearWords { from, words } => self.hear_words(from, words),
            &Verb::AnswerWords { to, language, ref answer } => Ok(self.answer_words(to, language, answer)),
            &Verb::DeleteProduct { product } => self.delete_product(product),
            Verb::UploadListed(ask) => self.upload_listed(ask),
            Verb::TakeNationalGoods(take) => self.take_national_goods(take),
            Verb::AskAdmission(ask) => self.ask_admission(ask),
            Verb::DecideAdmission { application, verdict, by } => self.decide_admission(*application, verdict, by),
            Verb::RenewDocument { application, document, by, checked_by } => {
                self.renew_document(*application, document, (by, checked_by))
            }
            Verb::SetAdmissionPolicy(policy) => self.set_admission_policy(policy),
            &Verb::CheckPassword { msisdn, verdict } => self.check_password_alone(msisdn, verdict),
            Verb::SendText(ask) => self.send_text(ask),
        }
    }

    fn compare_digest(&mut self, index: u64, leader: u128) -> Outcome {
        // An entry that is too old, or from before this replica's history, can not be compared.
        if let Some(ours) = self.digests.at(index)
            && ours != leader
        {
            self.entry.diverged = Some(Divergence { index, leader, ours });
        }
        Outcome::Done
    }

    /// Chains the digest of what this entry did, and hands it out.
    fn finish_entry(&mut self, replies: Vec<Reply>) -> Applied {
        let journal = std::mem::take(&mut self.entry.journal);
        self.entry.digest.feed(&(self.index, self.now));
        if self.version > StateVersion::FIRST {
            // Programs from before there were versions know no more than what stands above.
            self.entry.digest.feed(&self.version);
        }
        self.digest = self.entry.digest.chain(self.digest);
        self.digests.push(self.index, self.digest);
        Applied {
            replies,
            journal,
            effects_added: std::mem::take(&mut self.entry.effects_added),
            diverged: self.entry.diverged.take(),
        }
    }
}
