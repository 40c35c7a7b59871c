//! What the ISAG tells when texts go by way of it: each receipt to the text it names, what subscribers send once.

use md5::{Digest as _, Md5};
use mpss_domain::texts::{Fate, PartNews, TextNews};
use mpss_domain::{Effect, EffectId, Msisdn, State, Verb};

use super::*;
use crate::gateway::message_centre::name_of;

/// Our number at the ISAG, and what proves it to us.
const OURS: &str = "35100144";
const OUR_SECRET: &str = "between-us";

async fn told_by_the_isag() -> Shop {
    Shop::open_with(|settings| {
        settings.isag_texts.url = "http://127.0.0.1:1/SendSms".into();
        settings.isag_texts.sp_number = OURS.into();
        settings.isag_texts.secret = OUR_SECRET.into();
    })
    .await
}

/// The header of what the ISAG tells.
fn header(told: &str, secret: &str, transaction: &str) -> String {
    let proof = Md5::new().chain_update(told).chain_update(secret).chain_update(transaction).finalize();
    format!(
        "<h:NotifySOAPHeader xmlns:h='http://www.chinatelecom.com.cn/schema/ctcc/common/v2_1'><spRevId>{told}</spRevId>\
         <spRevpassword>{}</spRevpassword><spId>{told}</spId><transactionId>{transaction}</transactionId></h:NotifySOAPHeader>",
        hex::encode_upper(proof)
    )
}

fn receipt(correlator: &str, to: &str, status: &str) -> String {
    format!(
        "<l:correlator>{correlator}</l:correlator><l:deliveryStatus><address>{to}</address>\
         <deliveryStatus>{status}</deliveryStatus></l:deliveryStatus>"
    )
}

fn words(from: &str, words: &str) -> String {
    format!(
        "<l:registrationIdentifier>r1</l:registrationIdentifier><l:message><message>{words}</message>\
         <senderAddress>{from}</senderAddress><smsServiceActivationNumber>tel:11888</smsServiceActivationNumber></l:message>"
    )
}

impl Shop {
    async fn notice(&self, operation: &str, header: &str, parts: &str) -> Told {
        let names = Names::served_of(Interface::SmsNotification, Family::Ctcc);
        let message = message(names, Interface::SmsNotification, operation, header, parts);
        self.send("SmsNotification", message).await
    }

    async fn receipt(&self, correlator: &str, status: &str) -> Told {
        let transaction = format!("R-{correlator}-{status}");
        let parts = receipt(correlator, &format!("tel:86{}", local(1)), status);
        self.notice("notifySmsDeliveryReceipt", &header(OURS, OUR_SECRET, &transaction), &parts).await
    }

    async fn words(&self, transaction: &str, said: &str) -> Told {
        let parts = words(&format!("tel:+86{}", local(1)), said);
        self.notice("notifySmsReception", &header(OURS, OUR_SECRET, transaction), &parts).await
    }

    /// The oldest text to the first subscriber that was not handed over yet, and its name.
    fn next_text(&self) -> (EffectId, String) {
        self.trial.context.replica.read(|state| {
            let next = state.effects_from(EffectId(0)).find(|row| {
                let mine = matches!(row.effect, Effect::Sms { to, .. } if to == local(1));
                mine && state.text(row.id).is_none()
            });
            let row = next.unwrap();
            (row.id, name_of(guangdong(), row.at, row.id))
        })
    }

    async fn say(&self, text: EffectId, news: PartNews) {
        let news = vec![TextNews { text, part: 0, news }];
        self.trial.propose(Verb::RecordTexts { news, receipts: Vec::new() }).await;
    }

    fn fate(&self, text: EffectId) -> Fate {
        self.trial.context.replica.read(|state| state.text(text).unwrap().fate)
    }

    fn count(&self) -> usize {
        self.trial.context.replica.read(|state| {
            let mine = |effect: &Effect| matches!(effect, Effect::Sms { to, .. } if *to == local(1));
            state.effects_from(EffectId(0)).filter(|row| mine(&row.effect)).count()
        })
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_finds_its_text_by_our_name_whatever_the_isag_calls_it() {
    let shop = told_by_the_isag().await;
    let local_name = Names::served_of(Interface::SmsNotification, Family::Ctcc).local(Interface::SmsNotification);
    // The answer is known, and has another name in it.
    let (answered, name) = shop.next_text();
    shop.say(answered, PartNews::Asks { parts: 1 }).await;
    shop.say(answered, PartNews::Taken { message: "request-77".into() }).await;
    shop.receipt(&name, "DeliveredToNetwork").await.done("notifySmsDeliveryReceipt", &local_name);
    assert_eq!(shop.fate(answered), Fate::Sent);
    shop.receipt(&name, "DeliveredToTerminal").await.done("notifySmsDeliveryReceipt", &local_name);
    assert_eq!(shop.fate(answered), Fate::Delivered);
    // It comes again, and another one that contradicts it: the first stands.
    shop.receipt(&name, "DeliveredToTerminal").await.done("notifySmsDeliveryReceipt", &local_name);
    shop.receipt(&name, "DeliveryImpossible").await.done("notifySmsDeliveryReceipt", &local_name);
    assert_eq!(shop.fate(answered), Fate::Delivered);
    // The answer was lost.
    let (lost, name) = shop.next_text();
    shop.say(lost, PartNews::Asks { parts: 1 }).await;
    shop.receipt(&name, "DeliveryImpossible").await.done("notifySmsDeliveryReceipt", &local_name);
    assert_eq!(shop.fate(lost), Fate::Failed);
    let why = shop.trial.context.replica.read(|state| state.text(lost).unwrap().why.clone());
    assert_eq!(why.as_deref(), Some("DeliveryImpossible"));
    // Nobody asked any more; a receipt still corrects it, and is not taken for the one that is asked for now.
    shop.trial.home.top_up_cash(shop.trial.request(), shop.account, Money::yuan(1), "a".into()).await.unwrap();
    let (given_up, late) = shop.next_text();
    shop.say(given_up, PartNews::Asks { parts: 1 }).await;
    shop.say(given_up, PartNews::Unknown).await;
    shop.trial.home.top_up_cash(shop.trial.request(), shop.account, Money::yuan(2), "a".into()).await.unwrap();
    let (now, _) = shop.next_text();
    shop.say(now, PartNews::Asks { parts: 1 }).await;
    shop.receipt(&late, "DeliveredToTerminal").await.done("notifySmsDeliveryReceipt", &local_name);
    assert_eq!((shop.fate(given_up), shop.fate(now)), (Fate::Delivered, Fate::Sending));
    let totals = shop.trial.context.replica.read(State::text_totals);
    assert_eq!((totals.of(Fate::Delivered), totals.of(Fate::Failed), totals.unmatched), (2, 1, 0));
    assert_eq!(shop.trial.context.replica.read(State::check_all), Ok(()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receipt_of_nothing_of_ours_is_refused_and_changes_nothing() {
    let shop = told_by_the_isag().await;
    let (asked, name) = shop.next_text();
    shop.say(asked, PartNews::Asks { parts: 1 }).await;
    let other_time = name.replacen("44-", "44-1", 1);
    let elsewhere = name.replacen("44-", "51-", 1);
    for strange in ["m1", "44-0-0", &other_time, &elsewhere, &format!("{name}0")] {
        assert_eq!(shop.receipt(strange, "DeliveredToTerminal").await.fault_line(), "SVC0002 correlator", "{strange}");
    }
    let header = header(OURS, OUR_SECRET, "T");
    for (parts, wanted) in [
        (receipt(&name, &local(2).to_string(), "DeliveredToTerminal"), "SVC0004 address"),
        (receipt(&name, "sip:x@y", "DeliveredToTerminal"), "SVC0004 address"),
        (receipt("", &local(1).to_string(), "DeliveredToTerminal"), "SVC0002 correlator"),
        (format!("<l:correlator>{name}</l:correlator>"), "SVC0002 deliveryStatus"),
    ] {
        assert_eq!(shop.notice("notifySmsDeliveryReceipt", &header, &parts).await.fault_line(), wanted, "{parts}");
    }
    let unknown = receipt(&name, &local(1).to_string(), "Perhaps");
    let told = shop.notice("notifySmsDeliveryReceipt", &header, &unknown).await;
    assert!(told.fault_line().starts_with("SVC0003 deliveryStatus DeliveredToNetwork,"), "{}", told.text);
    assert_eq!(shop.notice("notifyMms", &header, "").await.fault().0, "soapenv:Client");
    assert_eq!(shop.fate(asked), Fate::Sending);
    assert_eq!(shop.trial.context.replica.read(State::text_totals).unmatched, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_subscriber_sends_is_heard_once_under_the_isags_own_number() {
    let shop = told_by_the_isag().await;
    let local_name = Names::served_of(Interface::SmsNotification, Family::Ctcc).local(Interface::SmsNotification);
    let before = shop.count();
    shop.words("W-1", "YE").await.done("notifySmsReception", &local_name);
    assert_eq!(shop.count(), before + 1, "it was answered");
    // The answer was lost: it comes again, and so does what followed.
    shop.words("W-1", "YE").await.done("notifySmsReception", &local_name);
    assert_eq!(shop.count(), before + 1);
    shop.words("W-2", "MX").await.done("notifySmsReception", &local_name);
    assert_eq!(shop.count(), before + 2);
    // By the number it is known for longer than by what it says, so a number is of one message.
    assert_eq!(shop.words("W-2", "BZ").await.fault_line(), "SVC0002 transactionId");
    let long = shop.words("W-3", &"好".repeat(1_001)).await;
    assert_eq!(long.fault_line(), "SVC0280 1000");
    assert_eq!(shop.count(), before + 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_isag_is_believed_and_only_where_texts_go_by_way_of_it() {
    let shop = told_by_the_isag().await;
    let before = shop.count();
    let parts = words(&local(1).to_string(), "YE");
    let proved = header(OURS, OUR_SECRET, "W-1");
    for (header, wanted) in [
        (header(OURS, "another", "W-1"), "POL0001 isag_not_authenticated"),
        (header(NUMBER, OUR_SECRET, "W-1"), "POL0001 isag_not_authenticated"),
        (proved.replace("W-1", "W-2"), "POL0001 isag_not_authenticated"),
        (proved.replace("spRevpassword", "spPassword"), "POL0001 isag_not_authenticated"),
        (proved.replace("transactionId", "linkId"), "SVC0002 transactionId"),
        (String::new(), "POL0001 isag_not_authenticated"),
    ] {
        assert_eq!(shop.notice("notifySmsReception", &header, &parts).await.fault_line(), wanted, "{header}");
    }
    assert_eq!(shop.count(), before);
    let elsewhere = Shop::open().await;
    assert_eq!(elsewhere.notice("notifySmsReception", &proved, &parts).await.status, 404);
    let open = Shop::open_with(|settings| {
        settings.isag_texts.url = "http://127.0.0.1:1/SendSms".into();
        settings.isag.header_check = "none".into();
    });
    let (open, from): (_, Msisdn) = (open.await, local(1));
    let before = open.count();
    let told = open.notice("notifySmsReception", "", &words(&from.to_string(), "YE")).await;
    assert_eq!((told.status.as_u16(), open.count()), (200, before + 1), "the ISAG's network has seen to it");
}
