//! `mpss simulate`, also `mpss outside`: one simulator, alone.

use std::net::SocketAddr;
use std::path::Path;
use std::sync::Arc;

use serde_json::json;
use tokio::sync::watch;

use super::arguments::{BankArguments, SimulateArguments, Simulator, SmsArguments, UppArguments};
use super::exit::Failure;
use super::printer::Printer;
use super::stop_signal::StopSignal;
use super::{client_runtime, ready_file};
use crate::gateway::bank::wire::Wire;
use crate::simulator::bank::{BankSimulator, WishDesk};
use crate::simulator::ismp::IsmpSimulator;
use crate::simulator::recharge::RechargeSimulator;
use crate::simulator::sms::SmsSimulator;
use crate::simulator::sp::SpSimulator;
use crate::simulator::upp::UppSimulator;

/// Runs until told to stop.
pub(super) fn run(arguments: &SimulateArguments, printer: &mut Printer) -> Result<(), Failure> {
    let (listen, ready, router, what) = match &arguments.simulator {
        Simulator::Sp(listen) => (listen.listen, &listen.ready_file, SpSimulator::new().router(), "service providers"),
        Simulator::Sms(sms) => (sms.listen, &sms.ready_file, sms_of(sms)?.router(), "SMS centre"),
        Simulator::Ismp(ismp) => (ismp.listen, &ismp.ready_file, IsmpSimulator::new(ismp.seed).router(), "ISMP"),
        Simulator::Recharge(recharge) => {
            let router = RechargeSimulator::new(recharge.seed).router();
            (recharge.listen, &recharge.ready_file, router, "recharge platform")
        }
        Simulator::Upp(upp) => (upp.listen, &upp.ready_file, upp_of(upp)?.router(), "unified payment platform"),
        Simulator::Bank(bank) => return client_runtime()?.block_on(serve_bank(bank, printer)),
    };
    client_runtime()?.block_on(serve(listen, ready.as_deref(), router, what, printer))
}

/// An SMS centre that brings what subscribers send, signed as the node's settings say, when it is told to whom.
fn sms_of(arguments: &SmsArguments) -> Result<SmsSimulator, Failure> {
    let Some(config) = &arguments.config else { return Ok(SmsSimulator::new()) };
    let settings = mpss_config::Settings::load(Some(config), std::env::vars());
    let settings = settings.map_err(|error| Failure::usage(crate::demo::told(&error)))?;
    let key = settings.outbox.sms_door_key_bytes();
    let key = key.ok_or_else(|| {
        Failure::usage("--config: outbox.sms_door_key is empty, and the SMS centre signs with it".to_owned())
    })?;
    let centre = SmsSimulator::new().bringing_words_to(&arguments.node, key.to_vec());
    centre.map_err(|error| Failure::start(error.to_string()))
}

/// A UPP that signs as the node's settings say.
fn upp_of(arguments: &UppArguments) -> Result<UppSimulator, Failure> {
    let settings = mpss_config::Settings::load(Some(&arguments.config), std::env::vars());
    let settings = settings.map_err(|error| Failure::usage(crate::demo::told(&error)))?;
    let key = settings.upp.door_key_bytes();
    let key =
        key.ok_or_else(|| Failure::usage("--config: upp.door_key is empty, and the UPP signs with it".to_owned()))?;
    let upp = UppSimulator::new(arguments.seed, &arguments.node, key.to_vec());
    upp.map_err(|error| Failure::start(error.to_string()))
}

fn bind(listen: SocketAddr, flag: &str) -> Result<(std::net::TcpListener, SocketAddr), Failure> {
    let listener =
        std::net::TcpListener::bind(listen).map_err(|error| Failure::start(format!("{flag} {listen}: {error}")))?;
    let address = listener.local_addr().map_err(|error| Failure::start(error.to_string()))?;
    Ok((listener, address))
}

async fn serve(
    listen: SocketAddr,
    ready: Option<&Path>,
    router: axum::Router,
    what: &str,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut stop = StopSignal::listen()?;
    let (listener, address) = bind(listen, "--listen")?;
    let url = format!("http://{address}");
    let (end, ended) = watch::channel(false);
    let served = tokio::spawn(crate::simulator::serve(listener, router, ended));
    if let Some(path) = ready {
        ready_file::write(path, &json!({ "url": url }))?;
    }
    printer.line(format!("{what} simulated at {url}"));
    stop.wait().await;
    let _ = end.send(true);
    // A silent SP may hold connections open for long; nobody waits for those.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), served).await;
    Ok(())
}

/// A desk for wishes that signs as the node's settings say.
fn desk_of(node: &str, arguments: &BankArguments) -> Result<WishDesk, Failure> {
    let settings = mpss_config::Settings::load(arguments.config.as_deref(), std::env::vars());
    let rails = settings.map_err(|error| Failure::usage(crate::demo::told(&error)))?.rails;
    if rails.bank_door_key.is_empty() {
        return Err(Failure::usage("--config: rails.bank_door_key is empty, and the bank signs with it".to_owned()));
    }
    let key = hex::decode(&rails.bank_door_key).expect("loaded settings have a key in hex");
    WishDesk::new(node, key).map_err(|error| Failure::start(error.to_string()))
}

async fn serve_bank(arguments: &BankArguments, printer: &mut Printer) -> Result<(), Failure> {
    let mut stop = StopSignal::listen()?;
    let desk = arguments.node.as_deref().map(|node| desk_of(node, arguments)).transpose()?;
    let rails = match &arguments.config {
        Some(path) => {
            let settings = mpss_config::Settings::load(Some(path), std::env::vars());
            settings.map_err(|error| Failure::usage(crate::demo::told(&error)))?.rails
        }
        None => mpss_config::RailSettings::defaults(),
    };
    let wire = Wire::of(&rails).map_err(|error| Failure::start(error.to_string()))?;
    let bank = BankSimulator::new(arguments.seed);
    let (listener, address) = bind(arguments.listen, "--listen")?;
    let (bank_listener, bank_address) = bind(arguments.bank_listen, "--bank-listen")?;
    let (end, ended) = watch::channel(false);
    let router = desk.map_or_else(|| bank.router(), |desk| bank.router().merge(desk.router()));
    let served = tokio::spawn(crate::simulator::serve(listener, router, ended.clone()));
    let spoken = tokio::spawn(crate::simulator::bank::serve(bank_listener, bank, Arc::new(wire), ended));
    if let Some(path) = &arguments.ready_file {
        ready_file::write(path, &json!({ "url": format!("http://{address}"), "bank": bank_address.to_string() }))?;
    }
    printer.line(format!("bank simulated at {bank_address}, for testers at http://{address}"));
    stop.wait().await;
    let _ = end.send(true);
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), async {
        let _ = (served.await, spoken.await);
    })
    .await;
    Ok(())
}
