//! A node started, asked, and stopped.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::net::TcpListener;
use std::sync::Arc;

use mpss_runtime::real::{TcpTransport, TokioSpawner};

use super::trial::{eventually, settings};
use super::{Listeners, Node, real_seams_over};

async fn start(folder: &std::path::Path) -> (Node, String, Arc<TokioSpawner>) {
    let transport = Arc::new(TcpTransport::bind("127.0.0.1:0").await.unwrap());
    let settings = settings(folder, transport.local_addr());
    let spawner = Arc::new(TokioSpawner::new());
    // The lock of a node that ran here goes with the last of its threads.
    let mut seams = None;
    eventually("the folder is free", || {
        seams = real_seams_over(folder, transport.clone(), spawner.clone()).ok();
        seams.is_some()
    })
    .await;
    let seams = seams.unwrap();
    let bind = || TcpListener::bind("127.0.0.1:0").unwrap();
    let listeners = Listeners { public: bind(), peer: bind(), portal: None };
    let url = format!("http://{}", listeners.public.local_addr().unwrap());
    (Node::start(settings, seams, listeners).await.unwrap(), url, spawner)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_puts_the_national_number_plan_in_force_answers_and_stops() {
    let folder = tempfile::tempdir().unwrap();
    let (node, url, spawner) = start(folder.path()).await;
    let replica = node.context().replica.clone();
    eventually("a number plan is in force", || replica.read(|state| state.plan().epoch) == 1).await;
    assert!(replica.read(|state| state.plan().ranges.len()) > 1_000, "the real one");
    let client = reqwest::Client::builder().no_proxy().build().unwrap();
    let health = client.get(format!("{url}/healthz")).send().await.unwrap();
    assert!(health.status().is_success());
    drop(health);
    node.shutdown().await;
    let after = client.get(format!("{url}/healthz")).send().await;
    assert!(after.is_err(), "the door is closed: {after:?}");
    drop((replica, spawner));

    let (node, _, spawner) = start(folder.path()).await;
    let replica = node.context().replica.clone();
    eventually("what was in force is again", || replica.read(|state| state.plan().epoch) == 1).await;
    node.kill();
    spawner.abort_all();
}
