//! URLs of streams: where the server is, and what was promised.

use std::net::{Ipv4Addr, SocketAddr};

use kit::{Context, Error, Kind, Result};

use super::token::{Order, Tokens};

/// Address of the streaming server, and the orders that wait for their client.
pub struct Streaming {
    address: SocketAddr,
    tokens: Tokens,
}

impl Streaming {
    /// Listen at a port that the kernel picks.
    pub fn listen() -> Result<(Self, std::net::TcpListener)> {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).doing("listen for streams")?;
        listener.set_nonblocking(true).doing("listen for streams")?;
        let address = listener.local_addr().doing("listen for streams")?;
        Ok((Self { address, tokens: Tokens::default() }, listener))
    }

    /// A URL that is good for one visit within a minute.
    pub fn url(&self, order: Order) -> Result<String> {
        let kind = kind(&order);
        match self.tokens.promise(order)? {
            Some(token) => Ok(format!("http://{}/{kind}/{token}", self.address)),
            None => Err(Error::of(Kind::Exhausted, "too many streams were asked for and not begun")),
        }
    }

    /// Keep the promise of a token; none when it is not good, or not for what the URL's path says.
    pub fn redeem(&self, token: &str, wanted: &str) -> Option<Order> {
        self.tokens.redeem(token).filter(|order| kind(order) == wanted)
    }
}

/// First part of the URL's path.
fn kind(order: &Order) -> &'static str {
    match order {
        Order::Exec { .. } => "exec",
        Order::Attach { .. } => "attach",
        Order::Forward { .. } => "portforward",
    }
}
