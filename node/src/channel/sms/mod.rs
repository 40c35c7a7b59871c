//! What subscribers send by text (product §2: operations by SMS): heard once, understood, done, answered.
//!
//! ```text
//!  words ─▶ home here? ─▶ HearWords: a number of their own ─▶ understood ─▶ Home ─▶ told by the text that belongs to it
//!             └─no: says where                                   └─not, or refused ─▶ AnswerWords
//! ```
//!
//! Whatever is done because of some words is done under the number they were heard by, so that words which come again,
//! because our answer to the centre was lost, do nothing and answer nothing again. That a subscriber has the handset is
//! one factor; whatever moves money or changes an account needs the payment password in the text as well, as on the
//! web. No answer repeats it.

use mpss_domain::account::Language;
use mpss_domain::texts::answer::SmsAnswer;
use mpss_domain::texts::keyword::Keyword;
use mpss_domain::{Command, LogTime, Msisdn, Operator, Outcome, ProvinceId, Refusal, Reply, Request, State, Verb};
use sha2::{Digest, Sha256};

use crate::home::Home;
use crate::node::Context;
use crate::not_done::{NotDone, accepted};

mod act;
mod show;
pub(crate) mod words;

#[cfg(test)]
mod tests;

use words::{Spoken, understand};

/// Who is sent help again within this time is sent none: words that nobody understands may be a machine's.
const HELP_EVERY_MS: u64 = 3_600_000;

/// What words are heard by. Cheap to share.
pub(crate) struct Words {
    context: Context,
    home: Home,
}

/// What is done under the number of some words.
#[derive(Debug, Clone, Copy)]
enum Step {
    /// The operation itself.
    Act,
    /// The answer.
    Answer,
}

impl Words {
    pub(crate) fn new(context: Context) -> Self {
        Self { home: Home::new(context.clone()), context }
    }

    /// Words of a subscriber. When this is done everything that follows from them is in the log.
    ///
    /// # Errors
    /// [`NotDone::Busy`], [`NotDone::Unavailable`], [`NotDone::Unknown`]: they are to come again, and are the same then.
    pub(crate) async fn hear(&self, from: Msisdn, words: &str) -> Result<Reply, NotDone> {
        self.hear_as(from, words, None).await
    }

    /// The same, by a name that whoever brings them has for them: by it they are the same for as long as request ids are
    /// remembered.
    ///
    /// # Errors
    /// As [`Self::hear`]; and [`NotDone::Refused`] when other words had this name.
    pub(crate) async fn hear_as(&self, from: Msisdn, words: &str, name: Option<Request>) -> Result<Reply, NotDone> {
        let verb = Verb::HearWords { from, words: self.context.judge.words_digest(from, words) };
        self.context.is_readable(verb.since()).await?;
        let wall = LogTime(self.context.seams.clock.wall_ms());
        let home = self.context.replica.read(|state| {
            let belonging = state.plan().lookup(from, state.now().max(wall));
            belonging.filter(|found| found.operator == Operator::ChinaTelecom).map(|found| found.home)
        });
        let Some(home) = home else {
            // Whoever it is, it is no subscriber of ours.
            metrics::counter!("mpss_sms_words_total", "result" => "stranger").increment(1);
            let index = self.context.replica.read(State::index);
            return Ok(Reply { outcome: Outcome::Done, index, replayed: false });
        };
        let mut reply = self.context.replica.propose(Command { request: name, verb }).await?;
        if let Outcome::Refused(refusal @ (Refusal::DuplicateRequest | Refusal::RequestTooOld)) = reply.outcome {
            return Err(NotDone::refused(refusal));
        }
        let Outcome::Heard { number, again } = reply.outcome else {
            // An answer would be one more text to whoever sends too many.
            metrics::counter!("mpss_sms_words_total", "result" => "too_many").increment(1);
            return Ok(reply);
        };
        let again = again || reply.replayed;
        let result = if again { "again" } else { "heard" };
        metrics::counter!("mpss_sms_words_total", "result" => result).increment(1);
        self.follow(from, number, home, words).await?;
        reply.replayed = again;
        Ok(reply)
    }

    /// Does and answers what follows from words that were heard.
    async fn follow(&self, from: Msisdn, number: u64, home: ProvinceId, words: &str) -> Result<(), NotDone> {
        let (language, understood) = understand(words);
        if home != self.context.province {
            return self.answer(from, number, language, SmsAnswer::HomeElsewhere(home)).await;
        }
        match understood {
            Some(Ok(spoken)) => {
                let keyword = spoken.keyword();
                match self.act(from, request(number, Step::Act), language, spoken).await {
                    Ok(None) => Ok(()),
                    Ok(Some(answer)) => self.answer(from, number, language, answer).await,
                    Err(NotDone::Refused { refusal, .. }) => {
                        self.answer(from, number, language, SmsAnswer::Refused(keyword, refusal)).await
                    }
                    Err(NotDone::Malformed { code: "weak_password", .. }) => {
                        self.answer(from, number, language, SmsAnswer::WeakPassword).await
                    }
                    Err(NotDone::Malformed { .. }) => {
                        self.answer(from, number, language, SmsAnswer::HowToUse(keyword)).await
                    }
                    Err(error) => Err(error),
                }
            }
            Some(Err(answer)) => self.answer(from, number, language, answer).await,
            None => self.help(from, language).await,
        }
    }

    async fn answer(&self, to: Msisdn, number: u64, language: Language, answer: SmsAnswer) -> Result<(), NotDone> {
        let verb = Verb::AnswerWords { to, language, answer };
        let request = Some(request(number, Step::Answer));
        accepted(self.context.replica.propose(Command { request, verb }).await?).map(drop)
    }

    /// Help, once in a while.
    async fn help(&self, to: Msisdn, language: Language) -> Result<(), NotDone> {
        let hour = self.context.replica.read(|state| state.now().0) / HELP_EVERY_MS;
        let key = digest(&[b"mpss-sms-help", &to.number().to_be_bytes(), &hour.to_be_bytes()]);
        let verb = Verb::AnswerWords { to, language, answer: SmsAnswer::Help };
        let request = Some(Request { key, content: hour });
        accepted(self.context.replica.propose(Command { request, verb }).await?).map(drop)
    }

    /// Does what was said; gives what is answered, when no text that belongs to it tells.
    async fn act(
        &self,
        from: Msisdn,
        request: Request,
        language: Language,
        spoken: Spoken,
    ) -> Result<Option<SmsAnswer>, NotDone> {
        match spoken {
            Spoken::Help => Ok(Some(SmsAnswer::Help)),
            Spoken::Balance | Spoken::Mine => self.own_accounts(from).await.map(Some),
            Spoken::Statement => self.moves(from).await.map(Some),
            Spoken::Open { kind, password } => self.open(from, request, language, (kind, password)).await,
            Spoken::Close { kind, password } => self.close(from, request, (kind, password)).await,
            Spoken::Freeze { kind, password } => self.freeze(from, request, (kind, password)).await,
            Spoken::Thaw { kind, password } => self.thaw(from, request, (kind, password)).await,
            Spoken::Limits { kind, per_payment, daily, password } => {
                self.limits(from, request, kind, (per_payment, daily), password).await
            }
            Spoken::Password { old, new } => self.password(from, request, old, new).await,
            Spoken::Pay { payee, amount, password } => {
                self.home.transfer(request, from, payee, amount, password).await?;
                Ok(None)
            }
            Spoken::TopUp { whose, pin } => self.top_up(whose.unwrap_or(from), request, pin).await,
            Spoken::Bind { code, password } => self.bind(from, request, code, password).await,
            Spoken::Confirm { code, agreed } => self.confirm(from, request, code, agreed).await,
        }
    }
}

/// The id of what is done because of some words.
fn request(number: u64, step: Step) -> Request {
    let step: &[u8] = match step {
        Step::Act => b"act",
        Step::Answer => b"answer",
    };
    Request { key: digest(&[b"mpss-sms-words", step, &number.to_be_bytes()]), content: number }
}

fn digest(parts: &[&[u8]]) -> u128 {
    let mut digest = Sha256::new();
    for part in parts {
        digest.update((part.len() as u64).to_be_bytes());
        digest.update(part);
    }
    u128::from_be_bytes(digest.finalize()[..16].try_into().expect("SHA-256 has 32 bytes"))
}

/// The refusal of an account that is not there.
fn no_account() -> NotDone {
    NotDone::refused(Refusal::AccountNotFound)
}

impl Spoken {
    fn keyword(&self) -> Keyword {
        match self {
            Self::Help => Keyword::Help,
            Self::Balance => Keyword::Balance,
            Self::Mine => Keyword::Mine,
            Self::Statement => Keyword::Statement,
            Self::Open { .. } => Keyword::Open,
            Self::Close { .. } => Keyword::Close,
            Self::Freeze { .. } => Keyword::Freeze,
            Self::Thaw { .. } => Keyword::Thaw,
            Self::Limits { .. } => Keyword::Limits,
            Self::Password { .. } => Keyword::Password,
            Self::Pay { .. } => Keyword::Pay,
            Self::TopUp { .. } => Keyword::TopUp,
            Self::Bind { .. } => Keyword::Bind,
            Self::Confirm { agreed: true, .. } => Keyword::Yes,
            Self::Confirm { agreed: false, .. } => Keyword::No,
        }
    }
}
