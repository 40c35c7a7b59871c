//! What can be wrong with the settings of systems outside and of the doors to them, with the exact words an operator reads.
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use mpss_config::Settings;

mod good;

use good::{GOOD, told};

#[test]
fn a_recharge_platform_needs_the_key_of_the_vault() {
    let url = "[recharge]\nurl = \"http://10.44.0.40:7003\"\n";
    assert_eq!(
        told(url, &[]),
        [
            "recharge.url = \"http://10.44.0.40:7003\" (file x.toml, line 9): needs vault.key, which PINs are sealed with"
        ]
    );
    let key = ("MPSS__VAULT__KEY".to_owned(), "00".repeat(32));
    let settings = Settings::parse(&format!("{GOOD}{url}"), "file x.toml", [key]).unwrap();
    assert_eq!(settings.recharge.url, "http://10.44.0.40:7003");
    assert!(Settings::parse(GOOD, "file x.toml", []).unwrap().recharge.url.is_empty());
    assert!(told("[recharge]\nurl = \"nowhere\"\n", &[])[0].starts_with("recharge.url = \"nowhere\""));
}

#[test]
fn a_key_that_is_only_shown_needs_one_that_signs() {
    let variable = |name: &str, byte: &str| (format!("MPSS__SP__{name}"), byte.repeat(32));
    let alone = Settings::parse(GOOD, "file x.toml", [variable("PUBLISHED_KEY", "5a")]).unwrap_err().to_string();
    assert!(alone.contains("sp.published_key needs sp.notice_key"), "{alone}");
    let keys = [variable("NOTICE_KEY", "a5"), variable("PUBLISHED_KEY", "5a")];
    let settings = Settings::parse(GOOD, "file x.toml", keys).unwrap();
    assert_eq!(settings.sp.notice_key_bytes().as_deref().map(Vec::as_slice), Some([0xa5; 32].as_slice()));
    assert_eq!(settings.sp.published_key_bytes().as_deref().map(Vec::as_slice), Some([0x5a; 32].as_slice()));
    let printed = format!("{settings:?}");
    assert!(!printed.contains("5a5a") && !printed.contains("a5a5"), "a key is never printed");
    assert!(Settings::parse(GOOD, "file x.toml", []).unwrap().sp.notice_key_bytes().is_none());
    for wrong in ["notice_algorithm = \"md5\"", "target_scheme = \"ftp\"", "nonces_max = 10"] {
        assert!(told(&format!("[sp]\n{wrong}\n"), &[])[0].starts_with("sp."), "{wrong}");
    }
}

#[test]
fn what_the_upp_is_told_needs_a_key() {
    let url = "[upp]\nnotice_url = \"http://10.0.0.50:7005/upp/v1/notices\"\n";
    assert_eq!(
        told(url, &[]),
        [
            "upp.notice_url = \"http://10.0.0.50:7005/upp/v1/notices\" (file x.toml, line 9): needs upp.door_key, which notices are signed with"
        ]
    );
    let key = ("MPSS__UPP__DOOR_KEY".to_owned(), "5a".repeat(32));
    let settings = Settings::parse(&format!("{GOOD}{url}"), "file x.toml", [key]).unwrap();
    assert_eq!(settings.upp.door_key_bytes().as_deref().map(Vec::as_slice), Some([0x5a; 32].as_slice()));
    assert!(!format!("{settings:?}").contains("5a5a"), "a key is never printed");
    assert!(Settings::parse(GOOD, "file x.toml", []).unwrap().upp.door_key_bytes().is_none());
    let short = ("MPSS__UPP__DOOR_KEY".to_owned(), "5a".to_owned());
    let refused = Settings::parse(GOOD, "file x.toml", [short]).unwrap_err().to_string();
    assert!(refused.contains("upp.door_key"), "{refused}");
}

#[test]
fn accounts_at_the_upp_need_to_be_reached_and_signed_for() {
    let section = |text: &str| format!("[upp]\n{text}\n");
    let unreachable = told(&section("virtual_accounts = \"upp\""), &[]);
    assert_eq!(
        unreachable,
        [
            "upp.virtual_accounts = \"upp\" (file x.toml, line 9): needs upp.account_url, where the UPP is asked about them"
        ]
    );
    let url = section("account_url = \"http://10.0.0.50:7005\"");
    assert_eq!(
        told(&url, &[]),
        [
            "upp.account_url = \"http://10.0.0.50:7005\" (file x.toml, line 9): needs upp.door_key, which requests are signed with"
        ]
    );
    assert!(told(&section("virtual_accounts = \"there\""), &[])[0].starts_with("upp.virtual_accounts = \"there\""));
    let key = ("MPSS__UPP__DOOR_KEY".to_owned(), "5a".repeat(32));
    let text = format!("{GOOD}{url}virtual_accounts = \"upp\"\n");
    assert!(Settings::parse(&text, "file x.toml", [key]).unwrap().upp.keeps_virtual_accounts());
    assert!(!Settings::parse(GOOD, "file x.toml", []).unwrap().upp.keeps_virtual_accounts());
}

#[test]
fn sps_at_the_isag_are_named_by_their_number() {
    let sp = |number: &str, serial: u8| {
        format!("[isag_sps.{number}]\nsp_id = \"S20260101120000000-44-0000{serial}\"\nnotice_url = \"\"\n")
    };
    let text = format!("{GOOD}{}{}", sp("35100123", 1), sp("35100124", 2));
    let settings = Settings::parse(&text, "file x.toml", []).unwrap();
    assert_eq!(settings.isag_sps["35100123"].sp_id, "S20260101120000000-44-00001");
    assert!(settings.isag.checks_headers());
    assert!(Settings::parse(GOOD, "file x.toml", []).unwrap().isag_sps.is_empty());
    let named = told(&sp("3510012", 1), &[]);
    assert_eq!(named, ["isag_sps.3510012 (file x.toml, line 8): an SP is named by its number at the ISAG, 8 digits"]);
    let twice = told(&format!("{}{}", sp("35100123", 1), sp("35100124", 1)), &[]);
    assert!(twice[0].starts_with("isag_sps.35100124.sp_id"), "{twice:?}");
    assert!(twice[0].contains("must differ from isag_sps.35100123.sp_id"), "{twice:?}");
    for (text, key) in [
        (sp("35100123", 1).replace("S2026", "G2026"), "isag_sps.35100123.sp_id"),
        (sp("35100123", 1).replace("\"\"", "\"ftp://h:1/\""), "isag_sps.35100123.notice_url"),
        ("[isag]\nheader_check = \"perhaps\"\n".to_owned(), "isag.header_check"),
        ("[isag]\naccount_kind = \"gold\"\n".to_owned(), "isag.account_kind"),
    ] {
        assert!(told(&text, &[])[0].starts_with(key), "{text}");
    }
}

#[test]
fn a_centre_is_known_by_a_name_and_texts_go_one_way() {
    let section = |text: &str| format!("[smpp]\n{text}\n");
    let nameless = told(&section("address = \"10.0.0.60:2775\""), &[]);
    assert_eq!(nameless, ["smpp.system_id = \"\" (default): needed with smpp.address"]);
    let both =
        "[smpp]\naddress = \"10.0.0.60:2775\"\nsystem_id = \"mpss44\"\n[outbox]\nsms_url = \"http://10.0.0.61:9/\"\n";
    let both = told(both, &[]);
    assert!(both.len() == 1 && both[0].contains("texts go one way"), "{both:?}");
    // A password that does not fit is refused without being shown.
    let long = told("", &[("MPSS__SMPP__PASSWORD", "secret-secret")]);
    assert_eq!(long, ["smpp.password (environment variable MPSS__SMPP__PASSWORD): must be up to 8 letters of ASCII"]);
    let password = ("MPSS__SMPP__PASSWORD".to_owned(), "secret08".to_owned());
    let text = format!("{GOOD}{}", section("address = \"10.0.0.60:2775\"\nsystem_id = \"mpss44\""));
    let settings = Settings::parse(&text, "file x.toml", [password]).unwrap();
    assert_eq!(settings.smpp.password().as_str(), "secret08");
    assert!(!format!("{settings:?}").contains("secret08"), "a password is never printed");
    let wait = told(&section("receipt_wait_ms = 3600000\ngive_up_ms = 100"), &[]);
    assert!(wait.len() == 1 && wait[0].starts_with("smpp.receipt_wait_ms"), "{wait:?}");
}

#[test]
fn texts_by_way_of_the_isag_need_all_that_it_takes_and_go_one_way() {
    let section = |text: &str| format!("[isag_texts]\n{text}\n");
    let url = "url = \"http://10.0.0.70:8310/SendSmsService/services/SendSms\"";
    let bare = told(&section(url), &[]);
    assert_eq!(
        bare,
        [
            "isag_texts.notify_url = \"\" (default): needed with isag_texts.url",
            "isag_texts.secret (default): needed with isag_texts.url",
            "isag_texts.sp_number = \"\" (default): must be 8 digits, with isag_texts.url",
        ]
    );
    let notify = "notify_url = \"http://10.44.0.1:8080/isag/services/SmsNotification\"";
    let whole = section(&format!("{url}\n{notify}\nsp_number = \"35100144\""));
    let secret = ("MPSS__ISAG_TEXTS__SECRET".to_owned(), "isag-secret".to_owned());
    let settings = Settings::parse(&format!("{GOOD}{whole}"), "file x.toml", [secret]).unwrap();
    assert_eq!(settings.isag_texts.secret().as_str(), "isag-secret");
    assert!(settings.tells_of_texts() && !format!("{settings:?}").contains("isag-secret"));
    for other in ["[outbox]\nsms_url = \"http://10.0.0.61:9/\"", "[smpp]\naddress = \"10.0.0.60:1\"\nsystem_id = \"m\""]
    {
        let both = told(&format!("{whole}{other}\n"), &[("MPSS__ISAG_TEXTS__SECRET", "s")]);
        assert!(both.len() == 1 && both[0].contains("texts go one way"), "{both:?}");
    }
}

#[test]
fn the_key_of_the_sms_door_is_never_printed() {
    let key = ("MPSS__OUTBOX__SMS_DOOR_KEY".to_owned(), "5b".repeat(32));
    let settings = Settings::parse(GOOD, "file x.toml", [key]).unwrap();
    assert_eq!(settings.outbox.sms_door_key_bytes().as_deref().map(Vec::as_slice), Some([0x5b; 32].as_slice()));
    assert!(!format!("{settings:?}").contains("5b5b"));
    assert!(Settings::parse(GOOD, "file x.toml", []).unwrap().outbox.sms_door_key_bytes().is_none());
}

#[test]
fn gateways_of_voice_menus_have_keys_of_their_own_which_are_never_printed() {
    let gateway = |name: &str, byte: &str| format!("[ivr_gateways.{name}]\nkey = \"{}\"\n", byte.repeat(32));
    let state = format!("[ivr]\nstate_key = \"{}\"\n", "6e".repeat(32));
    let both = format!("{GOOD}{state}{}{}", gateway("gz_1", "7c"), gateway("gz_2", "7d"));
    let settings = Settings::parse(&both, "file x.toml", []).unwrap();
    assert_eq!(settings.ivr.state_key_bytes().unwrap().as_slice(), [0x6e; 32]);
    assert_eq!(settings.ivr_gateways["gz_2"].key_bytes().as_slice(), [0x7d; 32]);
    let shown = format!("{settings:?}");
    assert!(!shown.contains("6e6e") && !shown.contains("7c7c"), "{shown}");
    assert!(Settings::parse(GOOD, "file x.toml", []).unwrap().ivr.state_key_bytes().is_none());
    for (text, key, said) in [
        (gateway("gz_1", "7c"), "ivr.state_key", "needed with gateways"),
        (
            format!("{state}{}{}", gateway("a", "7c"), gateway("b", "7C")),
            "ivr_gateways.b.key",
            "differ from ivr_gateways.a",
        ),
        (format!("{state}{}", gateway("GZ", "7c")), "ivr_gateways.GZ", "small letters"),
        (format!("{state}[ivr_gateways.a]\nkey = \"\"\n"), "ivr_gateways.a.key", "64 hex digits"),
        ("[ivr]\nlanguages = \"french\"\n".to_owned(), "ivr.languages", "\"both\""),
        ("[ivr]\noperator = \"sip:1\"\n".to_owned(), "ivr.operator", "digits"),
        ("[ivr]\nentry_tries_max = 0\n".to_owned(), "ivr.entry_tries_max", "from 1 to 9"),
    ] {
        let found = told(&text, &[]);
        assert!(found.len() == 1 && found[0].starts_with(key) && found[0].contains(said), "{text}: {found:?}");
        assert!(!found[0].contains("7c7c"), "{found:?}");
    }
}
