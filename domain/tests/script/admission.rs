//! Words for SPs that are admitted with documents.
//!
//! ```text
//! apply lotto by=lucy licence=2027-12-31 permit=2027-01-31 [account=open]
//! decide lotto grade=b by=rita        from here on lotto is an SP; or reject="no licence"
//! renew lotto document=trade_permit until=2028-01-31 by=lucy checked=rita
//! grades version=1 a=1000.00 b=100.00 c=10.00
//! see-application lotto status=admitted grade=b documents=2
//! due 30d are="trade_permit:lotto"
//! ```

use mpss_domain::ids::IssuedId;
use mpss_domain::sp_admission::{
    AdmissionPolicy, AskAdmission, Contact, Document, DocumentKind, RiskGrade, SealedBankAccount, SettlementAccount,
    Verdict,
};
use mpss_domain::{BusinessDay, LogTime, SpApplicationId, Verb};

use super::words::{Words, duration_ms, same};
use super::{START, Stage};

fn document(kind: &str, until: &str) -> Result<Document, String> {
    let kind = DocumentKind::ALL.into_iter().find(|known| known.name() == kind);
    Ok(Document {
        kind: kind.ok_or("there is no such document")?,
        number: "91440000".into(),
        file: "scan.pdf".into(),
        sha256: None,
        valid_until: until.parse().map_err(|error| format!("{until}: {error}"))?,
    })
}

impl Stage {
    pub(super) fn admission_verb(&self, words: &Words<'_>) -> Result<Verb, String> {
        let by = || Ok::<_, String>(words.need("by")?.to_owned());
        Ok(match words.verb {
            "apply" => {
                let kinds =
                    [("licence", "business_licence"), ("permit", "trade_permit"), ("again", "business_licence")];
                let given = kinds.into_iter().filter_map(|(key, kind)| Some((kind, words.get(key)?)));
                Verb::AskAdmission(Box::new(AskAdmission {
                    name: words.name(0)?.into(),
                    notice_url: "http://sp.example/notice".into(),
                    contact: Contact { name: "李雷".into(), phone: "02087654321".into() },
                    documents: given.map(|(kind, until)| document(kind, until)).collect::<Result<_, _>>()?,
                    account: SettlementAccount {
                        bank: "中国工商银行".into(),
                        last_four: "1234".into(),
                        number: SealedBankAccount::new(if words.get("account") == Some("open") {
                            Vec::new()
                        } else {
                            vec![7; 60]
                        }),
                    },
                    by: by()?,
                }))
            }
            "decide" => Verb::DecideAdmission {
                application: self.application(words.name(0)?),
                verdict: match words.get("reject") {
                    Some(reason) => Verdict::Reject(reason.into()),
                    None => Verdict::Admit(grade(words.need("grade")?)?),
                },
                by: by()?,
            },
            "renew" => Verb::RenewDocument {
                application: self.application(words.name(0)?),
                document: Box::new(document(words.need("document")?, words.need("until")?)?),
                by: by()?,
                checked_by: words.need("checked")?.into(),
            },
            _ => Verb::SetAdmissionPolicy(Box::new(AdmissionPolicy {
                version: words.need("version")?.parse().map_err(|_| "a version is a number")?,
                price_max: [words.maybe_money("a")?, words.maybe_money("b")?, words.maybe_money("c")?],
            })),
        })
    }

    fn application(&self, name: &str) -> SpApplicationId {
        let unknown = SpApplicationId::issue(LogTime(START.0 - 1), self.state.province(), 1);
        self.applications.get(name).copied().unwrap_or(unknown)
    }

    pub(super) fn see_application(&self, words: &Words<'_>) -> Result<(), String> {
        let row = self.state.sp_application(self.application(words.name(0)?));
        if words.get("status") == Some("forgotten") {
            return if row.is_none() { Ok(()) } else { Err("it is still there".into()) };
        }
        let row = row.ok_or("there is no such application")?;
        for (key, value) in &words.values {
            match *key {
                "status" => same(key, row.status.name(), value)?,
                "documents" => same(key, row.documents.len().to_string().as_str(), value)?,
                "grade" => {
                    let sp = self.sps[words.name(0)?];
                    same(key, self.state.grade_of(sp).map_or("none", RiskGrade::name), value)?;
                }
                other => return Err(format!("an application has no {other}")),
            }
        }
        Ok(())
    }

    pub(super) fn see_due(&self, words: &Words<'_>) -> Result<(), String> {
        let upto: BusinessDay = self.at.plus_ms(duration_ms(words.name(0)?)?).business_day();
        let due = self.state.documents_due(upto);
        let due: Vec<_> = due.map(|due| format!("{}:{}", due.document.kind.name(), due.application.name)).collect();
        same("what is due", due.join(" ").as_str(), words.need("are")?)
    }
}

fn grade(text: &str) -> Result<RiskGrade, String> {
    RiskGrade::ALL.into_iter().find(|grade| grade.name() == text).ok_or_else(|| format!("{text} is no grade"))
}
