//! Connections: who comes in, and what a client may ask for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kit::Result;
use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId, Disconnect, MethodKind, MethodSet, Pty};
use rustix::net::{Shutdown, shutdown};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{oneshot, watch};
use tokio::time::{Instant, sleep, timeout, timeout_at};

use super::keys::fingerprint;
use super::lobby::{Lobby, Place};
use super::session;

/// Sessions that one connection may have.
const SESSIONS: usize = 8;
/// Time from a connection's start to a proof of who the client is.
const LOGIN_TIMEOUT: Duration = Duration::from_secs(30);
/// Time that a client has to take the message that ends its connection.
const FAREWELL_TIMEOUT: Duration = Duration::from_secs(2);
/// Time to wait when there are no descriptors for another connection.
const ACCEPT_DELAY: Duration = Duration::from_millis(100);
/// Time between two lines about clients that were sent away.
const REFUSALS: Duration = Duration::from_mins(1);
/// Keys that a client may try.
const TRIES: usize = 6;
/// Time after which a silent client is asked for a sign of life, and how often it may not answer.
const ALIVE: Duration = Duration::from_mins(1);
const SILENT: usize = 3;
/// Bytes and packets of one session that may wait in memory.
const WINDOW: u32 = 256 << 10;
const WAITING: usize = 16;
/// The one account that a node has.
const USER: &str = "root";

/// Returns russh's configuration.
pub fn config(host: russh::keys::PrivateKey) -> Config {
    Config {
        methods: MethodSet::from(&[MethodKind::PublicKey][..]),
        auth_rejection_time: Duration::from_secs(1),
        auth_rejection_time_initial: Some(Duration::ZERO),
        keys: vec![host],
        max_auth_attempts: TRIES,
        inactivity_timeout: None,
        keepalive_interval: Some(ALIVE),
        keepalive_max: SILENT,
        window_size: WINDOW,
        channel_buffer_size: WAITING,
        ..Config::default()
    }
}

/// Serve all that come. Whoever comes while too many unknown ones are there may be sent away. Never returns: a connection
/// that can't be accepted is no reason to lock everybody out.
pub async fn serve(listener: TcpListener, config: Arc<Config>, keys: Arc<Vec<PublicKey>>) -> Result<()> {
    let lobby = Arc::new(Lobby::default());
    let mut refusals = Refusals::default();
    let mut broken = false;
    loop {
        let (stream, peer) = match listener.accept().await {
            Ok(accepted) => {
                broken = false;
                accepted
            }
            Err(e) => {
                if !std::mem::replace(&mut broken, true) {
                    super::say(&format!("accept a connection: {e}"));
                }
                sleep(ACCEPT_DELAY).await;
                continue;
            }
        };
        let Some(place) = lobby.enter(peer.ip(), lot()) else {
            refusals.count(peer.ip());
            continue;
        };
        tokio::spawn(connection(stream, peer, Arc::clone(&config), Arc::clone(&keys), place));
    }
}

/// Any number.
fn lot() -> u8 {
    let mut byte = [0];
    // Without random numbers nobody is refused before all are.
    match rustix::rand::getrandom(&mut byte, rustix::rand::GetRandomFlags::empty()) {
        Ok(1) => byte[0],
        _ => u8::MAX,
    }
}

/// Clients that were sent away: a line a minute at most, or they would fill the log.
#[derive(Default)]
struct Refusals {
    count: usize,
    said: Option<Instant>,
}

impl Refusals {
    fn count(&mut self, peer: IpAddr) {
        self.count += 1;
        if self.said.is_none_or(|said| said.elapsed() >= REFUSALS) {
            super::say(&format!("too many connections before their login: {} sent away, the last from {peer}", self.count));
            self.count = 0;
            self.said = Some(Instant::now());
        }
    }
}

/// One client, to its end; how it ends is its own affair.
async fn connection(stream: TcpStream, peer: SocketAddr, config: Arc<Config>, keys: Arc<Vec<PublicKey>>, place: Place) {
    let end = Instant::now() + LOGIN_TIMEOUT;
    // Without these it is slower, and a lost client is noticed later.
    let _ = stream.set_nodelay(true);
    let Ok(closer) = rustix::io::fcntl_dupfd_cloexec(&stream, 0) else { return };
    let (tell, told) = oneshot::channel();
    // Dropped with this connection, which its sessions see.
    let (_here, gone) = watch::channel(());
    let client = Client { peer: peer.ip().to_canonical(), keys, known: Some(tell), sessions: 0, gone };
    let Ok(Ok(mut running)) = timeout_at(end, run_stream(config, stream, client)).await else { return };
    let handle = running.handle();
    let known = tokio::select! {
        _ = &mut running => return,
        known = timeout_at(end, told) => known,
    };
    let (kept, why) = match known {
        Ok(Ok(())) => (place.known(), "too many are connected"),
        _ => (None, "too slow"),
    };
    if kept.is_some() {
        let _ = running.await;
        return;
    }
    // It may be gone already, or read nothing any more: then the socket ends it.
    let farewell = async {
        let _ = handle.disconnect(Disconnect::ByApplication, why.into(), "en".into()).await;
        let _ = (&mut running).await;
    };
    if timeout(FAREWELL_TIMEOUT, farewell).await.is_err() {
        let _ = shutdown(&closer, Shutdown::Both);
        let _ = running.await;
    }
}

struct Client {
    peer: IpAddr,
    keys: Arc<Vec<PublicKey>>,
    /// Sender of a message once the client has authenticated.
    known: Option<oneshot::Sender<()>>,
    sessions: usize,
    /// Ends with the connection.
    gone: watch::Receiver<()>,
}

impl Client {
    fn judge(&self, user: &str, key: &PublicKey) -> Auth {
        let known = user == USER && self.keys.iter().any(|own| own.key_data() == key.key_data());
        if known { Auth::Accept } else { Auth::reject() }
    }
}

impl Handler for Client {
    type Error = russh::Error;

    async fn auth_publickey_offered(&mut self, user: &str, offer: PublicKeyOffer<'_>) -> Result<Auth, Self::Error> {
        Ok(self.judge(user, offer.public_key))
    }

    async fn auth_publickey(&mut self, user: &str, key: VerifiedPublicKey<'_>) -> Result<Auth, Self::Error> {
        let judged = self.judge(user, key.public_key);
        let verdict = if matches!(judged, Auth::Accept) { "came in" } else { "was refused" };
        super::say(&format!("{user:?} from {} {verdict} with the key {}", self.peer, fingerprint(key.public_key)));
        Ok(judged)
    }

    async fn auth_succeeded(&mut self, _: &mut Session) -> Result<(), Self::Error> {
        // Nobody listens any more when it was too slow.
        let _ = self.known.take().map(|known| known.send(()));
        Ok(())
    }

    async fn channel_open_session(
        &mut self,
        channel: Channel<Msg>,
        reply: ChannelOpenHandle,
        _: &mut Session,
    ) -> Result<(), Self::Error> {
        if self.sessions < SESSIONS {
            self.sessions += 1;
            reply.accept().await;
            tokio::spawn(session::run(channel, self.gone.clone()));
        }
        Ok(())
    }

    async fn channel_close(&mut self, _: ChannelId, _: &mut Session) -> Result<(), Self::Error> {
        self.sessions = self.sessions.saturating_sub(1);
        Ok(())
    }

    async fn pty_request(
        &mut self,
        id: ChannelId,
        _: &str,
        _: u32,
        _: u32,
        _: u32,
        _: u32,
        _: &[(Pty, u32)],
        session: &mut Session,
    ) -> Result<(), Self::Error> {
        session.channel_success(id)
    }

    async fn shell_request(&mut self, id: ChannelId, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(id)
    }

    async fn exec_request(&mut self, id: ChannelId, _: &[u8], session: &mut Session) -> Result<(), Self::Error> {
        session.channel_success(id)
    }

    async fn subsystem_request(&mut self, id: ChannelId, _: &str, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }

    async fn env_request(&mut self, id: ChannelId, _: &str, _: &str, session: &mut Session) -> Result<(), Self::Error> {
        session.channel_failure(id)
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use russh::keys::PrivateKey;
    use russh::keys::ssh_key::private::Ed25519Keypair;
    use tokio::io::AsyncReadExt;
    use tokio::net::TcpSocket;

    use super::*;

    /// The first bytes that the server says to a client of this address; none when it sends it away.
    async fn greeting(server: SocketAddr, own: [u8; 4]) -> (TcpStream, Vec<u8>) {
        let socket = TcpSocket::new_v4().unwrap();
        socket.bind((own, 0).into()).unwrap();
        let mut stream = socket.connect(server).await.unwrap();
        let mut said = vec![0; 8];
        let len = timeout(Duration::from_secs(20), stream.read(&mut said)).await.unwrap().unwrap_or(0);
        said.truncate(len);
        (stream, said)
    }

    #[tokio::test]
    async fn silent_strangers_of_one_address_keep_nobody_out() {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let host = PrivateKey::from(Ed25519Keypair::from_seed(&[7; 32]));
        tokio::spawn(serve(listener, Arc::new(config(host)), Arc::new(Vec::new())));
        let mut silent = Vec::new();
        let mut refused = 0;
        for _ in 0..40 {
            let (stream, said) = greeting(address, [127, 0, 0, 1]).await;
            refused += usize::from(said.is_empty());
            silent.push(stream);
        }
        assert_eq!(refused, 32, "one address has eight places");
        let (_stream, said) = greeting(address, [127, 0, 0, 2]).await;
        assert_eq!(said, b"SSH-2.0-");
    }
}
