//! Connections: who comes in, and what a client may ask for.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use kit::{Context, Result};
use russh::keys::PublicKey;
use russh::server::{Auth, ChannelOpenHandle, Config, Handler, Msg, PublicKeyOffer, Session, VerifiedPublicKey, run_stream};
use russh::{Channel, ChannelId, Disconnect, MethodKind, MethodSet, Pty};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{Semaphore, oneshot};
use tokio::time::timeout;

use super::keys::fingerprint;
use super::session;

/// How many may be connected at once, and how many sessions one connection may have.
const CONNECTIONS: usize = 16;
const SESSIONS: usize = 8;
/// How long a client has to prove who it is.
const LOGIN: Duration = Duration::from_secs(30);
/// How many keys it may try.
const TRIES: usize = 6;
/// How often a silent client is asked whether it is there, and how often it may not answer.
const ALIVE: Duration = Duration::from_mins(1);
const SILENT: usize = 3;
/// The one account that a node has.
const USER: &str = "root";

/// What russh needs to know.
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
        nodelay: true,
        ..Config::default()
    }
}

/// Serve all that come. Whoever comes while too many are there is sent away.
pub async fn serve(listener: TcpListener, config: Arc<Config>, keys: Arc<Vec<PublicKey>>) -> Result<()> {
    let seats = Arc::new(Semaphore::new(CONNECTIONS));
    loop {
        let (stream, peer) = listener.accept().await.doing("accept a connection")?;
        let Ok(seat) = Arc::clone(&seats).try_acquire_owned() else { continue };
        let (config, keys) = (Arc::clone(&config), Arc::clone(&keys));
        tokio::spawn(async move {
            connection(stream, peer, config, keys).await;
            drop(seat);
        });
    }
}

/// One client, to its end; how it ends is its own affair.
async fn connection(stream: TcpStream, peer: SocketAddr, config: Arc<Config>, keys: Arc<Vec<PublicKey>>) {
    let (tell, told) = oneshot::channel();
    let client = Client { peer: peer.ip().to_canonical(), keys, known: Some(tell), sessions: 0 };
    let Ok(Ok(mut running)) = timeout(LOGIN, run_stream(config, stream, client)).await else { return };
    let handle = running.handle();
    tokio::select! {
        _ = &mut running => return,
        known = timeout(LOGIN, told) => if !matches!(known, Ok(Ok(()))) {
            // It may be gone already.
            let _ = handle.disconnect(Disconnect::ByApplication, "too slow".into(), "en".into()).await;
        },
    }
    let _ = running.await;
}

struct Client {
    peer: IpAddr,
    keys: Arc<Vec<PublicKey>>,
    /// Whom to tell that it has proved who it is.
    known: Option<oneshot::Sender<()>>,
    sessions: usize,
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
            tokio::spawn(session::run(channel));
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
