//! The line against a centre on a socket, PDU by PDU.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::str::FromStr;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mpss_domain::Msisdn;
use mpss_domain::texts::ReceiptFate;
use mpss_runtime::Seams;
use mpss_runtime::real::{TcpTransport, TokioSpawner};
use rusmpp::pdus::{BindTransceiverResp, DeliverSm, SubmitSmResp};
use rusmpp::types::{COctetString, OctetString};
use rusmpp::values::EsmClass;
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

use super::golden::identity;
use super::link::{LinkOptions, SmppLink};
use super::wire::{bytes_of, take};
use crate::gateway::message_centre::{Came, Cancelled, Handed, MessageCentre, ShortMessage, Submitted};
use crate::gateway::rail::Lost;
use crate::node::real_seams_over;

/// The other end of one line.
struct Centre {
    stream: TcpStream,
    received: BytesMut,
}

impl Centre {
    /// Waits for the line and lets it in.
    async fn accept(listener: &TcpListener) -> Self {
        let mut centre = Self { stream: listener.accept().await.unwrap().0, received: BytesMut::new() };
        let bind = centre.hears().await;
        let Some(Pdu::BindTransceiver(asked)) = bind.pdu() else { panic!("{bind:?}") };
        assert_eq!((asked.system_id.as_str(), asked.password.as_str()), ("mpss44", "secret08"));
        centre.answers(&bind, CommandStatus::EsmeRok, BindTransceiverResp::default()).await;
        centre
    }

    async fn hears(&mut self) -> Command {
        loop {
            if let Some(frame) = take(&mut self.received).unwrap() {
                return frame.pdu.unwrap();
            }
            assert_ne!(self.stream.read_buf(&mut self.received).await.unwrap(), 0, "the line is closed");
        }
    }

    async fn says(&mut self, command: &Command) {
        self.stream.write_all(&bytes_of(command)).await.unwrap();
    }

    async fn answers(&mut self, to: &Command, status: CommandStatus, pdu: impl Into<Pdu>) {
        self.says(&Command::new(status, to.sequence_number(), pdu)).await;
    }
}

struct Scene {
    link: Arc<SmppLink>,
    listener: TcpListener,
    _seams: (Seams, tempfile::TempDir),
}

async fn scene(window: usize) -> Scene {
    let folder = tempfile::tempdir().unwrap();
    let transport = Arc::new(TcpTransport::bind("127.0.0.1:0").await.unwrap());
    let seams = real_seams_over(folder.path(), transport, Arc::new(TokioSpawner::new())).unwrap();
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let options = LinkOptions {
        address: listener.local_addr().unwrap().to_string(),
        identity: identity(),
        window,
        answer_deadline: Duration::from_millis(400),
        connect_deadline: Duration::from_secs(5),
        enquire: Duration::from_millis(500),
        reconnect_min: Duration::from_millis(5),
        reconnect_max: Duration::from_millis(20),
    };
    Scene { link: Arc::new(SmppLink::keep(options, &seams)), listener, _seams: (seams, folder) }
}

impl Scene {
    async fn open(&self) -> Centre {
        let centre = Centre::accept(&self.listener).await;
        self.link.open_since().wait_for(Option::is_some).await.unwrap();
        centre
    }
}

fn to() -> Msisdn {
    Msisdn::new(18_900_000_001).unwrap()
}

fn message() -> Handed {
    let (source, bytes) = ("11888".into(), b"hello".to_vec());
    Handed::Message(ShortMessage { source, to: to(), coding: 0, bytes, is_part: false, reference: 7 })
}

fn taken(id: &str) -> SubmitSmResp {
    SubmitSmResp::builder().message_id(COctetString::from_str(id).unwrap()).build()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_taken_refused_or_too_much() {
    let scene = scene(8).await;
    assert_eq!(scene.link.submit(message()).await, Err(Lost::NotSent), "there is no line yet");
    let mut centre = scene.open().await;
    for (status, expected) in [
        (CommandStatus::EsmeRok, Ok(Submitted::Taken("m1".into()))),
        (CommandStatus::EsmeRthrottled, Ok(Submitted::Busy)),
        (CommandStatus::EsmeRmsgqful, Ok(Submitted::Busy)),
        (CommandStatus::EsmeRinvdstadr, Ok(Submitted::Refused("0x0b".into()))),
    ] {
        let link = scene.link.clone();
        let asked = tokio::spawn(async move { link.submit(message()).await });
        let submit = loop {
            let heard = centre.hears().await;
            if matches!(heard.pdu(), Some(Pdu::SubmitSm(_))) {
                break heard;
            }
            centre.answers(&heard, CommandStatus::EsmeRok, Pdu::EnquireLinkResp).await;
        };
        centre.answers(&submit, status, taken("m1")).await;
        assert_eq!(asked.await.unwrap(), expected);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_written_and_not_answered_is_unknown_and_the_line_comes_back() {
    let scene = scene(8).await;
    let mut centre = scene.open().await;
    let link = scene.link.clone();
    let asked = tokio::spawn(async move { link.submit(message()).await });
    while !matches!(centre.hears().await.pdu(), Some(Pdu::SubmitSm(_))) {}
    drop(centre);
    assert_eq!(asked.await.unwrap(), Err(Lost::Unknown));
    let mut centre = scene.open().await;
    let link = scene.link.clone();
    let asked = tokio::spawn(async move { link.cancel("11888".into(), to()).await });
    let cancel = loop {
        let heard = centre.hears().await;
        if matches!(heard.pdu(), Some(Pdu::CancelSm(_))) {
            break heard;
        }
    };
    centre.answers(&cancel, CommandStatus::EsmeRcancelfail, Pdu::CancelSmResp).await;
    assert_eq!(asked.await.unwrap(), Ok(Cancelled::Nothing));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_window_that_stays_full_sends_nothing_more() {
    let scene = scene(1).await;
    let mut centre = scene.open().await;
    let (first, second) = (scene.link.clone(), scene.link.clone());
    let first = tokio::spawn(async move { first.submit(message()).await });
    while !matches!(centre.hears().await.pdu(), Some(Pdu::SubmitSm(_))) {}
    let second = tokio::spawn(async move { second.submit(message()).await });
    assert_eq!(first.await.unwrap(), Err(Lost::Unknown), "nobody answered");
    assert_eq!(second.await.unwrap(), Err(Lost::NotSent), "it waited for its place too long to be sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn receipts_are_acknowledged_when_they_are_written_down() {
    let scene = scene(8).await;
    let mut centre = scene.open().await;
    let receipt = DeliverSm::builder()
        .source_addr(COctetString::from_str("8618900000001").unwrap())
        .esm_class(EsmClass::from(4))
        .short_message(OctetString::from_slice(b"id:m1 stat:DELIVRD err:000").unwrap())
        .build();
    for done in [true, false] {
        centre.says(&Command::new(CommandStatus::EsmeRok, 41, receipt.clone())).await;
        let inbound = scene.link.next().await;
        match inbound.what {
            Came::Receipt(receipt) => {
                assert_eq!((receipt.message.as_str(), receipt.fate), ("m1", ReceiptFate::Delivered))
            }
            other => panic!("{other:?}"),
        }
        if done {
            inbound.acknowledge.done()
        } else {
            inbound.acknowledge.later()
        }
        let answer = loop {
            let heard = centre.hears().await;
            if matches!(heard.pdu(), Some(Pdu::DeliverSmResp(_))) {
                break heard;
            }
        };
        let status = if done { CommandStatus::EsmeRok } else { CommandStatus::EsmeRxTAppn };
        assert_eq!((answer.sequence_number(), answer.status()), (41, status));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_line_whose_test_is_not_answered_is_made_anew() {
    let scene = scene(8).await;
    let mut silent = scene.open().await;
    assert!(matches!(silent.hears().await.pdu(), Some(Pdu::EnquireLink)));
    // The next connection is made without this one being closed from here.
    let mut next = Centre::accept(&scene.listener).await;
    let enquiry = next.hears().await;
    assert!(matches!(enquiry.pdu(), Some(Pdu::EnquireLink)));
    // And it answers when it is tested itself.
    next.says(&Command::new(CommandStatus::EsmeRok, 9, Pdu::EnquireLink)).await;
    let answer = next.hears().await;
    assert_eq!((answer.sequence_number(), answer.pdu()), (9, Some(&Pdu::EnquireLinkResp)));
}
