//! Traffic counters of the links in network namespaces.

use std::fs::{self, File};
use std::os::fd::AsFd;
use std::path::{Path, PathBuf};
use std::thread;

use kit::{Context, Error, Result};
use rustix::thread::{LinkNameSpaceType, move_into_link_name_space};

/// A link's counters since it was made.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name.
    pub name: String,
    /// Bytes received.
    pub rx_bytes: u64,
    /// Errors at receiving.
    pub rx_errors: u64,
    /// Bytes sent.
    pub tx_bytes: u64,
    /// Errors at sending.
    pub tx_errors: u64,
}

/// The links, without `lo`, of each of the namespaces that are bound at these files. One that can't be entered any more has none.
/// Blocks: the kernel shows a namespace's counters to who is in it alone, so a thread goes there that ends afterwards and never
/// comes back to other work.
pub fn links(namespaces: Vec<PathBuf>) -> Result<Vec<Vec<Link>>> {
    let visit = move || namespaces.iter().map(|file| of(file).unwrap_or_default()).collect();
    let visitor = thread::Builder::new().name("netns".into()).spawn(visit).doing("start a thread")?;
    visitor.join().map_err(|_| Error::new("the look into the pods' networks broke off"))
}

fn of(namespace: &Path) -> Result<Vec<Link>> {
    let file = File::open(namespace).on("open", namespace)?;
    move_into_link_name_space(file.as_fd(), Some(LinkNameSpaceType::Network)).on("enter", namespace)?;
    Ok(parse(&fs::read_to_string("/proc/thread-self/net/dev").doing("read the links' counters")?))
}

/// proc_net(5): two lines of titles; then a name, eight numbers of what was received, and eight of what was sent.
fn parse(text: &str) -> Vec<Link> {
    let links = text.lines().filter_map(|line| {
        let (name, numbers) = line.split_once(':')?;
        let numbers: Vec<u64> = numbers.split_whitespace().map_while(|number| number.parse().ok()).collect();
        let at = |index: usize| numbers.get(index).copied();
        Some(Link { name: name.trim().to_owned(), rx_bytes: at(0)?, rx_errors: at(2)?, tx_bytes: at(8)?, tx_errors: at(10)? })
    });
    links.filter(|link| link.name != "lo").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counters_are_read_by_their_columns() {
        let text = "Inter-|   Receive                                                |  Transmit\n \
                    face |bytes    packets errs drop fifo frame compressed multicast|bytes    packets errs drop fifo colls carrier compressed\n    \
                    lo:    5       1    0    0    0     0          0         0        5       1    0    0    0     0       0          0\n  \
                    eth0: 1500      12    3    0    0     0          0         0      900      11    4    0    0     0       0          0\n";
        let link = Link { name: "eth0".into(), rx_bytes: 1500, rx_errors: 3, tx_bytes: 900, tx_errors: 4 };
        assert_eq!(parse(text), [link]);
        assert_eq!(parse("eth0: 1 2 3\nnonsense\n"), []);
    }
}
