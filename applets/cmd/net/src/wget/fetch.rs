//! One URL: the request, its tries, and what became of it.

use std::io::Read;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use kit::{Context, Error, Result};
use ureq::http::Response;
use ureq::tls::{Certificate, PemItem, RootCerts, TlsConfig, parse_pem};
use ureq::{Agent, Body};

use super::output::{Output, Target};
use super::{Options, status};

/// The certificates that vouch for servers.
const ROOTS: &str = "/etc/ssl/certs/ca-certificates.crt";
/// The pause before the second try; one more of it before each further one.
const PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(10);
/// Limit of one read, in bytes.
const PART: usize = 1 << 16;

/// State that all requests share.
pub struct Fetcher<'a> {
    agent: Agent,
    options: &'a Options,
    headers: Vec<(String, String)>,
    body: Option<Vec<u8>>,
}

/// Failure of a try.
enum Failure {
    /// It may go better next time.
    Again(Error),
    /// It will not.
    Final(Error),
}

impl<'a> Fetcher<'a> {
    pub fn new(options: &'a Options) -> Result<Self> {
        let body = match (&options.post_data, &options.post_file) {
            (Some(text), _) => Some(text.clone().into_bytes()),
            (None, Some(file)) => Some(std::fs::read(file).on("read", file).map_err(|e| e.with_exit(status::FILE))?),
            (None, None) => None,
        };
        let headers = options.header.iter().map(|line| header(line)).collect::<Result<_>>()?;
        Ok(Self { agent: agent(options)?, options, headers, body })
    }

    /// Fetch one URL, trying again while the network fails.
    pub fn fetch(&self, url: &str, output: &mut Output) -> Result<()> {
        let url = if url.contains("://") { url.to_owned() } else { format!("http://{url}") };
        let mut target = output.target(&url)?;
        let mut tried = 0;
        loop {
            tried += 1;
            match self.once(&url, &mut target) {
                Ok(()) => return target.finish(),
                Err(Failure::Again(e)) if self.options.tries == 0 || tried < self.options.tries => {
                    target.say(&format!("{e}; trying again"));
                    std::thread::sleep((PAUSE * tried).min(LONGEST));
                    target.again(self.options.continue_)?;
                }
                Err(Failure::Again(e) | Failure::Final(e)) => {
                    target.abandon();
                    return Err(e);
                }
            }
        }
    }

    fn once(&self, url: &str, target: &mut Target) -> Result<(), Failure> {
        let response = self.request(url, target.have()).map_err(|e| failure(url, &e))?;
        let code = response.status().as_u16();
        match code {
            206 => target.goes_on(),
            416 if target.have() > 0 => {
                target.say(&format!("{url}: it is there in whole"));
                return Ok(());
            }
            200..=299 => target.starts_over().map_err(Failure::Final)?,
            _ => {
                let reason = response.status().canonical_reason().unwrap_or_default();
                let e = Error::new(format!("{url}: the server answered {code} {reason}")).with_exit(status::SERVER);
                // Overload passes.
                return Err(if [429, 502, 503, 504].contains(&code) { Failure::Again(e) } else { Failure::Final(e) });
            }
        }
        if self.options.spider {
            target.say(&format!("{url}: it is there"));
            return Ok(());
        }
        copy(url, response, target)
    }

    fn request(&self, url: &str, have: u64) -> Result<Response<Body>, ureq::Error> {
        let range = (have > 0).then(|| ("Range".to_owned(), format!("bytes={have}-")));
        let headers = self.headers.iter().chain(&range);
        if let Some(body) = &self.body {
            return headers
                .fold(self.agent.post(url), |request, (name, value)| request.header(name, value))
                .send(body.as_slice());
        }
        let request = if self.options.spider { self.agent.head(url) } else { self.agent.get(url) };
        headers.fold(request, |request, (name, value)| request.header(name, value)).call()
    }
}

/// Read the body to its end.
fn copy(url: &str, response: Response<Body>, target: &mut Target) -> Result<(), Failure> {
    let length = response.body().content_length();
    target.expect(length);
    let mut reader = response.into_body().into_reader();
    let mut part = vec![0; PART];
    loop {
        match reader.read(&mut part) {
            Ok(0) => return Ok(()),
            Ok(len) => target.write(&part[..len]).map_err(Failure::Final)?,
            Err(e) if e.kind() == std::io::ErrorKind::Interrupted => {}
            Err(e) => {
                let e = Err::<(), _>(e).doing(format_args!("read {url}")).map_err(|e| e.with_exit(status::NETWORK));
                return e.map_err(Failure::Again);
            }
        }
    }
}

fn agent(options: &Options) -> Result<Agent> {
    let wait = Duration::try_from_secs_f64(options.timeout)
        .map_err(|_| Error::usage(format!("{} is not a number of seconds", options.timeout)))?;
    // 0 stands for "no limit".
    let wait = Some(wait).filter(|wait| !wait.is_zero());
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let tls = TlsConfig::builder()
        .root_certs(RootCerts::Specific(Arc::new(roots(options)?)))
        .disable_verification(options.no_check_certificate)
        .unversioned_rustls_crypto_provider(provider)
        .build();
    let name = options.user_agent.clone().unwrap_or_else(|| concat!("Wget/kutties-", env!("CARGO_PKG_VERSION")).into());
    let config = Agent::config_builder()
        .tls_config(tls)
        .user_agent(name)
        .https_only(options.https_only)
        .http_status_as_error(false)
        .timeout_resolve(wait)
        .timeout_connect(wait)
        .timeout_recv_response(wait)
        .timeout_per_read(wait)
        .build();
    Ok(config.new_agent())
}

/// The certificates that are believed. Without the system's file nobody is, which is said when somebody would have to be.
fn roots(options: &Options) -> Result<Vec<Certificate<'static>>> {
    let secure = options.urls.iter().any(|url| url.starts_with("https:")) && !options.no_check_certificate;
    let file = options.ca_certificate.as_deref().unwrap_or(Path::new(ROOTS));
    let text = match std::fs::read(file) {
        Err(_) if !secure && options.ca_certificate.is_none() => return Ok(Vec::new()),
        text => text.on("read the certificates in", file).map_err(|e| e.with_exit(status::CERTIFICATE))?,
    };
    let items = parse_pem(&text).filter_map(|item| match item {
        Ok(PemItem::Certificate(certificate)) => Some(certificate),
        _ => None,
    });
    Ok(items.collect())
}

/// `Name: value`.
fn header(line: &str) -> Result<(String, String)> {
    let wrong = || Error::usage(format!("{line:?} is not a header such as \"Name: value\""));
    let (name, value) = line.split_once(':').ok_or_else(wrong)?;
    let clean = !name.is_empty() && !line.contains(['\r', '\n']);
    if clean { Ok((name.trim().to_owned(), value.trim().to_owned())) } else { Err(wrong()) }
}

/// Converts an error of the library.
fn failure(url: &str, e: &ureq::Error) -> Failure {
    use ureq::Error as E;
    let of = |status| Err::<(), _>(cause(e)).doing(format_args!("fetch {url}")).map_err(|e: Error| e.with_exit(status));
    let (status, again) = match e {
        E::Io(e) if e.kind() == std::io::ErrorKind::InvalidData => (status::CERTIFICATE, false),
        E::Io(e) => (status::NETWORK, passes(e.kind())),
        E::Timeout(_) | E::ConnectionFailed => (status::NETWORK, true),
        E::HostNotFound => (status::NETWORK, false),
        E::Tls(_) | E::Pem(_) | E::Rustls(_) => (status::CERTIFICATE, false),
        E::Protocol(_) | E::RequireHttpsOnly(_) | E::RedirectFailed | E::TooManyRedirects => (status::PROTOCOL, false),
        _ => (kit::Exit::FAILED, false),
    };
    let error = of(status).err().unwrap_or_else(|| Error::new(e.to_string()));
    if again { Failure::Again(error) } else { Failure::Final(error) }
}

/// Tells if a fault of the network may be gone the next time. A refused connection and an unknown
/// name stay so.
const fn passes(kind: std::io::ErrorKind) -> bool {
    use std::io::ErrorKind as K;
    matches!(
        kind,
        K::TimedOut
            | K::WouldBlock
            | K::ConnectionReset
            | K::ConnectionAborted
            | K::BrokenPipe
            | K::UnexpectedEof
            | K::HostUnreachable
            | K::NetworkUnreachable
            | K::NetworkDown
    )
}

/// The library's words without its prefix.
fn cause(e: &ureq::Error) -> String {
    match e {
        ureq::Error::Io(e) => e.to_string(),
        ureq::Error::HostNotFound => "there is no such host".into(),
        e => e.to_string(),
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::header;

    #[test]
    fn headers() {
        assert_eq!(header("X-A:  b c ").unwrap(), ("X-A".into(), "b c".into()));
        for wrong in ["X-A", ": b", "A: b\r\nC: d"] {
            assert!(header(wrong).is_err(), "{wrong:?}");
        }
    }
}
