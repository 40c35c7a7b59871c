//! Which verb came with which state version.

use super::Verb;
use crate::version::StateVersion;

impl Verb {
    /// The state version that a verb came with: programs that know less can not read it.
    #[must_use]
    pub const fn since(&self) -> StateVersion {
        match self {
            Self::OpenOutside { .. }
            | Self::BeginCalls { .. }
            | Self::RecordCalls { .. }
            | Self::RecordHold { .. }
            | Self::CapturePayment { .. }
            | Self::RecordCapture { .. }
            | Self::BindCard { .. }
            | Self::ConfirmBinding { .. }
            | Self::UnbindCard { .. }
            | Self::PushTopUp { .. }
            | Self::FreezeByOffice { .. }
            | Self::HoldPayment(_)
            | Self::FundPool { .. }
            | Self::AskAward { .. }
            | Self::DecideAward { .. }
            | Self::CreditAward { .. }
            | Self::RecordAward { .. }
            | Self::SetAwardPolicy(_)
            | Self::LoadCards { .. }
            | Self::RevealCards { .. }
            | Self::CheckTicket { .. }
            | Self::PayBill(_)
            | Self::TopUpByCard { .. }
            | Self::PayUpp(_)
            | Self::ReverseUpp { .. }
            | Self::RefundUpp { .. }
            | Self::ConfirmUpp { .. }
            | Self::BuyShipped(_)
            | Self::RecordShipment { .. }
            | Self::RecordReceipt { .. }
            | Self::SetDraw { .. }
            | Self::ChangeCard { .. }
            | Self::AskBinding(_)
            | Self::BindWished(_)
            | Self::RefuseWish { .. }
            | Self::IssueCode(_)
            | Self::BuyByCode(_)
            | Self::PayByCode(_)
            | Self::CountGuess { .. }
            | Self::PayForBill(_)
            | Self::SetBillPolicy(_)
            | Self::TopUpByBank(_) => crate::version::OUTSIDE_RAILS,
            Self::AskPurchase(_) | Self::AskConfirmation(_) | Self::Confirm { .. } | Self::ChargeReservation { .. } => {
                crate::version::DOORS
            }
            Self::SetSpKey(_) | Self::EndSpKey { .. } => crate::version::DOORS,
            Self::RecordTexts { .. } | Self::HearWords { .. } | Self::AnswerWords { .. } => crate::version::DOORS,
            Self::DeleteProduct { .. }
            | Self::UploadListed(_)
            | Self::TakeNationalGoods(_)
            | Self::AskAdmission(_)
            | Self::DecideAdmission { .. }
            | Self::RenewDocument { .. }
            | Self::SetAdmissionPolicy(_)
            | Self::CheckPassword { .. }
            | Self::SendText(_) => crate::version::DOORS,
            _ => StateVersion::FIRST,
        }
    }
}
