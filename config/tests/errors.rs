//! One case for each thing that can be wrong with settings, with the exact words an operator reads. What concerns systems
//! outside is in `outside_errors.rs`.
#![allow(clippy::unwrap_used, reason = "a test that can not go on has failed")]

use mpss_config::Settings;

mod good;

use good::{GOOD, told};

const PEPPER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

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
