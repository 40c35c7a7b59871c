//! Settings that are right: the example, the defaults, the layers.
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use std::path::{Path, PathBuf};

use mpss_config::{Settings, SettingsError};
use mpss_domain::ProvinceId;

const PEPPER: (&str, &str) =
    ("MPSS__PASSWORD__PEPPERS__1", "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff");

const SMALLEST: &str = "[node]\nprovince = \"44\"\nnumber = 1\ndata_dir = \"/tmp/x\"\n";

fn environment(pairs: &[(&str, &str)]) -> Vec<(String, String)> {
    pairs.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect()
}

fn example() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/guangdong-1.toml")
}

#[test]
fn the_example_loads() {
    let settings = Settings::load(Some(&example()), environment(&[PEPPER])).unwrap();
    assert_eq!(settings.node.province_id(), ProvinceId::new(44).unwrap());
    assert_eq!(settings.node.data_dir, Path::new("/var/lib/mpss"));
    assert_eq!(settings.listen.raft, "10.44.0.1:8082".parse().unwrap());
    let founders = settings.founders_by_number();
    assert_eq!(founders.keys().copied().collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(founders[&2].raft_address, "10.44.0.2:8082");
    let others = settings.other_provinces();
    assert_eq!(others.keys().map(|province| province.code()).collect::<Vec<_>>(), [0, 11, 51]);
    assert_eq!(others[&ProvinceId::NATIONAL].peer_urls[2], "http://10.0.0.3:8081");
    assert_eq!(settings.telemetry.format, "json");
}

#[test]
fn the_defaults_are_the_figures_they_were_decided_to_be() {
    let settings = Settings::parse(SMALLEST, "test", environment(&[PEPPER])).unwrap();
    let replication = &settings.replication;
    assert_eq!((replication.heartbeat_ms, replication.election_min_ms, replication.election_max_ms), (100, 400, 800));
    assert_eq!((replication.batch_commands_max, replication.entries_in_flight_max), (1_024, 4));
    assert_eq!((replication.queue_commands_max, replication.propose_deadline_ms), (16_384, 5_000));
    assert_eq!((replication.segment_bytes, replication.snapshot_log_bytes), (64 << 20, 256 << 20));
    assert_eq!((replication.snapshot_interval_ms, replication.digest_interval_entries), (3_600_000, 1_000));
    assert_eq!(replication.state_version_max, mpss_domain::StateVersion::NEWEST.0, "all that the program can");
    let door = &settings.door;
    assert_eq!((door.connections_max, door.requests_in_flight_max, door.body_bytes_max), (4_096, 2_048, 65_536));
    assert_eq!((door.header_deadline_ms, door.request_deadline_ms), (5_000, 15_000));
    assert_eq!(door.subscriber_requests_per_second, 20);
    let dispatch = &settings.dispatch;
    assert_eq!((dispatch.try_deadline_ms, dispatch.payment_deadline_ms), (2_000, 4_000));
    assert_eq!((dispatch.pause_min_ms, dispatch.pause_max_ms), (50, 2_000));
    assert_eq!((dispatch.circuit_failures, dispatch.circuit_open_ms), (5, 2_000));
    let outbox = &settings.outbox;
    assert_eq!((outbox.sms_batch_max, outbox.notice_batch_max, outbox.request_deadline_ms), (256, 64, 5_000));
    assert_eq!((outbox.pause_min_ms, outbox.pause_max_ms), (100, 5_000));
    assert!(settings.vault.key_bytes().is_none(), "no cards are sold from stock");
    assert!(settings.tickets.key_bytes().is_none(), "no tickets are given out");
    assert!(settings.founders.is_empty() && settings.provinces.is_empty() && outbox.sms_url.is_empty());
    assert_eq!((settings.number_plan.file.as_str(), settings.number_plan.epoch), ("", 1));
    assert_eq!((settings.telemetry.log.as_str(), settings.telemetry.format.as_str()), ("info", "text"));
    assert_eq!(settings.replication.heartbeat().as_millis(), 100);
}

#[test]
fn the_printed_defaults_are_a_settings_file_that_changes_nothing() {
    // What is required is there as a comment; taking the comment marks away makes it complete.
    let completed: String = Settings::default_toml()
        .lines()
        .map(|line| match line.strip_prefix("# ") {
            Some(setting) if ["province = ", "number = ", "data_dir = "].iter().any(|key| setting.starts_with(key)) => {
                format!("{setting}\n")
            }
            _ => format!("{line}\n"),
        })
        .collect();
    let from_print = Settings::parse(&completed, "printed", environment(&[PEPPER])).unwrap();
    let from_nothing = Settings::parse(
        "[node]\nprovince = \"44\"\nnumber = 1\ndata_dir = \"/var/lib/mpss\"\n",
        "test",
        environment(&[PEPPER]),
    )
    .unwrap();
    assert_eq!(format!("{from_print:?}"), format!("{from_nothing:?}"));
}

#[test]
fn every_setting_is_documented_where_it_has_its_default() {
    // Every line that sets something follows a comment, or a setting that shares one.
    let mut before = "";
    for line in Settings::default_toml().lines() {
        let sets = line.contains(" = ") && !line.starts_with('#');
        assert!(!sets || before.starts_with('#') || before.contains(" = "), "{line:?} has no comment");
        before = line;
    }
}

#[test]
fn the_environment_comes_last_and_says_numbers_lists_and_names() {
    let settings = Settings::load(
        Some(&example()),
        environment(&[
            PEPPER,
            ("MPSS__PASSWORD__PEPPERS__10", &"ab".repeat(32)),
            ("MPSS__REPLICATION__HEARTBEAT_MS", "50"),
            ("MPSS__TELEMETRY__FORMAT", "text"),
            ("MPSS__NODE__PROVINCE", "44"),
            ("MPSS__PROVINCES__51__PEER_URLS", "http://127.0.0.1:1, http://127.0.0.1:2"),
            ("MPSS__PROVINCES__31__PEER_URLS", "http://127.0.0.1:3"),
            ("MPSS__PROVINCES__31__PUBLIC_URLS", "http://127.0.0.1:4"),
            ("MPSS_TOOLS", "not ours"),
            ("PATH", "not ours"),
        ]),
    )
    .unwrap();
    assert_eq!(settings.replication.heartbeat_ms, 50);
    assert_eq!(settings.telemetry.format, "text");
    assert_eq!(settings.provinces["51"].peer_urls, ["http://127.0.0.1:1", "http://127.0.0.1:2"]);
    assert_eq!(settings.provinces["51"].public_urls.len(), 3, "the file's value stays");
    assert_eq!(settings.provinces["31"].public_urls, ["http://127.0.0.1:4"]);
    let keys = settings.password.pepper_keys();
    assert_eq!(keys.iter().map(|(version, _)| *version).collect::<Vec<_>>(), [1, 10]);
    assert_eq!(keys[1].1.as_slice(), [0xab; 32]);
}

#[test]
fn the_nodes_of_the_national_platform_and_a_later_replica_need_no_founders() {
    for (province, number) in [("00", "1"), ("11", "7")] {
        let set = [("MPSS__NODE__PROVINCE", province), ("MPSS__NODE__NUMBER", number)];
        let settings = Settings::parse(SMALLEST, "test", environment(&[PEPPER, set[0], set[1]])).unwrap();
        assert_eq!(settings.node.province_id().to_string(), province);
        assert_eq!(settings.node.number.to_string(), number);
    }
}

#[test]
fn secrets_are_never_printed() {
    let settings = Settings::load(Some(&example()), environment(&[PEPPER])).unwrap();
    assert!(!format!("{settings:?}").contains(&PEPPER.1[..8]));
}

#[cfg(unix)]
#[test]
fn a_file_with_a_pepper_is_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("secret.toml");
    std::fs::write(&path, format!("{SMALLEST}[password.peppers]\n1 = \"{}\"\n", PEPPER.1)).unwrap();
    for mode in [0o644, 0o640, 0o604, 0o620] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let error = Settings::load(Some(&path), []).unwrap_err();
        assert_eq!(
            error.to_string(),
            format!(
                "1 setting can not be used:\n  password.peppers.1 (file {}, line 6): a file that holds it must be open \
                 to its owner alone (mode 600, not {mode:o}); chmod 600, or set it in the environment",
                path.display()
            )
        );
        // The environment's value does not make the file's one less of a leak.
        assert!(Settings::load(Some(&path), environment(&[PEPPER])).is_err());
    }
    for mode in [0o600, 0o400] {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(Settings::load(Some(&path), []).unwrap().password.pepper_keys().len(), 1);
    }
    // Without a pepper anybody may read it.
    std::fs::write(&path, SMALLEST).unwrap();
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o644)).unwrap();
    assert!(Settings::load(Some(&path), environment(&[PEPPER])).is_ok());
}

#[test]
fn a_file_that_is_not_there_or_no_toml_is_named() {
    let error = Settings::load(Some(Path::new("/nowhere/mpss.toml")), []).unwrap_err();
    assert!(matches!(&error, SettingsError::Unreadable { source, .. }
        if source.kind() == std::io::ErrorKind::NotFound));
    assert_eq!(error.to_string(), "the settings file /nowhere/mpss.toml can not be read");

    let text = format!("[password.peppers]\n1 = \"{}\n", PEPPER.1);
    let error = Settings::parse(&text, "file x.toml", []).unwrap_err();
    let message = error.to_string();
    assert!(message.starts_with("file x.toml, line 2, column "), "{message}");
    assert!(message.contains("this is no TOML: "), "{message}");
    assert!(!message.contains(&PEPPER.1[..8]), "the line may hold a secret: {message}");

    let error = Settings::parse("[node]\nnumber = 1\nnumber = 2\n", "file x.toml", []).unwrap_err();
    assert_eq!(error.to_string(), "file x.toml, line 3, column 1: this is no TOML: duplicate key");
}

#[test]
fn a_file_that_is_too_large_or_no_text_is_refused() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.toml");
    std::fs::write(&path, "#".repeat(1_048_577)).unwrap();
    let error = Settings::load(Some(&path), []).unwrap_err();
    assert!(matches!(&error, SettingsError::Unreadable { source, .. }
        if source.to_string() == "it is larger than 1048576 bytes"));
    std::fs::write(&path, [0xff, 0xfe]).unwrap();
    assert!(matches!(Settings::load(Some(&path), []).unwrap_err(), SettingsError::Unreadable { .. }));
}
