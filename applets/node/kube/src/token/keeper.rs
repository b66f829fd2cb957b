//! Many tokens at a time: made as they are asked for, watched together, deleted once they were used.

use std::collections::BTreeSet;
use std::io::{self, Write};
use std::sync::mpsc::{self, Receiver, RecvTimeoutError};
use std::time::{Duration, Instant, SystemTime};

use kit::{Context, Result};

use super::{LOOK, SECRETS, SIGNED_TIMEOUT, all_used, delete, expect, join_key, secret, signatures, unsigned};
use crate::api::Api;
use crate::discovery::Token;
use crate::http;
use crate::kubeconfig::Kubeconfig;

/// Delay between two looks for signatures.
const SIGN_DELAY: Duration = Duration::from_millis(500);
/// The most tokens at a time, whoever asks.
const MOST: usize = 1024;

/// Requests to a cluster. Passing errors are told by [`http::is_passing`].
trait Cluster {
    fn make(&self, token: &Token, description: &str) -> Result<()>;
    fn signed(&self) -> Result<BTreeSet<String>>;
    fn used(&self) -> Result<BTreeSet<String>>;
    fn delete(&self, token: &Token) -> Result<()>;
    /// The value of the key `join`.
    fn key(&self, token: &Token) -> Result<String>;
    /// Returns the message for a token whose signature does not come.
    fn unsigned(&self) -> String;
}

struct Real {
    config: Kubeconfig,
    api: Api,
    ttl: Duration,
}

impl Cluster for Real {
    fn make(&self, token: &Token, description: &str) -> Result<()> {
        let document = secret::document(token, SystemTime::now() + self.ttl, description);
        let answer = self.api.post(SECRETS, &document)?;
        expect(&answer, 201, &format!("make a token at {}", self.api.endpoint))
    }

    fn signed(&self) -> Result<BTreeSet<String>> {
        signatures(&self.api)
    }

    fn used(&self) -> Result<BTreeSet<String>> {
        all_used(&self.api)
    }

    fn delete(&self, token: &Token) -> Result<()> {
        delete(&self.api, &token.id)
    }

    fn key(&self, token: &Token) -> Result<String> {
        join_key(&self.config, &format!("{}.{}", token.id, token.secret))
    }

    fn unsigned(&self) -> String {
        unsigned(&self.api.endpoint).to_string()
    }
}

/// A token that is out.
struct Kept {
    number: u64,
    token: Token,
    made: Instant,
    /// Its signature came, and its key was told.
    told: bool,
}

/// All tokens, and what is told of them.
struct Keeper<C, W> {
    cluster: C,
    out: W,
    ttl: Duration,
    kept: Vec<Kept>,
}

/// Make tokens for the lines of standard input and watch over them, until it has ended and none is left.
pub(super) fn keep(config: Kubeconfig, api: Api, ttl: Duration) -> Result<()> {
    let (tell, told) = mpsc::channel();
    let reads = std::thread::Builder::new().spawn(move || {
        // A line that is no text ends it as its end does.
        io::stdin().lines().map_while(io::Result::ok).try_for_each(|line| tell.send(line))
    });
    reads.doing("read orders")?;
    Keeper { cluster: Real { config, api, ttl }, out: io::stdout(), ttl, kept: Vec::new() }.run(&told)
}

impl<C: Cluster, W: Write> Keeper<C, W> {
    fn run(&mut self, orders: &Receiver<String>) -> Result<()> {
        let mut looked = Instant::now();
        let mut open = true;
        while open || !self.kept.is_empty() {
            let delay = if self.kept.iter().any(|kept| !kept.told) { SIGN_DELAY } else { LOOK };
            if open {
                match orders.recv_timeout(delay) {
                    Ok(line) => self.order(&line)?,
                    Err(RecvTimeoutError::Timeout) => {}
                    Err(RecvTimeoutError::Disconnected) => open = false,
                }
                // All that have come are made before the cluster is asked of any.
                while let Ok(line) = orders.try_recv() {
                    self.order(&line)?;
                }
            } else {
                std::thread::sleep(delay);
            }
            self.look_for_signatures(Instant::now())?;
            if looked.elapsed() >= LOOK {
                looked = Instant::now();
                self.look_for_use(looked)?;
            }
        }
        Ok(())
    }

    fn say(&mut self, line: &str) -> Result<()> {
        // A sentence of several lines would be taken for several.
        let line = line.replace('\n', " ");
        writeln!(self.out, "{line}").and_then(|()| self.out.flush()).doing("tell of a token")
    }

    /// `NUMBER DESCRIPTION`
    fn order(&mut self, line: &str) -> Result<()> {
        let (number, description) = line.split_once(' ').unwrap_or((line, ""));
        let Ok(number) = number.parse() else { return Ok(()) };
        if self.kept.len() >= MOST {
            return self.say(&format!("failed {number} {MOST} tokens are out already"));
        }
        let made = secret::random().and_then(|token| self.cluster.make(&token, description).map(|()| token));
        match made {
            Ok(token) => self.kept.push(Kept { number, token, made: Instant::now(), told: false }),
            Err(e) => self.say(&format!("failed {number} {e}"))?,
        }
        Ok(())
    }

    /// Tell the keys of those that nodes can join with: one question, whatever their number.
    fn look_for_signatures(&mut self, now: Instant) -> Result<()> {
        if self.kept.iter().all(|kept| kept.told) {
            return Ok(());
        }
        let signed = self.cluster.signed();
        let why = match &signed {
            Err(e) if !http::is_passing(e) => Some(e.to_string()),
            _ => None,
        };
        let signed = signed.unwrap_or_default();
        let mut kept = std::mem::take(&mut self.kept);
        let mut lines = Vec::new();
        kept.retain_mut(|kept| {
            let late = now.saturating_duration_since(kept.made) >= SIGNED_TIMEOUT;
            let failed = if kept.told {
                None
            } else if signed.contains(&kept.token.id) {
                kept.told = true;
                let key = self.cluster.key(&kept.token);
                key.map(|key| lines.push(format!("made {} {key}", kept.number))).err().map(|e| e.to_string())
            } else {
                why.clone().or_else(|| late.then(|| self.cluster.unsigned()))
            };
            if let Some(why) = &failed {
                lines.push(format!("failed {} {why}", kept.number));
                // Nobody has it. When it can't be deleted either, its end comes by itself.
                let _ = self.cluster.delete(&kept.token);
            }
            failed.is_none()
        });
        self.kept = kept;
        lines.iter().try_for_each(|line| self.say(line))
    }

    /// Delete those that were used, or whose time is over: one list, whatever their number.
    fn look_for_use(&mut self, now: Instant) -> Result<()> {
        if self.kept.iter().all(|kept| !kept.told) {
            return Ok(());
        }
        // A failed request is repeated the next time, or the cluster's own end of the tokens comes.
        let used = self.cluster.used().unwrap_or_default();
        let mut lines = Vec::new();
        self.kept.retain(|kept| {
            let over = now.saturating_duration_since(kept.made) >= self.ttl;
            let gone = over || (used.contains(&kept.token.id) && self.cluster.delete(&kept.token).is_ok());
            if over {
                // The cluster deletes it, too.
                let _ = self.cluster.delete(&kept.token);
            }
            if gone {
                lines.push(format!("gone {}", kept.number));
            }
            !gone
        });
        lines.iter().try_for_each(|line| self.say(line))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use std::cell::{Cell, RefCell};

    use kit::Error;

    use super::*;

    #[derive(Default)]
    struct Fake {
        made: RefCell<Vec<String>>,
        signs: Cell<bool>,
        broken: Cell<bool>,
        used: RefCell<BTreeSet<String>>,
        deleted: RefCell<BTreeSet<String>>,
        questions: Cell<usize>,
    }

    impl Cluster for &Fake {
        fn make(&self, token: &Token, description: &str) -> Result<()> {
            if description.contains("no") {
                return Err(Error::new("make a token: forbidden"));
            }
            self.made.borrow_mut().push(token.id.clone());
            Ok(())
        }

        fn signed(&self) -> Result<BTreeSet<String>> {
            self.questions.set(self.questions.get() + 1);
            if self.broken.get() {
                return Err(Error::new("it has no cluster-info"));
            }
            Ok(if self.signs.get() { self.made.borrow().iter().cloned().collect() } else { BTreeSet::new() })
        }

        fn used(&self) -> Result<BTreeSet<String>> {
            self.questions.set(self.questions.get() + 1);
            Ok(self.used.borrow().clone())
        }

        fn delete(&self, token: &Token) -> Result<()> {
            self.deleted.borrow_mut().insert(token.id.clone());
            Ok(())
        }

        fn key(&self, token: &Token) -> Result<String> {
            Ok(format!("key-{}", token.id))
        }

        fn unsigned(&self) -> String {
            "not signed".into()
        }
    }

    fn keeper(fake: &Fake) -> Keeper<&Fake, Vec<u8>> {
        Keeper { cluster: fake, out: Vec::new(), ttl: Duration::from_mins(10), kept: Vec::new() }
    }

    fn said(keeper: &mut Keeper<&Fake, Vec<u8>>) -> Vec<String> {
        let bytes = std::mem::take(&mut keeper.out);
        String::from_utf8(bytes).unwrap().lines().map(str::to_owned).collect()
    }

    #[test]
    fn hundreds_cost_one_question_at_a_time() {
        let fake = Fake::default();
        let mut keeper = keeper(&fake);
        for number in 0..300 {
            keeper.order(&format!("{number} kutties netboot: x")).unwrap();
        }
        fake.signs.set(true);
        let now = Instant::now();
        keeper.look_for_signatures(now).unwrap();
        let lines = said(&mut keeper);
        assert_eq!((lines.len(), fake.questions.get()), (300, 1));
        let first = fake.made.borrow()[0].clone();
        assert_eq!(lines[0], format!("made 0 key-{first}"));
        fake.used.borrow_mut().insert(first.clone());
        keeper.look_for_use(now).unwrap();
        assert_eq!((said(&mut keeper), fake.questions.get()), (vec!["gone 0".to_owned()], 2));
        assert!(fake.deleted.borrow().contains(&first) && keeper.kept.len() == 299);
        keeper.look_for_use(now + Duration::from_mins(10)).unwrap();
        assert_eq!((said(&mut keeper).len(), keeper.kept.len(), fake.deleted.borrow().len()), (299, 0, 300));
    }

    #[test]
    fn what_fails_is_told_and_leaves_nothing() {
        let fake = Fake::default();
        let mut keeper = keeper(&fake);
        for line in ["5 no", "6 yes", "nonsense", "", "7"] {
            keeper.order(line).unwrap();
        }
        assert_eq!(said(&mut keeper), ["failed 5 make a token: forbidden"]);
        let now = Instant::now();
        keeper.look_for_signatures(now).unwrap();
        assert!(said(&mut keeper).is_empty() && keeper.kept.len() == 2, "it waits");
        keeper.look_for_signatures(now + SIGNED_TIMEOUT * 2).unwrap();
        assert_eq!(said(&mut keeper), ["failed 6 not signed", "failed 7 not signed"]);
        assert!(keeper.kept.is_empty() && fake.deleted.borrow().len() == 2);
        keeper.order("8 yes").unwrap();
        fake.broken.set(true);
        keeper.look_for_signatures(now).unwrap();
        assert_eq!(said(&mut keeper), ["failed 8 it has no cluster-info"]);
    }

    #[test]
    fn it_ends_when_there_is_nothing_to_watch() {
        let fake = Fake::default();
        let (tell, told) = mpsc::channel::<String>();
        drop(tell);
        keeper(&fake).run(&told).unwrap();
        assert_eq!(fake.questions.get(), 0);
    }
}
