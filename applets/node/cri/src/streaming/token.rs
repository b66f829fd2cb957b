//! Tokens of streaming URLs: each is good for one request and one minute.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use kit::Result;

use crate::step::{Step, reached};

/// Lifetime of a token, as in containerd and CRI-O.
const LIFE: Duration = Duration::from_mins(1);
/// Limit of tokens at once; the same.
const LIMIT: usize = 1000;

/// Request that a token stands for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Order {
    /// A process in a container.
    Exec {
        /// The container's id.
        container: String,
        /// The program and its arguments.
        command: Vec<String>,
        /// Its streams.
        streams: Streams,
    },
    /// A container's own process.
    Attach {
        /// The container's id.
        container: String,
        /// Its streams.
        streams: Streams,
    },
    /// Ports of a pod.
    Forward {
        /// The sandbox's id.
        sandbox: String,
        /// For clients that can't name them later.
        ports: Vec<u16>,
    },
}

/// Streams of a process that the client asks for.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Streams {
    /// Its input.
    pub stdin: bool,
    /// Its output.
    pub stdout: bool,
    /// Its other output.
    pub stderr: bool,
    /// It has a terminal.
    pub tty: bool,
}

/// The promises that hold.
#[derive(Debug, Default)]
pub struct Tokens(Mutex<HashMap<String, (Instant, Order)>>);

impl Tokens {
    /// Promise something: the token, or none when too much is promised already.
    pub fn promise(&self, order: Order) -> Result<Option<String>> {
        let token = crate::id::new_id()?;
        let now = Instant::now();
        let mut tokens = self.lock();
        tokens.retain(|_, (due, _)| *due > now);
        if tokens.len() >= LIMIT {
            return Ok(None);
        }
        tokens.insert(token.clone(), (now + LIFE, order));
        reached(Step::UrlPromised);
        Ok(Some(token))
    }

    /// Keep a promise: it holds no longer.
    pub fn redeem(&self, token: &str) -> Option<Order> {
        let (due, order) = self.lock().remove(token)?;
        (due > Instant::now()).then_some(order)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<String, (Instant, Order)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn order(n: u16) -> Order {
        Order::Forward { sandbox: "s".into(), ports: vec![n] }
    }

    #[test]
    fn a_promise_is_kept_once() {
        let tokens = Tokens::default();
        let (one, two) = (tokens.promise(order(1)).unwrap().unwrap(), tokens.promise(order(2)).unwrap().unwrap());
        assert!(one != two && one.len() == 64);
        assert_eq!(tokens.redeem(&two), Some(order(2)));
        assert_eq!(tokens.redeem(&two), None);
        assert_eq!(tokens.redeem("guess"), None);
        assert_eq!(tokens.redeem(&one), Some(order(1)));
    }

    #[test]
    fn an_old_promise_is_none_and_leaves_room() {
        let tokens = Tokens::default();
        let old = tokens.promise(order(1)).unwrap().unwrap();
        tokens.lock().get_mut(&old).unwrap().0 = Instant::now();
        assert_eq!(tokens.redeem(&old), None);
        for n in 0..LIMIT {
            assert!(tokens.promise(order(n as u16)).unwrap().is_some());
        }
        assert_eq!(tokens.promise(order(0)).unwrap(), None);
        for (due, _) in tokens.lock().values_mut() {
            *due = Instant::now();
        }
        assert!(tokens.promise(order(0)).unwrap().is_some());
    }
}
