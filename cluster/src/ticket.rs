//! A ticket: where a caller waits for the reply to its command, and where it can be seen whether the
//! command may have happened.

use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, Waker};

use mpss_domain::Reply;
use parking_lot::Mutex;

use crate::replica::ProposeError;

type Outcome = Result<Reply, ProposeError>;

/// One command's ticket.
pub(crate) struct Ticket {
    place: Mutex<Place>,
}

enum Place {
    /// Nothing happened so far.
    Queued(Option<Waker>),
    /// It may have happened from here on.
    Submitted(Option<Waker>),
    Done(Option<Outcome>),
    /// The caller left while nothing had happened; nothing will.
    Abandoned,
}

impl Ticket {
    /// A ticket and what waits for it.
    pub(crate) fn issue() -> (Arc<Self>, Waiting) {
        let ticket = Arc::new(Self { place: Mutex::new(Place::Queued(None)) });
        (ticket.clone(), Waiting { ticket })
    }

    /// Marks the command as submitted; false when its caller has left or was answered.
    pub(crate) fn submit(&self) -> bool {
        let mut place = self.place.lock();
        match &mut *place {
            Place::Queued(waker) => {
                *place = Place::Submitted(waker.take());
                true
            }
            Place::Submitted(_) | Place::Done(_) | Place::Abandoned => false,
        }
    }

    /// The command was not taken after all: nothing happened.
    pub(crate) fn put_back(&self) {
        let mut place = self.place.lock();
        if let Place::Submitted(waker) = &mut *place {
            *place = Place::Queued(waker.take());
        }
    }

    /// Answers the caller; only the first answer counts.
    pub(crate) fn finish(&self, outcome: Outcome) {
        let waker = {
            let mut place = self.place.lock();
            match &mut *place {
                Place::Queued(waker) | Place::Submitted(waker) => {
                    let waker = waker.take();
                    *place = Place::Done(Some(outcome));
                    waker
                }
                Place::Done(_) | Place::Abandoned => None,
            }
        };
        if let Some(waker) = waker {
            waker.wake();
        }
    }
}

/// Waits for a ticket's answer. Dropped early, the command is withdrawn when nothing has happened yet.
pub(crate) struct Waiting {
    ticket: Arc<Ticket>,
}

impl Future for Waiting {
    type Output = Outcome;

    fn poll(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Outcome> {
        let mut place = self.ticket.place.lock();
        match &mut *place {
            Place::Queued(waker) | Place::Submitted(waker) => {
                if waker.as_ref().is_none_or(|waker| !waker.will_wake(context.waker())) {
                    *waker = Some(context.waker().clone());
                }
                Poll::Pending
            }
            // Polled again after its end; what is true is that nobody knows any more.
            Place::Done(outcome) => Poll::Ready(outcome.take().unwrap_or(Err(ProposeError::Unknown))),
            Place::Abandoned => Poll::Ready(Err(ProposeError::Unavailable)),
        }
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let mut place = self.ticket.place.lock();
        if matches!(*place, Place::Queued(_)) {
            *place = Place::Abandoned;
        }
    }
}

#[cfg(test)]
mod tests {
    use futures::FutureExt;

    use super::*;

    #[test]
    fn a_caller_that_leaves_early_withdraws_its_command() {
        let (ticket, waiting) = Ticket::issue();
        drop(waiting);
        assert!(!ticket.submit());
    }

    #[test]
    fn a_command_that_came_back_may_be_withdrawn_again() {
        let (ticket, waiting) = Ticket::issue();
        assert!(ticket.submit() && !ticket.submit());
        ticket.put_back();
        drop(waiting);
        assert!(!ticket.submit());
    }

    #[test]
    fn the_first_answer_counts() {
        let (ticket, waiting) = Ticket::issue();
        assert!(ticket.submit());
        ticket.finish(Err(ProposeError::Unknown));
        ticket.finish(Err(ProposeError::Unavailable));
        assert_eq!(waiting.now_or_never(), Some(Err(ProposeError::Unknown)));
    }
}
