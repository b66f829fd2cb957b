//! Links, addresses, routes, neighbours and nf_tables over netlink: synchronous, one socket, no threads of its own.
//!
//! Everything is named by the link's name, because that is what people and configuration files say; errors name it too
//! (`add address 10.0.0.2/24 to eth0: file exists`). "Add" complains when the thing is there, "replace" and "ensure" do not;
//! "delete" answers whether it was there.

mod address;
mod cidr;
pub mod conntrack;
mod link;
mod link_change;
mod neighbour;
mod netns;
pub mod nft;
mod route;
mod rule;
mod socket;
mod sockets;
mod wire;

pub use address::{Address, Lifetime};
pub use cidr::{Cidr, after};
pub use link::{Link, OperState};
pub use link_change::{Bond, Kind, NewLink};
pub use neighbour::Neighbour;
pub use netns::within;
pub use route::{Hop, Route, Scope};
pub use rule::Rule;
pub use socket::Netlink;
pub use sockets::{InternetSocket, UnixSocket};

/// Address family numbers as messages carry them.
mod family {
    pub const UNSPEC: u8 = 0;
    /// Both, in nf_tables.
    pub const INET: u8 = 1;
    pub const V4: u8 = 2;
    pub const BRIDGE: u8 = 7;
    pub const V6: u8 = 10;

    /// An address's family.
    pub const fn of(addr: std::net::IpAddr) -> u8 {
        match addr {
            std::net::IpAddr::V4(_) => V4,
            std::net::IpAddr::V6(_) => V6,
        }
    }
}
