//! `sendSms` and `getSmsDeliveryStatus`: texts to subscribers, each once, and what became of them.

use mpss_domain::texts::{PartNews, Receipt, ReceiptFate, TextNews};
use mpss_domain::{Effect, EffectId, Msisdn, State, Verb};

use super::*;
use crate::node::trial::visitor;

/// The texts that wait, in words.
fn waiting(state: &State) -> Vec<(EffectId, Msisdn, String)> {
    let rows = state.effects_from(EffectId(0));
    rows.filter_map(|row| match &row.effect {
        Effect::Sms { to, language, text } => Some((row.id, *to, text.render(*language))),
        _ => None,
    })
    .filter(|(_, _, words)| words.contains("商"))
    .collect()
}

fn parts(to: &[&str], words: &str) -> String {
    let addresses: String = to.iter().map(|to| format!("<l:addresses>{to}</l:addresses>")).collect();
    format!("{addresses}<l:senderName>tel:10659</l:senderName><l:message>{words}</l:message>")
}

fn names(family: Family) -> Names {
    Names::served_of(Interface::SendSms, family)
}

impl Shop {
    async fn texts(&self, operation: &str, more: &str, parts: &str) -> Told {
        let header = self.header_of(NUMBER, more);
        self.send("SendSms", message(names(Family::ParlayX), Interface::SendSms, operation, &header, parts)).await
    }

    /// Sends, under a name of the request; gives what it may be asked about by.
    async fn sends(&self, transaction: &str, to: &[&str], words: &str) -> String {
        // The same bytes within a second are no repetition but a replay; this field says nothing.
        let link = self.waiting().len() + 7 * usize::try_from(*self.next.lock()).unwrap();
        let more = format!("<transactionId>{transaction}</transactionId><linkId>{link}</linkId>");
        let told = self.texts("sendSms", &more, &parts(to, words)).await;
        let done = told.done("sendSms", &names(Family::ParlayX).local(Interface::SendSms));
        done.child("result").unwrap().word().unwrap().to_owned()
    }

    async fn statuses(&self, identifier: &str) -> Vec<String> {
        let part = format!("<l:requestIdentifier>{identifier}</l:requestIdentifier>");
        let told = self.texts("getSmsDeliveryStatus", "", &part).await;
        let done = told.done("getSmsDeliveryStatus", &names(Family::ParlayX).local(Interface::SendSms));
        let word = |of: &Element, name| of.child(name).unwrap().word().unwrap().to_owned();
        done.named("result").map(|one| format!("{} {}", word(one, "address"), word(one, "deliveryStatus"))).collect()
    }

    fn waiting(&self) -> Vec<(EffectId, Msisdn, String)> {
        self.trial.context.replica.read(waiting)
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_text_goes_to_each_number_once_with_the_name_of_the_sp_in_front() {
    let shop = Shop::open().await;
    let name = shop.trial.context.replica.read(|state| {
        let sp = state.product(shop.product).unwrap().terms().sp;
        state.sp(sp).unwrap().name.clone()
    });
    let (one, two) = (format!("tel:86{}", local(1)), local(2).to_string());
    let to = [one.as_str(), &two, &one];
    let identifier = shop.sends("T-1", &to, "商品 &lt;已到&gt;").await;
    let sent = shop.waiting();
    let wanted = format!("【移动支付】{name}：商品 <已到>");
    assert_eq!(
        sent.iter().map(|(_, to, words)| (*to, words.as_str())).collect::<Vec<_>>(),
        [(local(1), wanted.as_str()), (local(2), wanted.as_str())]
    );
    // The same request, the same answer and no other text; other words under its name are refused.
    assert_eq!(shop.sends("T-1", &to, "商品 &lt;已到&gt;").await, identifier);
    let other = shop.texts("sendSms", "<transactionId>T-1</transactionId>", &parts(&to, "商")).await;
    assert_eq!(other.fault_line(), "SVC0002 transactionId");
    assert_eq!(shop.waiting(), sent);
    assert_ne!(shop.sends("T-2", &to, "商品 &lt;已到&gt;").await, identifier, "another request is another text");
    assert_eq!(shop.waiting().len(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_became_of_a_text_is_told_to_its_sp_alone() {
    let shop = Shop::open().await;
    let (one, two) = (local(1).to_string(), local(2).to_string());
    let identifier = shop.sends("T-1", &[&one, &two], "商").await;
    let told = |first: &str, second: &str| vec![format!("tel:{one} {first}"), format!("tel:{two} {second}")];
    assert_eq!(shop.statuses(&identifier).await, told("MessageWaiting", "MessageWaiting"));
    let [first, second] = shop.waiting().iter().map(|(id, ..)| *id).collect::<Vec<_>>()[..] else { panic!("two") };
    let say = |text, news| TextNews { text, part: 0, news };
    let taken = PartNews::Taken { message: "m1".into() };
    // Others to this number were asked for before, and go first.
    let news = vec![say(first, PartNews::Asks { parts: 1 }), say(first, taken)];
    shop.trial.propose(Verb::RecordTexts { news, receipts: Vec::new() }).await;
    assert_eq!(shop.statuses(&identifier).await, told("DeliveredToNetwork", "MessageWaiting"));
    let fate = ReceiptFate::Delivered;
    let receipts = vec![Receipt { to: local(1), message: "m1".into(), reference: None, fate }];
    let news = vec![say(second, PartNews::Asks { parts: 1 }), say(second, PartNews::Refused { why: "069".into() })];
    shop.trial.propose(Verb::RecordTexts { news, receipts }).await;
    assert_eq!(shop.statuses(&identifier).await, told("DeliveredToTerminal", "DeliveryImpossible"));
    // A centre that tells nothing has taken it.
    let identifier = shop.sends("T-2", &[&one], "商").await;
    let last = shop.waiting().last().unwrap().0;
    shop.trial.propose(Verb::AcknowledgeEffects { effects: vec![last] }).await;
    assert_eq!(shop.statuses(&identifier).await, [format!("tel:{one} DeliveredToNetwork")]);
    // Neither another SP's nor one that never was is told of.
    let part = |identifier: &str| format!("<l:requestIdentifier>{identifier}</l:requestIdentifier>");
    let header = shop.header_of("35100124", "");
    let operation = "getSmsDeliveryStatus";
    let theirs = message(names(Family::ParlayX), Interface::SendSms, operation, &header, &part(&identifier));
    assert_eq!(shop.send("SendSms", theirs).await.fault_line(), "SVC0002 requestIdentifier");
    for unknown in ["0".repeat(32), "x".repeat(32), String::new(), "+1".into()] {
        let told = shop.texts(operation, "", &part(&unknown)).await;
        assert_eq!(told.fault_line(), "SVC0002 requestIdentifier", "{unknown}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_may_not_be_sent_is_refused_and_nobody_is_told() {
    let shop = Shop::open().await;
    let (here, there) = (local(1).to_string(), visitor(1).to_string());
    let many: Vec<String> = (1..=11).map(|last| local(last).to_string()).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    for (parts, wanted) in [
        (parts(&[], "商"), "SVC0004 addresses"),
        (parts(&["sip:x@y"], "商"), "SVC0004 addresses"),
        (parts(&[&here, "13900000000"], "商"), "SVC0004 addresses"),
        (parts(&[&here, &there], "商"), "SVC0004 addresses"),
        (parts(&many, "商"), "POL0003 addresses"),
        (parts(&[&here], ""), "SVC0002 message"),
        (parts(&[&here], "商\u{7}").replace('\u{7}', "&#9;商"), "SVC0002 message"),
        (parts(&[&here], &"商".repeat(301)), "SVC0280 300"),
        (format!("{}<l:charging><amount>1</amount></l:charging>", parts(&[&here], "商")), "POL0008"),
        (
            format!("{}<l:receiptRequest><correlator>c</correlator></l:receiptRequest>", parts(&[&here], "商")),
            "SVC0283",
        ),
    ] {
        assert_eq!(shop.texts("sendSms", "", &parts).await.fault_line(), wanted, "{parts}");
    }
    let other = shop.texts("sendLogo", "", "").await;
    assert_eq!(other.fault().0, "soapenv:Client");
    // An SP that was never admitted here, and one that is suspended.
    let header = shop.header_of("35100124", "");
    let stranger = message(names(Family::Ctcc), Interface::SendSms, "sendSms", &header, &parts(&[&here], "商"));
    assert_eq!(shop.send("SendSms", stranger).await.fault_line(), "POL0001 sp_not_found");
    let sp = shop.trial.context.replica.read(|state| state.product(shop.product).unwrap().terms().sp);
    shop.trial.propose(Verb::SetSpSuspended { sp, suspended: true }).await;
    assert_eq!(shop.texts("sendSms", "", &parts(&[&here], "商")).await.fault_line(), "POL1010 sp_suspended");
    assert_eq!(shop.waiting(), []);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_sp_may_ask_so_often_only() {
    let shop = Shop::open_with(|settings| settings.isag.text_requests_per_second = 1).await;
    let here = local(1).to_string();
    let mut told = Vec::new();
    for _ in 0..8 {
        told.push(shop.texts("sendSms", "", &parts(&[&here], "商")).await);
    }
    let refused =
        told.iter().filter(|told| told.status == 500).inspect(|told| assert_eq!(told.fault_line(), "SVC1000"));
    let refused = refused.count();
    assert!((1..8).contains(&refused), "{refused}");
    assert_eq!(shop.waiting().len(), 8 - refused);
}
