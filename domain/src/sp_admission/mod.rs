//! How an SP is admitted the long way (product §3: SPs are admitted the same way as goods, with documents, risk grade
//! and settlement account).
//!
//! ```text
//!  asked for, with documents ─▶ in review ─┬─ by somebody else, with a risk grade ─▶ admitted: the SP is there
//!                                          └─ by somebody else, with a reason ─────▶ rejected
//! ```
//!
//! Until then there is no SP, so nothing can be uploaded for it or sold. The short way, [`crate::Verb::AdmitSp`], stays:
//! an SP that came by it has no documents and no grade. Where the grade bounds what an SP may ask for its goods is data:
//! [`AdmissionPolicy`].

use serde::{Deserialize, Serialize};

use crate::ids::{SpApplicationId, SpId};
use crate::money::Money;
pub use crate::sealed::SealedBankAccount;
use crate::state::State;
use crate::table::Table;
use crate::time::{BusinessDay, LogTime};

mod ask;
mod check;
mod documents;
mod grade;

pub use ask::{AskAdmission, Verdict};

/// Documents of one application at most.
pub const DOCUMENTS_MAX: usize = 20;

/// What a document is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum DocumentKind {
    /// 营业执照
    BusinessLicence,
    /// 增值电信业务经营许可证
    TelecomLicence,
    /// 税务登记证
    TaxRegistration,
    /// 开户许可证
    AccountPermit,
    /// 法定代表人身份证明
    RepresentativeIdentity,
    /// 行业许可, such as for lotteries or tickets
    TradePermit,
    /// 合作协议
    Agreement,
}

impl DocumentKind {
    /// All of them.
    pub const ALL: [Self; 7] = [
        Self::BusinessLicence,
        Self::TelecomLicence,
        Self::TaxRegistration,
        Self::AccountPermit,
        Self::RepresentativeIdentity,
        Self::TradePermit,
        Self::Agreement,
    ];

    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::BusinessLicence => "business_licence",
            Self::TelecomLicence => "telecom_licence",
            Self::TaxRegistration => "tax_registration",
            Self::AccountPermit => "account_permit",
            Self::RepresentativeIdentity => "representative_identity",
            Self::TradePermit => "trade_permit",
            Self::Agreement => "agreement",
        }
    }
}

/// A document of an SP. Its file is kept elsewhere; here is by what it is known.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Document {
    /// What it is; an SP has one of each.
    pub kind: DocumentKind,
    /// The number on it.
    pub number: String,
    /// The file's name.
    pub file: String,
    /// SHA-256 of the file, when it was given.
    pub sha256: Option<[u8; 32]>,
    /// The last day on which it is good, in China.
    pub valid_until: BusinessDay,
}

/// Whom to speak to at an SP.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contact {
    /// The person.
    pub name: String,
    /// The telephone number.
    pub phone: String,
}

impl std::fmt::Debug for Contact {
    /// Without the person: debug output ends in logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Contact")
    }
}

/// Where an SP is paid.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SettlementAccount {
    /// The bank.
    pub bank: String,
    /// The last four digits of the account's number.
    pub last_four: String,
    /// The account's number, sealed for this SP's name.
    pub number: SealedBankAccount,
}

/// How much an SP is trusted, as its reviewer says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub enum RiskGrade {
    /// Much.
    A,
    /// As usual.
    B,
    /// Little.
    C,
}

impl RiskGrade {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::A, Self::B, Self::C];

    /// The word used on the wire.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::A => "a",
            Self::B => "b",
            Self::C => "c",
        }
    }
}

/// Where an application stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum AdmissionStatus {
    /// Waits for a reviewer who is not the one who entered it.
    InReview,
    /// Refused. Final.
    Rejected {
        /// Why.
        reason: String,
        /// By whom.
        by: String,
        /// When.
        at: LogTime,
    },
    /// The SP is there. Final.
    Admitted {
        /// Which.
        sp: SpId,
        /// How much it is trusted.
        grade: RiskGrade,
        /// Who says so.
        by: String,
        /// When.
        at: LogTime,
    },
}

impl AdmissionStatus {
    /// The word used on the wire.
    #[must_use]
    pub const fn name(&self) -> &'static str {
        match self {
            Self::InReview => "in_review",
            Self::Rejected { .. } => "rejected",
            Self::Admitted { .. } => "admitted",
        }
    }
}

/// An SP that is to be admitted, or was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SpApplication {
    /// Its id.
    pub id: SpApplicationId,
    /// The SP's name.
    pub name: String,
    /// Where its notices go.
    pub notice_url: String,
    /// Whom to speak to.
    pub contact: Contact,
    /// Its documents, in the order of their kinds.
    pub documents: Vec<Document>,
    /// Where it is paid.
    pub account: SettlementAccount,
    /// Where it stands.
    pub status: AdmissionStatus,
    /// Who entered it.
    pub by: String,
    /// When.
    pub at: LogTime,
}

/// Rules for SPs that are data.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AdmissionPolicy {
    /// Rises with each change; 0 is what comes with the program.
    pub version: u64,
    /// The highest price of one piece that SPs of each grade, from a to c, may ask; `None` for no bound.
    pub price_max: [Option<Money>; 3],
}

/// The rows of admission.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub struct Admissions {
    pub(crate) rows: Table<SpApplicationId, SpApplication, 16>,
    /// By which application an SP came.
    pub(crate) of_sp: Table<SpId, SpApplicationId, 64>,
    pub(crate) policy: AdmissionPolicy,
}

impl State {
    /// An application of an SP.
    #[must_use]
    pub fn sp_application(&self, id: SpApplicationId) -> Option<&SpApplication> {
        self.doors.admissions.rows.get(&id)
    }

    /// All applications kept, oldest first.
    pub fn sp_applications(&self) -> impl Iterator<Item = &SpApplication> {
        self.doors.admissions.rows.iter().map(|(_, row)| row)
    }

    /// The application by which an SP came; `None` for one that came the short way.
    #[must_use]
    pub fn application_of(&self, sp: SpId) -> Option<&SpApplication> {
        self.doors.admissions.of_sp.get(&sp).and_then(|id| self.sp_application(*id))
    }
}
