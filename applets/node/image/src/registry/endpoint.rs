//! One server of a registry: requests with whatever it wants to know of us, through its redirects.

use std::io::Read;
use std::sync::{Mutex, OnceLock, PoisonError};
use std::time::Duration;

use kit::{Error, Kind, Result};
use serde::Deserialize;
use ureq::http::Response;
use ureq::http::header::{AUTHORIZATION, LOCATION, WWW_AUTHENTICATE};
use ureq::{Agent, Body};

use super::agent::agent;
use super::challenge::{self, Challenge};
use super::credentials::Credentials;
use super::hosts::Host;
use super::steady::Steady;
use super::url::{Url, encoded};

/// As many redirects as browsers and containerd follow.
const REDIRECTS: usize = 10;
/// An error's text or a token is no longer.
const SMALL: u64 = 256 << 10;
/// Limit of a server's own message in ours, in characters.
const WORDS: usize = 200;

/// A server that can be asked.
pub struct Endpoint {
    /// The server.
    pub host: Host,
    repository: String,
    /// The registry's name in images, where the server is a mirror of it.
    namespace: Option<String>,
    credentials: Option<Credentials>,
    stall: Duration,
    own: OnceLock<Agent>,
    other: OnceLock<Agent>,
    strict: OnceLock<Agent>,
    /// Header Authorization of the last successful request.
    authorization: Mutex<Option<String>>,
}

/// Receiver of a request: decides about certificates and secrets.
#[derive(Clone, Copy, PartialEq, Eq)]
enum To {
    /// The server itself, which may see all that is for it.
    Own,
    /// Somebody to whom it redirects, or a token service that gets nothing of ours.
    Other,
    /// A token service that gets our credentials: its certificate must be good whatever may be believed of the server.
    TokenService,
}

/// An answer, after redirects.
struct Followed {
    response: Response<Body>,
    /// Server that has given it, where that is another than ours or one to which another has sent
    /// us.
    stranger: Option<String>,
}

#[derive(Deserialize)]
struct TokenAnswer {
    #[serde(default)]
    token: String,
    #[serde(default)]
    access_token: String,
}

#[derive(Deserialize)]
struct Complaint {
    #[serde(default)]
    errors: Vec<ComplaintPart>,
    #[serde(default)]
    details: String,
}

#[derive(Deserialize)]
struct ComplaintPart {
    #[serde(default)]
    code: String,
    #[serde(default)]
    message: String,
}

impl Endpoint {
    /// A server for a repository (`library/busybox`) of the registry called `registry` in images. Credentials are for the registry itself, not for
    /// its mirrors.
    pub fn new(host: Host, registry: &str, repository: &str, credentials: &Credentials, stall: Duration) -> Self {
        let own = !host.mirror && credentials.are_for(registry);
        let given = (!credentials.is_empty() && own).then(|| credentials.clone());
        let token = given.as_ref().map(|c| &c.registry_token).filter(|token| !token.is_empty());
        Self {
            authorization: Mutex::new(token.map(|token| format!("Bearer {token}"))),
            namespace: host.mirror.then(|| registry.to_owned()),
            repository: repository.to_owned(),
            credentials: given,
            stall,
            own: OnceLock::new(),
            other: OnceLock::new(),
            strict: OnceLock::new(),
            host,
        }
    }

    /// Returns the server's name for messages.
    pub fn name(&self) -> &str {
        &self.host.base.authority
    }

    /// Get `/<repository>/<path>`; the answer has a good status.
    pub fn get(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response<Body>> {
        self.get_inner(path, headers).map_err(|fault| fault.below(self.name()))
    }

    fn get_inner(&self, path: &str, headers: &[(&str, &str)]) -> Result<Response<Body>> {
        let query = self.namespace.as_ref().map(|name| format!("?ns={}", encoded(name))).unwrap_or_default();
        let url = self.host.base.below(&format!("/{}/{path}{query}", self.repository));
        let known = self.authorization.lock().unwrap_or_else(PoisonError::into_inner).clone();
        let Followed { response, stranger } = self.follow(&url, headers, known.as_deref())?;
        if response.status().as_u16() != 401 {
            return judged(response, self.stall);
        }
        if let Some(stranger) = stranger {
            // A redirect's target does not speak of tokens and passwords for our server.
            return judged(response, self.stall).map_err(|fault| fault.below(format_args!("redirected to {stranger}")));
        }
        let Some(proof) = self.prove(&response)? else { return judged(response, self.stall) };
        let response = judged(self.follow(&url, headers, Some(&proof))?.response, self.stall)?;
        *self.authorization.lock().unwrap_or_else(PoisonError::into_inner) = Some(proof);
        Ok(response)
    }

    /// Ask, and go where the answer sends us. What is for this server alone is shown to this server alone, and no more once another one
    /// was on the way: then it is that one who says what we ask for.
    fn follow(&self, url: &Url, headers: &[(&str, &str)], authorization: Option<&str>) -> Result<Followed> {
        let (mut url, mut ours) = (url.clone(), true);
        for _ in 0..=REDIRECTS {
            ours &= url.same_server(&self.host.base);
            let mut request = self.agent(if ours { To::Own } else { To::Other })?.get(url.to_string());
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if ours {
                for (name, value) in &self.host.headers {
                    request = request.header(name, value);
                }
                let configured = self.host.headers.iter().any(|(name, _)| name.eq_ignore_ascii_case(AUTHORIZATION.as_str()));
                if let Some(value) = authorization.filter(|_| !configured) {
                    request = request.header(AUTHORIZATION, value);
                }
            }
            let response = request.call().map_err(|e| network(&e))?;
            if !matches!(response.status().as_u16(), 301 | 302 | 303 | 307 | 308) {
                let stranger = (!ours).then(|| url.authority.clone());
                return Ok(Followed { response, stranger });
            }
            let location = response.headers().get(LOCATION).and_then(|value| value.to_str().ok());
            let location = location.ok_or_else(|| Error::of(Kind::Invalid, "it redirects to nowhere"))?;
            let next = url.join(location).map_err(|e| Error::of(Kind::Invalid, format!("it redirects to a {e}")))?;
            if url.secure && !next.secure {
                let text = format!("it redirects from https to plain http at {}", next.authority);
                return Err(Error::of(Kind::Invalid, text));
            }
            url = next;
        }
        Err(Error::of(Kind::Invalid, format!("it redirects more than {REDIRECTS} times, at last to {}", url.authority)))
    }

    fn agent(&self, to: To) -> Result<&Agent> {
        let cell = match to {
            To::Own => &self.own,
            To::Other => &self.other,
            To::TokenService => &self.strict,
        };
        if let Some(agent) = cell.get() {
            return Ok(agent);
        }
        let ours = to == To::Own;
        // The target of a redirect or an authorization service is not known yet: it may need
        // certificates.
        let secure = self.host.base.secure || !ours;
        let mut tls = self.host.tls.clone();
        tls.skip_verify &= to != To::TokenService;
        let made = agent(&tls, secure, ours, self.host.dial_seconds, self.stall)?;
        Ok(cell.get_or_init(|| made))
    }

    /// Returns the header Authorization for a server that has refused: none when we have nothing
    /// that it wants.
    fn prove(&self, refusal: &Response<Body>) -> Result<Option<String>> {
        let lines = refusal.headers().get_all(WWW_AUTHENTICATE).iter().filter_map(|value| value.to_str().ok());
        let challenges: Vec<Challenge> = lines.flat_map(challenge::parse).collect();
        let find = |scheme: &str| challenges.iter().find(|challenge| challenge.scheme == scheme);
        if self.credentials.as_ref().is_some_and(|c| !c.registry_token.is_empty()) {
            return Ok(None);
        }
        if let Some(bearer) = find("bearer") {
            return self.token(bearer).map(Some);
        }
        let basic = self.credentials.as_ref().map(Credentials::basic).transpose()?.flatten();
        Ok(find("basic").and(basic).map(|(_, pair)| format!("Basic {pair}")))
    }

    /// A token from the registry's authorization service (distribution-spec's token flow, and OAuth2 for identity tokens).
    fn token(&self, challenge: &Challenge) -> Result<String> {
        let realm = challenge.get("realm").ok_or_else(|| Error::of(Kind::Invalid, "it wants a token from nowhere"))?;
        let url = self.host.base.join(realm).map_err(|e| Error::of(Kind::Invalid, format!("it wants a token from a {e}")))?;
        if self.host.base.secure && !url.secure {
            let text = format!("it wants our credentials over plain http at {}", url.authority);
            return Err(Error::of(Kind::Invalid, text));
        }
        let secrets = self.credentials.as_ref().filter(|c| !c.is_empty());
        let own = url.same_server(&self.host.base);
        if secrets.is_some() && !own && !url.secure {
            let text = format!("it wants our credentials to go to another server over plain http: {}", url.authority);
            return Err(Error::of(Kind::Invalid, text));
        }
        let scope = challenge.get("scope").map_or_else(|| format!("repository:{}:pull", self.repository), str::to_owned);
        let mut fields = vec![("service", challenge.get("service").unwrap_or_default().to_owned()), ("scope", scope)];
        let identity = secrets.map(|c| c.identity_token.clone()).filter(|token| !token.is_empty());
        let agent = self.agent(match (own, secrets) {
            (true, _) => To::Own,
            (false, Some(_)) => To::TokenService,
            (false, None) => To::Other,
        })?;
        let answer = if let Some(identity) = identity {
            fields.extend([("grant_type", "refresh_token".to_owned()), ("client_id", "kutties".to_owned())]);
            fields.push(("refresh_token", identity));
            let request = agent.post(url.to_string()).header("Content-Type", "application/x-www-form-urlencoded");
            request.send(form(&fields).as_bytes())
        } else {
            let basic = secrets.map(Credentials::basic).transpose()?.flatten();
            if let Some((name, _)) = &basic {
                fields.push(("account", name.clone()));
            }
            let joint = if url.path.contains('?') { '&' } else { '?' };
            let request = agent.get(format!("{url}{joint}{}", form(&fields)));
            match basic {
                Some((_, pair)) => request.header(AUTHORIZATION, format!("Basic {pair}")).call(),
                None => request.call(),
            }
        };
        let of = |fault: Error| fault.below(format_args!("get a token from {}", url.authority));
        let answer = judged(answer.map_err(|e| of(network(&e)))?, self.stall).map_err(of)?;
        let answer: TokenAnswer = serde_json::from_slice(&small(answer, self.stall)?)
            .map_err(|e| of(Error::of(Kind::Invalid, format!("its answer is no JSON: {e}"))))?;
        let token = if answer.token.is_empty() { answer.access_token } else { answer.token };
        if token.is_empty() || !token.bytes().all(|b| b.is_ascii_graphic()) {
            return Err(of(Error::of(Kind::Invalid, "its answer has no token")));
        }
        Ok(format!("Bearer {token}"))
    }
}

fn form(fields: &[(&str, String)]) -> String {
    let pairs = fields.iter().filter(|(_, value)| !value.is_empty());
    pairs.map(|(name, value)| format!("{name}={}", encoded(value))).collect::<Vec<_>>().join("&")
}

/// A good answer, or what a bad one means.
fn judged(response: Response<Body>, stall: Duration) -> Result<Response<Body>> {
    let status = response.status();
    if status.is_success() {
        return Ok(response);
    }
    let kind = match status.as_u16() {
        401 | 403 => Kind::Denied,
        404 => Kind::NotFound,
        408 | 429 | 500..=599 => Kind::Unavailable,
        _ => Kind::Invalid,
    };
    let reason = status.canonical_reason().unwrap_or_default().to_lowercase();
    let said = words(&small(response, stall).unwrap_or_default());
    let joint = if said.is_empty() { "" } else { ": " };
    Err(Error::of(kind, format!("{} {reason}{joint}{said}", status.as_u16())))
}

fn small(response: Response<Body>, stall: Duration) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut body = Steady::new(response.into_body().into_reader(), stall).take(SMALL);
    body.read_to_end(&mut bytes).map_err(|e| Error::of(cut(&e), format!("read its answer: {e}")))?;
    Ok(bytes)
}

/// A server's own words on one line, without what a terminal would obey. A page for browsers says nothing to anybody.
fn words(body: &[u8]) -> String {
    let text = match serde_json::from_slice::<Complaint>(body) {
        Ok(complaint) => complaint.errors.first().map_or(complaint.details, |error| match error.message.as_str() {
            "" => error.code.to_lowercase(),
            message => message.to_owned(),
        }),
        Err(_) => String::from_utf8_lossy(body).into_owned(),
    };
    if text.contains('<') {
        return String::new();
    }
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(WORDS).collect::<String>().trim().to_owned()
}

/// Converts an error of the HTTP library.
pub fn network(e: &ureq::Error) -> Error {
    use std::io::ErrorKind;
    use ureq::Error as E;
    match e {
        E::Timeout(_) => Error::of(Kind::Unreachable, format!("it stalls: it does not answer ({e})")),
        E::HostNotFound => Error::of(Kind::Unreachable, "there is no such host"),
        E::Io(e) if e.kind() == ErrorKind::InvalidData => Error::of(Kind::Invalid, format!("its TLS is not good: {e}")),
        // A closed port stays closed for longer than we wait; the kubelet tries again by itself.
        E::Io(e) if e.kind() == ErrorKind::ConnectionRefused => Error::of(Kind::Unreachable, plain(e)),
        E::Io(e) => Error::of(Kind::Unavailable, plain(e)),
        E::Rustls(e) => Error::of(Kind::Invalid, format!("its TLS is not good: {e}")),
        E::Tls(e) => Error::of(Kind::Invalid, format!("its TLS is not good: {e}")),
        E::Protocol(e) => Error::of(Kind::Invalid, format!("it does not speak HTTP: {e}")),
        e => Error::of(Kind::Unavailable, e.to_string()),
    }
}

/// Kind of the error that ended an answer too early. A server that let us wait has had its time.
pub fn cut(e: &std::io::Error) -> Kind {
    let timed_out = |inner: &ureq::Error| matches!(inner, ureq::Error::Timeout(_));
    let inner = e.get_ref().and_then(|inner| inner.downcast_ref::<ureq::Error>());
    let stalls = e.kind() == std::io::ErrorKind::TimedOut || inner.is_some_and(timed_out);
    if stalls || Kind::of_io(e) == Kind::Unreachable { Kind::Unreachable } else { Kind::Unavailable }
}

/// The kernel's words without a number.
pub fn plain(e: &std::io::Error) -> String {
    let text = e.to_string();
    let text = text.split(" (os error").next().unwrap_or_default();
    let (first, rest) = text.split_at(text.chars().next().map_or(0, char::len_utf8));
    format!("{}{rest}", first.to_lowercase())
}
