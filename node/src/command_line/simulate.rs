//! `mpss simulate`: one simulator, alone.

use serde_json::json;
use tokio::sync::watch;

use super::arguments::{ListenArguments, SimulateArguments, Simulator};
use super::exit::Failure;
use super::printer::Printer;
use super::stop_signal::StopSignal;
use super::{client_runtime, ready_file};
use crate::simulator::sms::SmsSimulator;
use crate::simulator::sp::SpSimulator;

/// Runs until told to stop.
pub(super) fn run(arguments: &SimulateArguments, printer: &mut Printer) -> Result<(), Failure> {
    let (listen, router, what) = match &arguments.simulator {
        Simulator::Sp(listen) => (listen, SpSimulator::new().router(), "service providers"),
        Simulator::Sms(listen) => (listen, SmsSimulator::new().router(), "SMS centre"),
    };
    client_runtime()?.block_on(serve(listen, router, what, printer))
}

async fn serve(
    listen: &ListenArguments,
    router: axum::Router,
    what: &str,
    printer: &mut Printer,
) -> Result<(), Failure> {
    let mut stop = StopSignal::listen()?;
    let listener = std::net::TcpListener::bind(listen.listen)
        .map_err(|error| Failure::start(format!("--listen {}: {error}", listen.listen)))?;
    let url = format!("http://{}", listener.local_addr().map_err(|error| Failure::start(error.to_string()))?);
    let (end, ended) = watch::channel(false);
    let served = tokio::spawn(crate::simulator::serve(listener, router, ended));
    if let Some(path) = &listen.ready_file {
        ready_file::write(path, &json!({ "url": url }))?;
    }
    printer.line(format!("{what} simulated at {url}"));
    stop.wait().await;
    let _ = end.send(true);
    // A silent SP may hold connections open for long; nobody waits for those.
    let _ = tokio::time::timeout(std::time::Duration::from_millis(200), served).await;
    Ok(())
}
