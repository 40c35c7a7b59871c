//! Settings files and environments that were mangled in thousands of ways: refused or taken, never a
//! panic, and never a pepper in what is told.

use mpss_config::Settings;

const PEPPER: &str = "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff";

/// SplitMix64.
struct Draw(u64);

impl Draw {
    fn below(&mut self, bound: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((z ^ (z >> 31)) % bound as u64).expect("below a usize")
    }

    fn one_of<'a>(&mut self, words: &[&'a str]) -> &'a str {
        words[self.below(words.len())]
    }
}

fn whole_file() -> String {
    let example = include_str!("../examples/guangdong-1.toml");
    let replication = include_str!("../defaults/replication.toml");
    format!("{example}\n{replication}\n[password.peppers]\n1 = \"{PEPPER}\"\n")
}

const PIECES: [&str; 24] = [
    "\"",
    "[",
    "]",
    "[[",
    "]]",
    "=",
    "\n",
    "{",
    "}",
    "'''",
    "\"\"\"",
    ".",
    ",",
    "0",
    "-1",
    "1e9",
    "inf",
    "true",
    "founders",
    "1979-05-27",
    "password",
    "44",
    "\u{0}",
    "号",
];

#[test]
fn mangled_files_are_refused_or_taken() {
    let whole = whole_file();
    let (mut taken, mut refused) = (0, 0);
    for seed in 0..4_000 {
        let mut draw = Draw(seed);
        let mut lines: Vec<String> = whole.lines().map(str::to_owned).collect();
        for _ in 0..=draw.below(3) {
            let at = draw.below(lines.len());
            match draw.below(5) {
                0 => drop(lines.remove(at)),
                1 => {
                    let other = draw.below(lines.len());
                    lines.swap(at, other);
                }
                2 => lines.insert(at, lines[at].clone()),
                _ => {
                    let places: Vec<usize> = (0..=lines[at].len()).filter(|i| lines[at].is_char_boundary(*i)).collect();
                    let place = places[draw.below(places.len())];
                    lines[at].insert_str(place, draw.one_of(&PIECES));
                }
            }
        }
        match Settings::parse(&lines.join("\n"), "file x.toml", []) {
            Ok(settings) => {
                taken += 1;
                // What was taken can be used.
                let _ = (settings.node.province_id(), settings.other_provinces(), settings.founders_by_number());
                assert!(!settings.password.pepper_keys().is_empty());
            }
            Err(error) => {
                refused += 1;
                assert!(!error.to_string().contains(&PEPPER[..16]), "seed {seed}: {error}");
                assert!(!format!("{error:?}").contains(&PEPPER[..16]), "seed {seed}: {error:?}");
            }
        }
    }
    assert!(taken > 200 && refused > 1_000, "the search reaches both: {taken} {refused}");
}

#[test]
fn mangled_environments_are_refused_or_taken() {
    let parts = [
        "NODE",
        "NUMBER",
        "PROVINCE",
        "DATA_DIR",
        "FOUNDERS",
        "1",
        "RAFT_ADDRESS",
        "",
        "PASSWORD",
        "PEPPERS",
        "号",
        "[0]",
    ];
    let values = ["1", "44", "", "http://h:1", "h:1", PEPPER, "a,b", "18446744073709551616", "号", "\u{0}"];
    for seed in 0..2_000 {
        let mut draw = Draw(seed);
        let variables: Vec<(String, String)> = (0..draw.below(6))
            .map(|_| {
                let name: Vec<&str> = (0..draw.below(5)).map(|_| draw.one_of(&parts)).collect();
                (format!("MPSS__{}", name.join("__")), draw.one_of(&values).to_owned())
            })
            .collect();
        if let Err(error) = Settings::parse(&whole_file(), "file x.toml", variables.clone()) {
            let secret_elsewhere = variables.iter().any(|(name, value)| value == PEPPER && !name.contains("PEPPERS"));
            assert!(secret_elsewhere || !error.to_string().contains(&PEPPER[..16]), "seed {seed}: {error}");
        }
    }
}
