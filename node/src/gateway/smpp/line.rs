//! Keeps one line up: connects, binds, writes and reads, tests, and begins again when it came down.

use std::io;
use std::sync::Arc;
use std::time::Duration;

use bytes::BytesMut;
use mpss_runtime::Seams;
use rusmpp::pdus::{DeliverSm, DeliverSmResp};
use rusmpp::{Command, CommandStatus, Pdu};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::mpsc;

use super::link::{LinkOptions, Outgoing, Sending, Shared, in_words, within};
use super::receipt::came;
use super::wire::{BadLength, Frame, PDU_BYTES_MAX, bytes_of, command, take};
use crate::gateway::message_centre::{Acknowledge, Inbound};

/// What keeps one line up.
pub(super) struct Line {
    pub(super) shared: Arc<Shared>,
    pub(super) options: LinkOptions,
    pub(super) seams: Seams,
    pub(super) hand: mpsc::UnboundedSender<Inbound>,
}

/// Why a connection ended.
#[derive(Debug, thiserror::Error)]
enum Ended {
    #[error("the connection broke")]
    Broken(#[from] io::Error),
    #[error("the centre closed the connection")]
    Closed,
    #[error("what came can not be understood: {0}")]
    Frame(#[from] BadLength),
    #[error("it could not be made in time")]
    TooLate,
    #[error("the centre did not let us bind: {0}")]
    Bind(String),
    #[error("a test of the line was not answered")]
    Silent,
    #[error("the centre unbinds")]
    Unbound,
}

type Reader = tokio::net::tcp::OwnedReadHalf;

impl Line {
    pub(super) async fn run(self) {
        let mut failures = 0_u32;
        loop {
            let ended = self.one_connection(&mut failures).await;
            metrics::gauge!("mpss_smpp_line_open").set(0);
            self.shared.open_since.send_replace(None);
            self.shared.out.send_replace(None);
            // Whoever waits for an answer on it waits in vain.
            self.shared.waiting.lock().clear();
            if let Err(ended) = ended {
                tracing::warn!(centre = self.options.address, %ended, "the line to the SMS centre is down");
            }
            metrics::counter!("mpss_smpp_lines_ended_total").increment(1);
            failures = failures.saturating_add(1);
            let pause =
                self.options.reconnect_min.saturating_mul(1 << (failures - 1).min(16)).min(self.options.reconnect_max);
            let jitter = self.seams.random.below(u64::try_from(pause.as_millis()).unwrap_or(1) / 2 + 1);
            self.seams.clock.sleep(pause / 2 + Duration::from_millis(jitter)).await;
        }
    }

    async fn one_connection(&self, failures: &mut u32) -> Result<(), Ended> {
        let (clock, deadline) = (&*self.seams.clock, self.options.connect_deadline);
        let connecting = TcpStream::connect(self.options.address.as_str());
        let stream = within(clock, deadline, connecting).await.ok_or(Ended::TooLate)??;
        stream.set_nodelay(true)?;
        let (mut reader, mut writer) = stream.into_split();
        let mut received = BytesMut::new();

        // Nobody else speaks before we are let in.
        let sequence = self.shared.next_sequence();
        writer.write_all(&bytes_of(&command(sequence, self.options.identity.bind()))).await?;
        let answered = async {
            loop {
                let frame = next(&mut reader, &mut received).await?;
                if frame.sequence == sequence {
                    return Ok::<_, Ended>(frame);
                }
            }
        };
        let answer = within(clock, deadline, answered).await.ok_or(Ended::TooLate)??;
        match answer.pdu.map(|pdu| pdu.status()) {
            Some(CommandStatus::EsmeRok) => {}
            Some(status) => return Err(Ended::Bind(in_words(status))),
            None => return Err(Ended::Bind("its answer can not be read".into())),
        }
        *failures = 0;
        tracing::info!(centre = self.options.address, "bound to the SMS centre");
        metrics::gauge!("mpss_smpp_line_open").set(1);
        let (out, mut outgoing) = mpsc::unbounded_channel::<Sending>();
        self.shared.out.send_replace(Some(out.clone()));
        self.shared.open_since.send_replace(Some(clock.monotonic()));

        let mut tested = false;
        loop {
            tokio::select! {
                frame = next(&mut reader, &mut received) => {
                    tested = false;
                    if let Some(reply) = self.take(frame?, &out)? {
                        writer.write_all(&bytes_of(&reply)).await?;
                    }
                }
                sending = outgoing.recv() => {
                    let Some(Sending { pdu, stage, until }) = sending else { return Ok(()) };
                    // Too late is never: whoever waits is told that it was not sent.
                    if clock.monotonic() > until || !stage.begin() {
                        self.shared.waiting.lock().remove(&pdu.sequence_number());
                        continue;
                    }
                    writer.write_all(&bytes_of(&pdu)).await?;
                }
                () = clock.sleep(self.options.enquire) => {
                    if std::mem::replace(&mut tested, true) {
                        return Err(Ended::Silent);
                    }
                    let enquiry = command(self.shared.next_sequence(), Pdu::EnquireLink);
                    writer.write_all(&bytes_of(&enquiry)).await?;
                }
            }
        }
    }

    /// Hands an answer to whoever waits for it, and whatever comes by itself on; gives what is answered at once.
    fn take(&self, frame: Frame, out: &Outgoing) -> Result<Option<Command>, Ended> {
        let Frame { command: id, sequence, pdu } = frame;
        if id & 0x8000_0000 != 0 {
            let waits = self.shared.waiting.lock().remove(&sequence);
            // An answer that can not be read is none; one that nobody waits for tells nothing that its receipt does
            // not.
            if let (Some(waiting), Some(pdu)) = (waits, pdu) {
                let _ = waiting.send(pdu);
            }
            return Ok(None);
        }
        let answer = |status, pdu: Pdu| Ok(Some(Command::new(status, sequence, pdu)));
        match pdu.as_ref().and_then(Command::pdu) {
            Some(Pdu::EnquireLink) => answer(CommandStatus::EsmeRok, Pdu::EnquireLinkResp),
            Some(Pdu::Unbind) => Err(Ended::Unbound),
            Some(Pdu::DeliverSm(deliver)) => Ok(self.deliver(sequence, deliver, out)),
            _ => {
                tracing::warn!(command = id, "a PDU of the SMS centre can not be used");
                metrics::counter!("mpss_smpp_unusable_total").increment(1);
                answer(CommandStatus::EsmeRinvcmdid, Pdu::GenericNack)
            }
        }
    }

    /// Hands something inbound on; answered when it is written down.
    fn deliver(&self, sequence: u32, deliver: &DeliverSm, out: &Outgoing) -> Option<Command> {
        let respond = move |status| Command::new(status, sequence, DeliverSmResp::default());
        let Some(what) = came(deliver, &self.options.identity.prefix) else {
            // It would only come again.
            metrics::counter!("mpss_smpp_unusable_total").increment(1);
            return Some(respond(CommandStatus::EsmeRok));
        };
        let Ok(place) = self.shared.in_hand.clone().try_acquire_owned() else {
            return Some(respond(CommandStatus::EsmeRxTAppn));
        };
        let out = out.clone();
        let acknowledge = Acknowledge::new(move |done| {
            let status = if done { CommandStatus::EsmeRok } else { CommandStatus::EsmeRxTAppn };
            let sending = Sending { pdu: respond(status), stage: Arc::default(), until: Duration::MAX };
            // Without this connection it comes again.
            let _ = out.send(sending);
            drop(place);
        });
        let _ = self.hand.send(Inbound { what, acknowledge });
        None
    }
}

/// The next PDU. Safe to be given up: what was read is kept in `received`.
async fn next(reader: &mut Reader, received: &mut BytesMut) -> Result<Frame, Ended> {
    loop {
        if let Some(frame) = take(received)? {
            return Ok(frame);
        }
        received.reserve(PDU_BYTES_MAX);
        if reader.read_buf(received).await? == 0 {
            return Err(Ended::Closed);
        }
    }
}
