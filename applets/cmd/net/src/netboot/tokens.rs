//! Tokens with which machines join: one for all, or a new one for each. Those are made, watched and
//! deleted by one child of ours (`token keep`), whatever their number.

use std::io::{BufRead, BufReader, Write};
use std::net::Ipv4Addr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Stdio};
use std::sync::{Arc, Condvar, Mutex, PoisonError};
use std::thread;
use std::time::{Duration, Instant};

use format::pxe;
use kit::calls::NETBOOT_TOKEN;
use kit::{Context, Error, Result};

use super::pool::Mac;

/// Life of a machine's token, and the word for it.
const TTL: Duration = Duration::from_mins(10);
const TTL_WORD: &str = "10m";
/// Time in which the same is handed out when the machine asks again: what it gets has half of its life before it at least.
const AGAIN: Duration = Duration::from_mins(5);
/// The most tokens that are out at a time, and those of machines at one address.
const MOST: usize = 256;
const EACH: usize = 8;
/// Time that the cluster has for making one and signing its description with it.
const MAKE_TIMEOUT: Duration = Duration::from_secs(45);

/// Source of tokens.
#[derive(Debug)]
pub struct Tokens(Source);

#[derive(Debug)]
enum Source {
    None,
    One(String),
    Each(Arc<Keeper>),
}

/// The child and what it was asked for.
#[derive(Debug)]
struct Keeper {
    kubeconfig: PathBuf,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug, Default)]
struct State {
    /// Input of the child for orders; none while there is no child.
    orders: Option<ChildStdin>,
    /// Number of the next order.
    next: u64,
    made: Vec<Made>,
}

/// A token of a machine.
#[derive(Debug)]
struct Made {
    number: u64,
    mac: Mac,
    from: Ipv4Addr,
    at: Instant,
    /// None while it is being made.
    key: Option<Result<String, String>>,
}

impl Tokens {
    /// Machines don't join.
    pub const fn none() -> Self {
        Self(Source::None)
    }

    /// All join with this one.
    pub fn one(api: &str, token: &str, ca: &str) -> Result<Self> {
        let key = format!("{api},token={token},ca={ca}");
        if key.bytes().all(|b| b.is_ascii_graphic() && !b"\"\\".contains(&b)) && key.matches(',').count() == 2 {
            Ok(Self(Source::One(key)))
        } else {
            Err(Error::usage("--api, --token and --ca are one word each, without commas and quotes"))
        }
    }

    /// Each has its own, made with a kubeconfig.
    pub fn each(kubeconfig: &Path) -> Result<Self> {
        std::fs::metadata(kubeconfig).on("look at", kubeconfig)?;
        let keeper = Keeper { kubeconfig: kubeconfig.to_owned(), state: Mutex::default(), changed: Condvar::new() };
        Ok(Self(Source::Each(Arc::new(keeper))))
    }

    /// Tell if there are any.
    pub const fn exist(&self) -> bool {
        !matches!(self.0, Source::None)
    }

    /// Tell if each machine gets its own: strangers must not be able to use them up.
    pub const fn are_made(&self) -> bool {
        matches!(self.0, Source::Each(_))
    }

    /// The value of the key `join` for a machine that asks from an address.
    pub fn key(&self, mac: Mac, from: Ipv4Addr) -> Result<Option<String>> {
        match &self.0 {
            Source::None => Ok(None),
            Source::One(key) => Ok(Some(key.clone())),
            Source::Each(keeper) => keeper.key(mac, from).map(Some),
        }
    }
}

impl State {
    /// The number of the machine's order that is still good.
    fn again(&self, mac: Mac) -> Option<u64> {
        let good = |made: &&Made| made.mac == mac && made.at.elapsed() < AGAIN;
        self.made.iter().find(good).map(|made| made.number)
    }

    /// Note an order, if there may be one more.
    fn order(&mut self, mac: Mac, from: Ipv4Addr) -> Result<u64> {
        // A child that ended has told no more of its tokens.
        self.made.retain(|made| made.at.elapsed() < TTL);
        if self.made.iter().filter(|made| made.from == from).count() >= EACH {
            return Err(Error::new(format!("{EACH} tokens are out already for machines at {from}")));
        }
        if self.made.len() >= MOST {
            return Err(Error::new(format!("{MOST} tokens are out already")));
        }
        let number = self.next;
        self.next += 1;
        self.made.push(Made { number, mac, from, at: Instant::now(), key: None });
        Ok(number)
    }

    /// Handles a line of the child: `made N KEY`, `failed N WHY`, `gone N`.
    fn heard(&mut self, line: &str) {
        let mut words = line.splitn(3, ' ');
        let (word, number) = (words.next(), words.next().and_then(|number| number.parse::<u64>().ok()));
        let rest = words.next().unwrap_or_default().to_owned();
        let Some(number) = number else { return };
        if word == Some("gone") {
            self.made.retain(|made| made.number != number);
        } else if let Some(made) = self.made.iter_mut().find(|made| made.number == number) {
            made.key = Some(if word == Some("made") { Ok(rest) } else { Err(rest) });
        }
    }
}

impl Keeper {
    fn key(self: &Arc<Self>, mac: Mac, from: Ipv4Addr) -> Result<String> {
        let end = Instant::now() + MAKE_TIMEOUT;
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let number = if let Some(number) = state.again(mac) {
            number
        } else {
            let number = state.order(mac, from)?;
            let line = format!("{number} kutties netboot: {}\n", pxe::mac(mac));
            if let Err(e) = self.tell(&mut state, &line) {
                state.made.retain(|made| made.number != number);
                return Err(e);
            }
            number
        };
        // Others are not kept waiting while the cluster makes it.
        loop {
            let found = state.made.iter().find(|made| made.number == number).map(|made| made.key.clone());
            match found {
                Some(Some(Ok(key))) => return Ok(key),
                Some(Some(Err(why))) => {
                    state.made.retain(|made| made.number != number);
                    return Err(Error::new(format!("make a token: {why}")));
                }
                None => return Err(Error::new("make a token: it could not be made")),
                Some(None) => {}
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(Error::new("make a token: the cluster takes too long"));
            }
            state = self.changed.wait_timeout(state, left).unwrap_or_else(PoisonError::into_inner).0;
        }
    }

    /// Give the child an order. It is started with the first one, and again when it has ended.
    fn tell(self: &Arc<Self>, state: &mut State, line: &str) -> Result<()> {
        if state.orders.is_none() {
            state.orders = Some(self.start()?);
        }
        let Some(orders) = &mut state.orders else { return Ok(()) };
        let told = orders.write_all(line.as_bytes()).doing("make a token");
        if told.is_err() {
            state.orders = None;
        }
        told
    }

    fn start(self: &Arc<Self>) -> Result<ChildStdin> {
        let mut command = NETBOOT_TOKEN.command();
        command.args(["keep", "--ttl", TTL_WORD, "--kubeconfig"]).arg(&self.kubeconfig);
        command.stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.spawn().doing("start token")?;
        let orders = child.stdin.take().ok_or_else(|| Error::new("start token: it has no pipe"))?;
        let keeper = Arc::clone(self);
        thread::Builder::new().spawn(move || keeper.listen(child)).doing("start token")?;
        Ok(orders)
    }

    /// Hear the child until it ends.
    fn listen(&self, mut child: Child) {
        let lines = child.stdout.take().map(|out| BufReader::new(out).lines());
        for line in lines.into_iter().flatten() {
            let Ok(line) = line else { break };
            self.state.lock().unwrap_or_else(PoisonError::into_inner).heard(&line);
            self.changed.notify_all();
        }
        let _ = child.kill();
        let _ = child.wait();
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.orders = None;
        state.made.retain(|made| made.key.is_some());
        drop(state);
        self.changed.notify_all();
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    fn mac(n: usize) -> Mac {
        let [.., a, b] = n.to_be_bytes();
        [2, 0, 0, 0, a, b]
    }

    fn address(n: usize) -> Ipv4Addr {
        let [.., a, b] = n.to_be_bytes();
        Ipv4Addr::new(10, 0, a, b)
    }

    #[test]
    fn one_address_can_not_use_them_up() {
        let mut state = State::default();
        let orders = (0..1000).filter_map(|n| state.order(mac(n), address(1)).ok()).count();
        assert_eq!(orders, EACH);
        assert!(state.order(mac(1000), address(2)).is_ok());
        let others = (0..1000).filter_map(|n| state.order(mac(2000 + n), address(10 + n)).ok()).count();
        assert_eq!(others, MOST - EACH - 1);
        assert!(state.order(mac(1), address(5000)).unwrap_err().to_string().contains("256 tokens"));
        state.heard("gone 3");
        assert!(state.order(mac(1), address(1)).is_ok(), "one was used");
    }

    #[test]
    fn what_the_child_says_is_heard() {
        let mut state = State::default();
        let (one, two) = (state.order(mac(1), address(1)).unwrap(), state.order(mac(2), address(1)).unwrap());
        assert_eq!((state.again(mac(1)), state.again(mac(3))), (Some(one), None));
        for line in ["made", "made x y", "", "made 77 k", &format!("made {one} h:1,token=t,ca=c")] {
            state.heard(line);
        }
        assert_eq!(state.made[0].key, Some(Ok("h:1,token=t,ca=c".to_owned())));
        state.heard(&format!("failed {two} ask the cluster: no"));
        assert_eq!(state.made[1].key, Some(Err("ask the cluster: no".to_owned())));
        state.heard(&format!("gone {one}"));
        assert_eq!((state.again(mac(1)), state.made.len()), (None, 1));
    }
}
