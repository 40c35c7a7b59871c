//! Whoever has the money of accounts outside: an ISMP and a bank, as processes of their own. What they
//! took from a line or a card can be seen, and each of them can be made to fail for one alone.

use std::net::SocketAddr;
use std::path::Path;

use serde_json::{Value, json};

use super::client::{Ask, Client};
use super::ports;
use super::process::Process;

/// What the bank signs its own requests with.
pub const DOOR_KEY: [u8; 32] = [0xba; 32];

/// The two of them.
#[derive(Debug)]
pub struct Outside {
    ismp: SocketAddr,
    /// Where ISO 8583 is spoken.
    bank: SocketAddr,
    /// Where the bank is set and looked at.
    bank_testers: SocketAddr,
    _processes: [Process; 2],
}

/// Who has the money of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purse {
    /// The ISMP, on the bill of this line.
    Line(String),
    /// The bank, on the card it names so.
    Card(String),
}

/// What is on a line's bill or on a card, in fen.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Contents {
    /// May be spent.
    pub free: i64,
    /// Set aside.
    pub held: i64,
}

impl Purse {
    fn path(&self) -> String {
        match self {
            Self::Line(msisdn) => format!("/simulator/ismp/lines/{msisdn}"),
            Self::Card(token) => format!("/simulator/bank/cards/{token}"),
        }
    }
}

impl Outside {
    /// Starts both.
    ///
    /// # Panics
    /// When one can not be started.
    #[must_use]
    pub fn start(program: &Path, folder: &Path) -> Self {
        let [ismp, bank, bank_testers] = [ports::free(), ports::free(), ports::free()];
        let start = |name: &str, addresses: &[(&str, SocketAddr)]| {
            let addresses: Vec<_> = addresses.iter().map(|(flag, address)| (*flag, address.to_string())).collect();
            let flags = addresses.iter().flat_map(|(flag, address)| [*flag, address.as_str()]);
            let arguments: Vec<_> = ["outside", name].into_iter().chain(flags).collect();
            let process = Process::new(name, program, &arguments, &folder.join(format!("{name}.log")));
            process.start();
            process
        };
        let processes = [
            start("ismp", &[("--listen", ismp)]),
            start("bank", &[("--listen", bank_testers), ("--bank-listen", bank)]),
        ];
        Self { ismp, bank, bank_testers, _processes: processes }
    }

    /// The way to them, as a province's nodes are told.
    #[must_use]
    pub fn settings_of(&self, province: &str) -> Vec<String> {
        let key: String = DOOR_KEY.iter().map(|byte| format!("{byte:02x}")).collect();
        vec![
            format!("ismp_url = \"http://{}\"", self.ismp),
            format!("bank_address = \"{}\"", self.bank),
            // Messages are told apart by it and by numbers that each province counts for itself.
            format!("bank_institution = \"4802{province}00\""),
            format!("bank_door_key = \"{key}\""),
        ]
    }

    /// Sets what becomes of the next requests about one purse: `none`, `lost`, `answer_lost`, `late`
    /// (by `late_ms`), `refused` (with `refusal`). What comes after them is answered as it should be.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn behaves_to(&self, client: &Client, purse: &Purse, manner: Value) {
        self.asked(client, purse, Ask::put(format!("{}/manner", purse.path()), manner)).await;
    }

    /// How many of the next requests about one purse are still to come.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn still_to_come(&self, client: &Client, purse: &Purse) -> usize {
        let manner = self.asked(client, purse, Ask::get(format!("{}/manner", purse.path()))).await;
        manner["next"].as_array().map_or(0, Vec::len)
    }

    /// What is in a purse.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn contents(&self, client: &Client, purse: &Purse) -> Contents {
        let body = self.asked(client, purse, Ask::get(purse.path())).await;
        let fen = |name: &str| body[name].as_i64().unwrap_or_else(|| panic!("no {name:?} in {body}"));
        match purse {
            Purse::Line(_) => Contents { free: fen("credit_fen"), held: fen("reserved_fen") },
            Purse::Card(_) => Contents { free: fen("balance_fen"), held: fen("held_fen") },
        }
    }

    /// The most questions the ISMP was asked about one call.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn most_asked(&self, client: &Client) -> u64 {
        let answer = client.once(&format!("http://{}", self.ismp), &Ask::get("/simulator/ismp".into())).await;
        let body = answer.expect("the simulator answers").body;
        body["most_asked"].as_u64().unwrap_or_else(|| panic!("no count in {body}"))
    }

    async fn asked(&self, client: &Client, purse: &Purse, ask: Ask) -> Value {
        let address = match purse {
            Purse::Line(_) => self.ismp,
            Purse::Card(_) => self.bank_testers,
        };
        let answer = client.once(&format!("http://{address}"), &ask).await.expect("the simulator answers");
        assert_eq!(answer.status, 200, "{} {}: {}", ask.method, ask.path, answer.body);
        answer.body
    }
}

/// The manner in which the next requests come to this.
#[must_use]
pub fn next(troubles: &[&str]) -> Value {
    json!({ "next": troubles })
}
