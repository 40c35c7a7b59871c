//! Whoever has money outside, as processes of their own: an ISMP, a bank, a recharge platform and a UPP. What they
//! took from a line, a card or an account can be seen, and each of them can be made to fail for one alone.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

pub use mpss_node::simulator::upp::Heard;
use serde_json::{Value, json};

use super::client::{Ask, Client};
use super::process::Process;
use super::{patience, ports};

/// What the bank and the UPP sign their own requests with.
pub const DOOR_KEY: [u8; 32] = [0xba; 32];

/// All of them.
#[derive(Debug)]
pub struct Outside {
    program: PathBuf,
    folder: PathBuf,
    ismp: SocketAddr,
    /// Where ISO 8583 is spoken.
    bank: SocketAddr,
    /// Where the bank is set and looked at.
    bank_testers: SocketAddr,
    recharge: SocketAddr,
    upp: SocketAddr,
    _processes: [Process; 3],
    /// It asks nodes, so it is started when it is known where they are.
    upp_process: OnceLock<Process>,
}

/// Who has the money of an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Purse {
    /// The ISMP, on the bill of this line.
    Line(String),
    /// The bank, on the card it names so.
    Card(String),
    /// The UPP, in the virtual account of this subscriber.
    Upp(String),
    /// The recharge platform, on the card with this PIN: what it is worth is free, then held, then gone.
    Recharge(String),
}

/// What is on a line's bill, on a card or in an account, in fen.
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
            Self::Upp(msisdn) => format!("/simulator/upp/accounts/{msisdn}"),
            Self::Recharge(pin) => format!("/simulator/recharge/cards/{pin}"),
        }
    }
}

impl Outside {
    /// Starts all but the UPP.
    ///
    /// # Panics
    /// When one can not be started.
    #[must_use]
    pub fn start(program: &Path, folder: &Path) -> Self {
        let [ismp, bank, bank_testers, recharge, upp] = [(); 5].map(|()| ports::free());
        let start = |name: &str, addresses: &[(&str, SocketAddr)]| {
            let addresses = addresses.iter().map(|(flag, address)| (*flag, address.to_string())).collect();
            started(program, folder, name, addresses)
        };
        let processes = [
            start("ismp", &[("--listen", ismp)]),
            start("bank", &[("--listen", bank_testers), ("--bank-listen", bank)]),
            start("recharge", &[("--listen", recharge)]),
        ];
        let (program, folder) = (program.to_owned(), folder.to_owned());
        let upp_process = OnceLock::new();
        Self { program, folder, ismp, bank, bank_testers, recharge, upp, _processes: processes, upp_process }
    }

    /// Starts the UPP, which asks the nodes at these addresses and signs as these settings of one of them say.
    ///
    /// # Panics
    /// When it can not be started, or was.
    pub fn start_upp(&self, nodes: &[String], settings: &Path) {
        let mut arguments = vec![("--listen", self.upp.to_string()), ("--config", settings.display().to_string())];
        arguments.extend(nodes.iter().map(|node| ("--node", node.clone())));
        let process = started(&self.program, &self.folder, "upp", arguments);
        self.upp_process.set(process).expect("it is started once");
    }

    /// The way to them, as a province's nodes are told: lines of settings, each with its section.
    #[must_use]
    pub fn settings_of(&self, province: &str) -> Vec<(&'static str, String)> {
        let key = hex_key();
        vec![
            ("rails", format!("ismp_url = \"http://{}\"", self.ismp)),
            ("rails", format!("bank_address = \"{}\"", self.bank)),
            // Messages are told apart by it and by numbers that each province counts for itself.
            ("rails", format!("bank_institution = \"4802{province}00\"")),
            ("rails", format!("bank_door_key = \"{key}\"")),
            ("recharge", format!("url = \"http://{}\"", self.recharge)),
            ("vault", format!("key = \"{}\"", province.repeat(32))),
            ("upp", format!("door_key = \"{key}\"")),
            ("upp", format!("notice_url = \"http://{}/upp/v1/notices\"", self.upp)),
            ("upp", format!("account_url = \"http://{}\"", self.upp)),
        ]
    }

    /// Puts so much into a virtual account of the UPP, in fen.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn upp_has(&self, client: &Client, msisdn: &str, fen: i64) {
        let purse = Purse::Upp(msisdn.into());
        self.asked(client, &purse, Ask::put(purse.path(), json!({ "balance_fen": fen }))).await;
    }

    /// Prints a recharge card: `state` is `active`, `not_active`, `expired`, `set_aside` or `used`.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn recharge_card(&self, client: &Client, pin: &str, worth_fen: i64, state: &str) {
        let purse = Purse::Recharge(pin.into());
        let card = json!({ "worth_fen": worth_fen, "state": state });
        self.asked(client, &purse, Ask::put(purse.path(), card)).await;
    }

    /// Has the UPP ask for something, as often as it takes to be answered: `verb` is `payment`, `query`, `reversal`,
    /// `refund` or `confirmation`. What a node said.
    ///
    /// # Errors
    /// When no node answers within `bound`.
    pub async fn upp_asks(
        &self,
        client: &Client,
        (number, verb): (&str, &str),
        errand: Value,
        bound: Duration,
    ) -> Result<Heard, String> {
        let ask = Ask::post(format!("/simulator/upp/orders/{number}/{verb}"), format!("{verb}-{number}"), errand);
        patience::asked(&format!("the UPP is answered, {verb} of {number}"), bound, async || {
            let answer = client.once(&format!("http://{}", self.upp), &ask).await?;
            let status = answer.body["status"].as_u64().unwrap_or_default();
            let heard = Heard { status: status.try_into().unwrap_or_default(), body: answer.body["body"].clone() };
            if answer.status == 200 && heard.is_answer() { Ok(heard) } else { Err(answer.body.to_string()) }
        })
        .await
    }

    /// What the UPP remembers of an order of its own; null when it never heard of it.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn upp_knows(&self, client: &Client, number: &str) -> Value {
        let ask = Ask::get(format!("/simulator/upp/orders/{number}"));
        client.once(&format!("http://{}", self.upp), &ask).await.expect("the simulator answers").body
    }

    /// Sets what becomes of the next notices about an order of the UPP.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn upp_listens(&self, client: &Client, number: &str, manner: Value) {
        let ask = Ask::put(format!("/simulator/upp/orders/{number}/manner"), manner);
        let answer = client.once(&format!("http://{}", self.upp), &ask).await.expect("the simulator answers");
        assert_eq!(answer.status, 200, "{} {}: {}", ask.method, ask.path, answer.body);
    }

    /// Notices that the UPP did not believe: signed by somebody else, or against one it had before.
    ///
    /// # Panics
    /// When the simulator does not answer.
    pub async fn upp_refused(&self, client: &Client) -> u64 {
        self.count(client, self.upp, "upp", "refused").await
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
            Purse::Upp(_) => Contents { free: fen("balance_fen"), held: fen("reserved_fen") },
            Purse::Recharge(_) => match body["state"].as_str() {
                Some("used") => Contents { free: 0, held: 0 },
                Some("set_aside") => Contents { free: 0, held: fen("worth_fen") },
                _ => Contents { free: fen("worth_fen"), held: 0 },
            },
        }
    }

    /// The most questions that each of those who can be asked was asked about one call.
    ///
    /// # Panics
    /// When a simulator does not answer.
    pub async fn most_asked(&self, client: &Client) -> [(&'static str, u64); 3] {
        let peers = [("ismp", self.ismp), ("upp/accounts", self.upp), ("recharge", self.recharge)];
        let mut most = [("", 0); 3];
        for (place, (name, address)) in peers.into_iter().enumerate() {
            most[place] = (name, self.count(client, address, name, "most_asked").await);
        }
        most
    }

    async fn count(&self, client: &Client, address: SocketAddr, of: &str, name: &str) -> u64 {
        let answer = client.once(&format!("http://{address}"), &Ask::get(format!("/simulator/{of}"))).await;
        let body = answer.expect("the simulator answers").body;
        body[name].as_u64().unwrap_or_else(|| panic!("no count in {body}"))
    }

    async fn asked(&self, client: &Client, purse: &Purse, ask: Ask) -> Value {
        let address = match purse {
            Purse::Line(_) => self.ismp,
            Purse::Card(_) => self.bank_testers,
            Purse::Upp(_) => self.upp,
            Purse::Recharge(_) => self.recharge,
        };
        let answer = client.once(&format!("http://{address}"), &ask).await.expect("the simulator answers");
        assert_eq!(answer.status, 200, "{} {}: {}", ask.method, ask.path, answer.body);
        answer.body
    }
}

fn started(program: &Path, folder: &Path, name: &str, arguments: Vec<(&str, String)>) -> Process {
    let flags = arguments.iter().flat_map(|(flag, value)| [*flag, value.as_str()]);
    let arguments: Vec<_> = ["outside", name].into_iter().chain(flags).collect();
    let process = Process::new(name, program, &arguments, &folder.join(format!("{name}.log")));
    process.start();
    process
}

fn hex_key() -> String {
    DOOR_KEY.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The manner in which the next requests come to this.
#[must_use]
pub fn next(troubles: &[&str]) -> Value {
    json!({ "next": troubles })
}
