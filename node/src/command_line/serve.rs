//! `mpss serve`: one node, one process.

use std::net::TcpListener;
use std::time::Duration;

use mpss_config::Settings;
use serde_json::json;

use super::arguments::ServeArguments;
use super::exit::Failure;
use super::printer::Printer;
use super::ready_file;
use super::stop_signal::StopSignal;
use crate::node::{Listeners, Node, NodeError, real_seams};
use crate::telemetry::{LogTarget, NodeMetrics, start_logs};

/// How long a clean stop may take before the process ends all the same.
const SHUTDOWN_MAX: Duration = Duration::from_secs(15);

/// Runs the node until it is told to stop, or must.
pub(super) fn run(arguments: &ServeArguments, printer: &mut Printer) -> Result<(), Failure> {
    if arguments.print_defaults {
        printer.text(Settings::default_toml());
        printer.flush();
        return Ok(());
    }
    let settings = Settings::load(arguments.config.as_deref(), std::env::vars())
        .map_err(|error| Failure::usage(crate::demo::told(&error)))?;
    start_logs(&settings.telemetry.log, &settings.telemetry.format, LogTarget::Stderr).map_err(Failure::usage)?;
    NodeMetrics::of(&settings.node.province, settings.node.number).adopt_process();
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .thread_name("mpss")
        .enable_all()
        .build()
        .map_err(|error| Failure::start(format!("no threads: {error}")))?;
    let ended = runtime.block_on(serve(arguments, settings, printer));
    // Whatever still runs (a question to another province, say) is not waited for.
    runtime.shutdown_background();
    ended
}

async fn serve(arguments: &ServeArguments, settings: Settings, printer: &mut Printer) -> Result<(), Failure> {
    let mut stop = StopSignal::listen()?;
    let public = bind("listen.public", settings.listen.public)?;
    let peer = bind("listen.peer", settings.listen.peer)?;
    let portal = settings.portal.address().map(|address| bind("portal.listen", address)).transpose()?;
    let portal_address = portal.as_ref().map(address).transpose()?;
    let (public_address, peer_address) = (address(&public)?, address(&peer)?);
    let seams = real_seams(&settings).await.map_err(failure)?;
    let (province, number) = (settings.node.province.clone(), settings.node.number);
    let raft_address = settings.listen.raft;
    let node = Node::start(settings, seams, Listeners { public, peer, portal }).await.map_err(failure)?;
    let bench = match arguments.bench_proposer {
        Some(address) => Some(crate::bench::proposer::listen(address, node.context().clone())?),
        None => None,
    };
    if let Some(path) = &arguments.ready_file {
        let mut ready = json!({
            "pid": std::process::id(), "province": province, "node": number,
            "public_url": format!("http://{public_address}"), "peer_url": format!("http://{peer_address}"),
            "raft_address": raft_address.to_string(),
        });
        if let Some(address) = portal_address {
            ready["portal_url"] = format!("http://{address}").into();
        }
        if let Some(address) = bench {
            ready["bench_url"] = format!("http://{address}").into();
        }
        ready_file::write(path, &ready)?;
    }
    let pages = portal_address.map_or_else(String::new, |address| format!(" portal http://{address}"));
    printer.line(format!(
        "mpss node {number} of province {province} ready: callers http://{public_address} provinces \
         http://{peer_address} replicas {raft_address}{pages}"
    ));
    tokio::select! {
        biased;
        why = node.wait_fatal() => Err(Failure::stopped(format!("node {number} of province {province} must not go on: {why}"))),
        signal = stop.wait() => {
            tracing::info!(signal, "stopping");
            match tokio::time::timeout(SHUTDOWN_MAX, node.shutdown()).await {
                Ok(()) => Ok(()),
                Err(_) => Err(Failure::stopped(format!("not stopped cleanly within {SHUTDOWN_MAX:?}"))),
            }
        }
    }
}

fn bind(key: &str, address: std::net::SocketAddr) -> Result<TcpListener, Failure> {
    TcpListener::bind(address).map_err(|error| Failure::start(format!("setting {key} = {address}: {error}")))
}

fn address(listener: &TcpListener) -> Result<std::net::SocketAddr, Failure> {
    listener.local_addr().map_err(|error| Failure::start(error.to_string()))
}

fn failure(error: NodeError) -> Failure {
    let what = crate::demo::told(&error);
    match error {
        NodeError::Plan(_) | NodeError::Portability(_) | NodeError::Unreadable { .. } => Failure::usage(what),
        _ => Failure::start(what),
    }
}
