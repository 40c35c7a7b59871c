//! One case for each thing that can be wrong with settings, with the exact words an operator reads.
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use mpss_config::{Settings, SettingsError};

const PEPPER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// Seven lines that are a complete settings file.
const GOOD: &str = "\
[node]
province = \"44\"
number = 1
data_dir = \"/var/lib/mpss\"

[password.peppers]
1 = \"00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff\"
";

/// What is told about `text` after [`GOOD`] (so it begins in line 8), with environment variables.
fn told(text: &str, variables: &[(&str, &str)]) -> Vec<String> {
    let environment = variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    let error = Settings::parse(&format!("{GOOD}{text}"), "file x.toml", environment).unwrap_err();
    assert!(matches!(error, SettingsError::Invalid(_)), "{error}");
    let told: Vec<String> = error.problems().iter().map(ToString::to_string).collect();
    let heading = match told.len() {
        1 => "1 setting can not be used:".to_owned(),
        many => format!("{many} settings can not be used:"),
    };
    assert_eq!(error.to_string(), format!("{heading}\n  {}", told.join("\n  ")));
    told
}

/// What is told about one value, given once in the file and once in the environment.
#[track_caller]
fn wrong(section: &str, key: &str, value: &str, expected: &str) {
    let from_file = told(&format!("[{section}]\n{key} = {value}\n"), &[]);
    assert_eq!(from_file, [format!("{section}.{key} = {value} (file x.toml, line 9): {expected}")]);
}

/// What is told about one environment variable.
#[track_caller]
fn wrong_variable(name: &str, value: &str, expected: &str) {
    assert_eq!(told("", &[(name, value)]), [expected]);
}

#[test]
fn the_file_used_here_is_good() {
    assert!(Settings::parse(GOOD, "file x.toml", []).is_ok());
}

#[test]
fn what_is_required_is_asked_for() {
    let error = Settings::load(None, []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "4 settings can not be used:
  node.data_dir is not set: must be the path of a folder; set it in the settings file or as MPSS__NODE__DATA_DIR
  node.number is not set: must be a whole number from 1 to 1000000; set it in the settings file or as MPSS__NODE__NUMBER
  node.province is not set: must be a two-digit GB/T 2260 province code in quotes such as \"44\", or \"00\" for the \
         national platform; set it in the settings file or as MPSS__NODE__PROVINCE
  password.peppers is not set: at least one pepper is needed, 32 bytes as 64 hex digits; set it as \
         MPSS__PASSWORD__PEPPERS__1 or in a settings file that its owner alone can read"
    );
}

#[test]
fn numbers_have_bounds_and_units() {
    for (section, key, value, expected) in [
        ("replication", "heartbeat_ms", "4", "must be a whole number from 5 to 10000 ms"),
        ("replication", "heartbeat_ms", "10001", "must be a whole number from 5 to 10000 ms"),
        ("replication", "election_min_ms", "0", "must be a whole number from 20 to 60000 ms"),
        ("replication", "election_max_ms", "-1", "must be a whole number from 20 to 120000 ms"),
        ("replication", "batch_commands_max", "0", "must be a whole number from 1 to 65536 commands"),
        ("replication", "entries_in_flight_max", "257", "must be a whole number from 1 to 256 entries"),
        ("replication", "queue_commands_max", "0", "must be a whole number from 1 to 1048576 commands"),
        ("replication", "propose_deadline_ms", "49", "must be a whole number from 50 to 600000 ms"),
        ("replication", "segment_bytes", "1", "must be a whole number from 65536 to 4294967296 bytes"),
        ("replication", "snapshot_log_bytes", "1", "must be a whole number from 65536 to 1099511627776 bytes"),
        ("replication", "snapshot_interval_ms", "999", "must be a whole number from 1000 to 604800000 ms"),
        ("replication", "digest_interval_entries", "0", "must be a whole number from 1 to 1000000000 entries"),
        ("replication", "state_version_max", "0", "must be a whole number from 1 to 4"),
        ("replication", "state_version_max", "5", "must be a whole number from 1 to 4"),
        ("door", "connections_max", "0", "must be a whole number from 1 to 1000000 connections"),
        ("door", "requests_in_flight_max", "0", "must be a whole number from 1 to 1000000 requests"),
        ("door", "body_bytes_max", "16777217", "must be a whole number from 1024 to 16777216 bytes"),
        ("door", "header_deadline_ms", "9", "must be a whole number from 10 to 60000 ms"),
        ("door", "request_deadline_ms", "99", "must be a whole number from 100 to 600000 ms"),
        (
            "door",
            "subscriber_requests_per_second",
            "1000001",
            "must be a whole number from 0 to 1000000 requests a second (0 for no bound)",
        ),
        ("dispatch", "try_deadline_ms", "9", "must be a whole number from 10 to 60000 ms"),
        ("dispatch", "payment_deadline_ms", "300001", "must be a whole number from 10 to 300000 ms"),
        ("dispatch", "pause_min_ms", "0", "must be a whole number from 1 to 60000 ms"),
        ("dispatch", "pause_max_ms", "300001", "must be a whole number from 1 to 300000 ms"),
        ("dispatch", "circuit_failures", "0", "must be a whole number from 1 to 10000 failures"),
        ("dispatch", "circuit_open_ms", "0", "must be a whole number from 1 to 300000 ms"),
        ("outbox", "sms_batch_max", "0", "must be a whole number from 1 to 10000 texts"),
        ("outbox", "notice_batch_max", "10001", "must be a whole number from 1 to 10000 notices"),
        ("outbox", "request_deadline_ms", "9", "must be a whole number from 10 to 300000 ms"),
        ("outbox", "pause_min_ms", "0", "must be a whole number from 1 to 60000 ms"),
        ("outbox", "pause_max_ms", "3600001", "must be a whole number from 1 to 3600000 ms"),
        ("number_plan", "epoch", "0", "must be a whole number from 1 to 1000000000"),
    ] {
        wrong(section, key, value, expected);
    }
}

#[test]
fn values_of_another_kind_are_told_by_their_key() {
    for value in ["\"100\"", "true", "[1]", "\"\""] {
        wrong("replication", "heartbeat_ms", value, "must be a whole number from 5 to 10000 ms");
    }
    let expected = "must be a whole number from 5 to 10000 ms";
    for (value, shown) in [("1.5", "\"1.5\""), ("99999999999999999999", "\"99999999999999999999\"")] {
        assert_eq!(
            told(&format!("[replication]\nheartbeat_ms = {value}\n"), &[]),
            [format!("replication.heartbeat_ms = {shown} (file x.toml, line 9): {expected}")]
        );
    }
    for value in ["", "1e3", " 100", "-5", "0x64", "10000000000000000000000"] {
        wrong_variable(
            "MPSS__REPLICATION__HEARTBEAT_MS",
            value,
            &format!(
                "replication.heartbeat_ms = {value:?} (environment variable MPSS__REPLICATION__HEARTBEAT_MS): {expected}"
            ),
        );
    }
    wrong("telemetry", "format", "1", "must be \"text\" or \"json\"");
    wrong("number_plan", "file", "1", "must be a text");
}

#[test]
fn who_the_node_is() {
    let province = "must be a two-digit GB/T 2260 province code in quotes such as \"44\", or \"00\" for the national \
                    platform";
    for value in ["4", "444", "99", "Guangdong", ""] {
        wrong_variable(
            "MPSS__NODE__PROVINCE",
            value,
            &format!("node.province = {value:?} (environment variable MPSS__NODE__PROVINCE): {province}"),
        );
    }
    let text = GOOD.replace("\"44\"", "44");
    let error = Settings::parse(&text, "file x.toml", []).unwrap_err();
    assert_eq!(error.problems()[0].to_string(), format!("node.province = 44 (file x.toml, line 2): {province}"));
    for value in ["0", "1000001"] {
        wrong_variable(
            "MPSS__NODE__NUMBER",
            value,
            &format!(
                "node.number = {value:?} (environment variable MPSS__NODE__NUMBER): must be a whole number from 1 to \
                 1000000"
            ),
        );
    }
    wrong_variable(
        "MPSS__NODE__DATA_DIR",
        "",
        "node.data_dir = \"\" (environment variable MPSS__NODE__DATA_DIR): must be the path of a folder",
    );
}

#[test]
fn where_the_node_listens() {
    let expected = "must be an IP address and a port such as \"127.0.0.1:8080\"";
    for value in ["\"localhost:8080\"", "\"8080\"", "8080", "\"127.0.0.1\"", "\"127.0.0.1:65536\""] {
        wrong("listen", "public", value, expected);
    }
    assert_eq!(
        told("[listen]\nraft = \"127.0.0.1:8080\"\n", &[]),
        ["listen.raft = \"127.0.0.1:8080\" (file x.toml, line 9): must differ from listen.public = \
          \"127.0.0.1:8080\" (default)"]
    );
    assert_eq!(
        told("", &[("MPSS__LISTEN__PEER", "127.0.0.1:8080")]),
        [
            "listen.peer = \"127.0.0.1:8080\" (environment variable MPSS__LISTEN__PEER): must differ from listen.public = \
          \"127.0.0.1:8080\" (default)"
        ]
    );
    let free = "[listen]\npublic = \"127.0.0.1:0\"\npeer = \"127.0.0.1:0\"\nraft = \"127.0.0.1:0\"\n";
    assert!(Settings::parse(&format!("{GOOD}{free}"), "x", []).is_ok(), "free ports never collide");
}

const FOUNDERS: &str = "\
[founders.1]
raft_address = \"10.44.0.1:8082\"
public_url = \"http://10.44.0.1:8080\"
[founders.2]
raft_address = \"10.44.0.2:8082\"
public_url = \"http://10.44.0.2:8080\"
";

#[test]
fn who_founds_the_group() {
    assert_eq!(
        told(FOUNDERS, &[("MPSS__NODE__NUMBER", "3")]),
        ["node.number = 3 (environment variable MPSS__NODE__NUMBER): must be one of the founders (1, 2); a replica \
          that is added to a group later has no founders at all"]
    );
    assert_eq!(
        told(&FOUNDERS.replace("10.44.0.2:8082", "10.44.0.1:8082"), &[]),
        ["founders.2.raft_address = \"10.44.0.1:8082\" (file x.toml, line 12): must differ from \
          founders.1.raft_address = \"10.44.0.1:8082\" (file x.toml, line 9)"]
    );
    assert_eq!(
        told(&FOUNDERS.replace("http://10.44.0.2:8080", "http://10.44.0.1:8080"), &[]),
        ["founders.2.public_url = \"http://10.44.0.1:8080\" (file x.toml, line 13): must differ from \
          founders.1.public_url = \"http://10.44.0.1:8080\" (file x.toml, line 10)"]
    );
    assert_eq!(
        told(&FOUNDERS.replace("raft_address = \"10.44.0.2:8082\"\n", ""), &[]),
        ["founders.2.raft_address is not set: must be a host and a port such as \"10.44.0.1:8082\"; set it in the \
          settings file or as MPSS__FOUNDERS__2__RAFT_ADDRESS"]
    );
    assert_eq!(
        told(&FOUNDERS.replace("\"10.44.0.2:8082\"", "\"10.44.0.2\""), &[]),
        ["founders.2.raft_address = \"10.44.0.2\" (file x.toml, line 12): must be a host and a port such as \
          \"10.44.0.1:8082\""]
    );
    assert_eq!(
        told(&FOUNDERS.replace("http://10.44.0.2", "https://10.44.0.2"), &[]),
        ["founders.2.public_url = \"https://10.44.0.2:8080\" (file x.toml, line 13): must be a URL of the form \
          \"http://host:port\""]
    );
    for name in ["two", "0", "02", "1000001"] {
        let text = FOUNDERS.replace("founders.2", &format!("founders.{name}"));
        assert_eq!(
            told(&text, &[]),
            [format!("founders.{name} (file x.toml, line 11): a replica is named by its number, from 1 to 1000000")]
        );
    }
    let ten: String = (1..=10)
        .map(|n| format!("[founders.{n}]\nraft_address = \"h{n}:1\"\npublic_url = \"http://h{n}:2\"\n"))
        .collect();
    assert_eq!(
        told(&ten, &[]),
        ["founders.10.raft_address = \"h10:1\" (file x.toml, line 36): must not be there: a group is founded by 9 \
          replicas at most"]
    );
}

#[test]
fn where_other_provinces_are() {
    let urls = "must be a list of 1 to 16 URLs of the form \"http://host:port\"";
    let with = |public: &str| format!("[provinces.51]\npublic_urls = {public}\npeer_urls = [\"http://h:1\"]\n");
    for value in ["[]", "[\"http://h\"]", "[\"http://h:1\", \"h:2\"]", "\"http://h:1\"", "[1]"] {
        assert_eq!(
            told(&with(value), &[]),
            [format!("provinces.51.public_urls = {value} (file x.toml, line 9): {urls}")]
        );
    }
    let many = format!("[{}]", vec!["\"http://h:1\""; 17].join(", "));
    assert_eq!(
        told(&with(&many), &[]),
        [format!("provinces.51.public_urls = {}… (file x.toml, line 9): {urls}", &many[..80])]
    );
    assert_eq!(
        told("[provinces.51]\npublic_urls = [\"http://h:1\"]\n", &[]),
        [format!(
            "provinces.51.peer_urls is not set: {urls}; set it in the settings file or as MPSS__PROVINCES__51__PEER_URLS"
        )]
    );
    for (name, expected) in [
        ("99", "there is no province with this code"),
        ("5", "a province is a two-digit GB/T 2260 code such as 44, or 00 for the national platform"),
        ("sichuan", "a province is a two-digit GB/T 2260 code such as 44, or 00 for the national platform"),
    ] {
        let text = with("[\"http://h:1\"]").replace("provinces.51", &format!("provinces.{name}"));
        assert_eq!(told(&text, &[]), [format!("provinces.{name} (file x.toml, line 8): {expected}")]);
    }
    assert_eq!(
        told(&with("[\"http://h:1\"]"), &[("MPSS__PROVINCES__51__PEER_URLS", "http://h:1,,")]),
        [format!(
            "provinces.51.peer_urls = \"http://h:1,,\" (environment variable MPSS__PROVINCES__51__PEER_URLS): {urls}"
        )]
    );
}

#[test]
fn peppers_are_refused_without_being_shown() {
    let expected = "must be 32 bytes as 64 hex digits";
    for value in [&PEPPER[..63], "secret", "", &PEPPER.replace('0', "g"), &format!("{PEPPER} ")] {
        let told = told("", &[("MPSS__PASSWORD__PEPPERS__2", value)]);
        assert_eq!(told, [format!("password.peppers.2 (environment variable MPSS__PASSWORD__PEPPERS__2): {expected}")]);
    }
    assert_eq!(
        told("2 = 1234\n", &[]),
        [format!("password.peppers.2 (file x.toml, line 8): {expected}")],
        "the file's last section goes on"
    );
    for name in ["0", "65536", "new", "01"] {
        assert_eq!(
            told(&format!("{name} = \"{PEPPER}\"\n"), &[]),
            [format!(
                "password.peppers.{name} (file x.toml, line 8): a pepper is named by its version, from 1 to 65535"
            )]
        );
    }
    let scalar =
        format!("[node]\nprovince = \"44\"\nnumber = 1\ndata_dir = \"/x\"\n[password]\npeppers = \"{PEPPER}\"\n");
    let error = Settings::parse(&scalar, "file x.toml", []).unwrap_err();
    assert_eq!(
        error.to_string(),
        "1 setting can not be used:\n  password.peppers (file x.toml, line 6): must be a section with settings in it"
    );
}

#[test]
fn keys_are_refused_without_being_shown() {
    let expected = "must be 32 bytes as 64 hex digits, or empty";
    for (path, variable) in [("vault.key", "MPSS__VAULT__KEY"), ("tickets.key", "MPSS__TICKETS__KEY")] {
        for value in [&PEPPER[..63], "secret", &PEPPER.replace('0', "g")] {
            let told = told("", &[(variable, value)]);
            assert_eq!(told, [format!("{path} (environment variable {variable}): {expected}")]);
        }
        let settings = Settings::parse(GOOD, "file x.toml", [(variable.to_owned(), PEPPER.to_owned())]).unwrap();
        let keys = [&settings.vault, &settings.tickets].map(|section| section.key_bytes().map(|key| key.len()));
        assert_eq!(keys, [path == "vault.key", path == "tickets.key"].map(|given| given.then_some(32)));
        assert!(!format!("{settings:?}").contains(&PEPPER[..16]));
    }
}

#[test]
fn the_rest_of_the_texts() {
    wrong("outbox", "sms_url", "\"h:9000\"", "must be a URL of the form \"http://host:port/path\", or empty");
    wrong("telemetry", "log", "\"\"", "must be a text that is not empty");
    wrong("telemetry", "format", "\"xml\"", "must be \"text\" or \"json\"");
    let long = "x".repeat(4_097);
    assert_eq!(
        told(&format!("[number_plan]\nfile = \"{long}\"\n"), &[]),
        [format!("number_plan.file = \"{}… (file x.toml, line 9): must be a text", &long[..79])]
    );
}

#[test]
fn values_that_contradict_each_other() {
    for (text, expected) in [
        (
            "[replication]\nheartbeat_ms = 200\n",
            "replication.heartbeat_ms = 200 (file x.toml, line 9): must be less than half of \
             replication.election_min_ms = 400 (default)",
        ),
        (
            "[replication]\nelection_min_ms = 200\n",
            "replication.heartbeat_ms = 100 (default): must be less than half of replication.election_min_ms = 200 \
             (file x.toml, line 9)",
        ),
        (
            "[replication]\nelection_min_ms = 800\n",
            "replication.election_min_ms = 800 (file x.toml, line 9): must be less than replication.election_max_ms = \
             800 (default)",
        ),
        (
            "[replication]\nqueue_commands_max = 1023\n",
            "replication.batch_commands_max = 1024 (default): must be at most replication.queue_commands_max = 1023 \
             (file x.toml, line 9)",
        ),
        (
            "[replication]\nsnapshot_log_bytes = 65536\n",
            "replication.segment_bytes = 67108864 (default): must be at most replication.snapshot_log_bytes = 65536 \
             (file x.toml, line 9)",
        ),
        (
            "[replication]\npropose_deadline_ms = 15000\n",
            "replication.propose_deadline_ms = 15000 (file x.toml, line 9): must be less than \
             door.request_deadline_ms = 15000 (default)",
        ),
        (
            "[door]\nheader_deadline_ms = 15001\n",
            "door.header_deadline_ms = 15001 (file x.toml, line 9): must be at most door.request_deadline_ms = 15000 \
             (default)",
        ),
        (
            "[dispatch]\ntry_deadline_ms = 4001\n",
            "dispatch.try_deadline_ms = 4001 (file x.toml, line 9): must be at most dispatch.payment_deadline_ms = \
             4000 (default)",
        ),
        (
            "[dispatch]\npayment_deadline_ms = 15000\n",
            "dispatch.payment_deadline_ms = 15000 (file x.toml, line 9): must be less than door.request_deadline_ms = \
             15000 (default)",
        ),
        (
            "[dispatch]\npause_max_ms = 49\n",
            "dispatch.pause_min_ms = 50 (default): must be at most dispatch.pause_max_ms = 49 (file x.toml, line 9)",
        ),
        (
            "[outbox]\npause_min_ms = 5001\n",
            "outbox.pause_min_ms = 5001 (file x.toml, line 9): must be at most outbox.pause_max_ms = 5000 (default)",
        ),
    ] {
        assert_eq!(told(text, &[]), [expected]);
    }
}

#[test]
fn settings_that_do_not_exist() {
    for (text, expected) in [
        (
            "[replication]\nhartbeat_ms = 1\n",
            "replication.hartbeat_ms (file x.toml, line 9): there is no such setting; did you mean \
             replication.heartbeat_ms?",
        ),
        ("[replication]\nquorum = 1\n", "replication.quorum (file x.toml, line 9): there is no such setting"),
        ("[raft]\nheartbeat_ms = 1\n", "raft (file x.toml, line 8): there is no such setting"),
        (
            "[replication.heartbeat_ms]\nx = 1\n",
            "replication.heartbeat_ms (file x.toml, line 8): must be a whole number from 5 to 10000 ms, not a section",
        ),
        (
            "[provinces.51]\npublic_urls = [\"http://h:1\"]\npeer_urls = [\"http://h:1\"]\nweight = 1\n",
            "provinces.51.weight (file x.toml, line 11): there is no such setting",
        ),
    ] {
        assert_eq!(told(text, &[]), [expected]);
    }
    wrong_variable(
        "MPSS__NODE__PROVINZ",
        "44",
        "node.provinz (environment variable MPSS__NODE__PROVINZ): there is no such setting; did you mean \
         node.province?",
    );
    wrong_variable(
        "MPSS__REPLICATION",
        "5",
        "replication (environment variable MPSS__REPLICATION): must be a section with settings in it",
    );
    wrong_variable("MPSS__", "5", " (environment variable MPSS__): there is no such setting");
    // A value under an unknown name may be a misspelt secret.
    assert!(!told("", &[("MPSS__PASSWORD__PEPPER", PEPPER)])[0].contains(&PEPPER[..8]));
}

#[test]
fn everything_is_told_at_once() {
    let text =
        "[replication]\nheartbeat_ms = 0\nelection_min_ms = 900\n[door]\nbodies = 1\n[telemetry]\nformat = \"x\"\n";
    assert_eq!(
        told(text, &[("MPSS__NODE__NUMBER", "0"), ("MPSS__OUTBOX__PAUSE_MAX_MS", "99")]),
        [
            "door.bodies (file x.toml, line 12): there is no such setting",
            "node.number = \"0\" (environment variable MPSS__NODE__NUMBER): must be a whole number from 1 to 1000000",
            "outbox.pause_min_ms = 100 (default): must be at most outbox.pause_max_ms = 99 (environment variable \
             MPSS__OUTBOX__PAUSE_MAX_MS)",
            "replication.election_min_ms = 900 (file x.toml, line 10): must be less than replication.election_max_ms = \
             800 (default)",
            "replication.heartbeat_ms = 0 (file x.toml, line 9): must be a whole number from 5 to 10000 ms",
            "telemetry.format = \"x\" (file x.toml, line 14): must be \"text\" or \"json\"",
        ]
    );
}

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
