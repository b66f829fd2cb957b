//! `GetContainerEvents`' listeners: each has a queue of its own, and one that does not read is cut off instead of being waited for.

use std::pin::Pin;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll};

use kit::clock::now;
use tokio::sync::mpsc::error::TrySendError;
use tokio::sync::mpsc::{self, Receiver, Sender};
use tonic::Status;
use tonic::codegen::tokio_stream::Stream;

use crate::store::{Container, Sandbox, container_status, sandbox_status};
use cri_api::{ContainerEventResponse, ContainerEventType};

/// Events that a listener may fall behind. A hundred pods that end at once are some hundreds of events.
const QUEUE: usize = 1024;

/// All listeners.
#[derive(Default)]
pub struct Events(Mutex<Vec<Sink>>);

struct Sink {
    queue: Sender<ContainerEventResponse>,
    late: Arc<AtomicBool>,
}

/// Events for a listener; the stream ends with an error when the listener was too slow.
pub struct Listener {
    queue: Receiver<ContainerEventResponse>,
    late: Arc<AtomicBool>,
}

impl Events {
    /// Hear all from now on.
    pub fn listen(&self) -> Listener {
        let (sender, queue) = mpsc::channel(QUEUE);
        let late = Arc::new(AtomicBool::new(false));
        let mut sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sinks.retain(|sink| !sink.queue.is_closed());
        sinks.push(Sink { queue: sender, late: late.clone() });
        Listener { queue, late }
    }

    /// Tell what happened to the container of that id, or to the sandbox itself by its own id. `pod` answers the sandbox with its
    /// containers; nobody asks for it when nobody listens.
    pub fn tell(&self, kind: ContainerEventType, id: &str, pod: impl FnOnce() -> (Option<Arc<Sandbox>>, Vec<Arc<Container>>)) {
        let mut sinks = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if sinks.is_empty() {
            return;
        }
        let (sandbox, containers) = pod();
        let event = ContainerEventResponse {
            container_id: id.to_owned(),
            container_event_type: kind.into(),
            created_at: now(),
            pod_sandbox_status: sandbox.map(|sandbox| sandbox_status(&sandbox)),
            containers_statuses: containers.iter().map(|container| container_status(container)).collect(),
        };
        sinks.retain(|sink| match sink.queue.try_send(event.clone()) {
            Ok(()) => true,
            Err(TrySendError::Closed(_)) => false,
            Err(TrySendError::Full(_)) => {
                sink.late.store(true, Ordering::Release);
                false
            }
        });
    }
}

impl Stream for Listener {
    type Item = Result<ContainerEventResponse, Status>;

    fn poll_next(mut self: Pin<&mut Self>, waker: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        self.queue.poll_recv(waker).map(|event| match event {
            Some(event) => Some(Ok(event)),
            // Said once; then the stream has ended.
            None if self.late.swap(false, Ordering::AcqRel) => {
                Some(Err(Status::resource_exhausted(format!("the listener fell behind by {QUEUE} events"))))
            }
            None => None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::task::Waker;

    use super::*;

    /// Event that the listener gets next.
    fn next(listener: &mut Listener) -> Poll<Option<Result<ContainerEventResponse, Status>>> {
        Pin::new(listener).poll_next(&mut Context::from_waker(Waker::noop()))
    }

    fn hears(listener: &mut Listener, id: &str) -> bool {
        matches!(next(listener), Poll::Ready(Some(Ok(event))) if event.container_id == id)
    }

    fn tell(events: &Events, id: &str) {
        events.tell(ContainerEventType::ContainerStartedEvent, id, || (None, Vec::new()));
    }

    #[test]
    fn every_listener_hears_what_comes_after_it() {
        let events = Events::default();
        let mut first = events.listen();
        tell(&events, "a");
        let mut second = events.listen();
        tell(&events, "b");
        assert!(hears(&mut first, "a") && hears(&mut first, "b") && next(&mut first).is_pending());
        assert!(hears(&mut second, "b") && next(&mut second).is_pending());
    }

    #[test]
    fn a_listener_that_does_not_read_is_told_so_and_holds_up_nobody() {
        let events = Events::default();
        let mut slow = events.listen();
        for _ in 0..=QUEUE {
            tell(&events, "x");
        }
        for _ in 0..QUEUE {
            assert!(hears(&mut slow, "x"));
        }
        assert!(matches!(next(&mut slow), Poll::Ready(Some(Err(status))) if status.code() == tonic::Code::ResourceExhausted));
        assert!(matches!(next(&mut slow), Poll::Ready(None)));
        assert!(events.0.lock().is_ok_and(|sinks| sinks.is_empty()));
    }
}
