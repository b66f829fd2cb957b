//! A real registry in the lab: `distribution`, with or without TLS and passwords, and a way to put images into it.

mod push;
mod token;
mod user;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use kit::{Context, Error, Result};
use rcgen::{BasicConstraints, Certificate, CertificateParams, CertifiedIssuer, IsCa, KeyPair, KeyUsagePurpose};

pub use push::{Packing, Pushed};

use crate::network::{ADDRESS, Lab};
use crate::service::Service;
use crate::until;

pub use user::USER;
const HASH: &str = "$2a$05$CCCCCCCCCCCCCCCCCCCCC.E5YPO9kmyuRGyh0XouQYb4YMJKvyOeW";

/// It is up within a second; a busy machine gets more.
const UP: Duration = Duration::from_secs(30);

/// Three doors to one storage: one open and in plain HTTP, through which images are put; one with TLS and a password; one that wants tokens of
/// an authorization service, which wants the password. Dropping it ends them.
#[derive(Debug)]
pub struct Registry {
    _services: Vec<Service>,
    storage: PathBuf,
    authority: String,
    /// Released last, when the services above have ended.
    _ports: MutexGuard<'static, ()>,
}

/// Held while a registry runs: its ports are fixed, and cases run side by side.
static PORTS: Mutex<()> = Mutex::new(());

/// Finds the program in the cache, or builds it: call it once outside, where modules can be downloaded, before the lab begins.
pub fn ready() -> Result<PathBuf> {
    firmware::bundle::native("registry").map_err(|e| Error::new(format!("{e:#}")))
}

impl Registry {
    /// The port of the open door.
    const PLAIN: u16 = 5000;
    /// The port of the other one.
    const SECURE: u16 = 5443;
    /// The port of the one for tokens.
    const TOKENS: u16 = 5001;

    /// Starts all over an empty storage and waits until they answer. There is one at a time: another one's end is waited for.
    pub fn start(lab: &Lab) -> Result<Self> {
        let ports = PORTS.lock().unwrap_or_else(PoisonError::into_inner);
        let (program, dir) = (ready()?.join("registry"), lab.dir().join("registry"));
        // An earlier case may have spoilt what it put there.
        if dir.exists() {
            fs::remove_dir_all(&dir).on("remove", &dir)?;
        }
        fs::create_dir_all(&dir).on("make", &dir)?;
        let (authority, certificate, key) = certificates(&dir)?;
        let users = dir.join("htpasswd");
        fs::write(&users, format!("{}:{HASH}\n", USER.0)).on("write", &users)?;
        let storage = dir.join("storage");
        let start = |name: &str, port: u16, more: &str| -> Result<Service> {
            let config = dir.join(format!("{name}.yml"));
            let text = format!(
                "version: 0.1\nlog: {{level: info}}\nstorage:\n  filesystem: {{rootdirectory: {}}}\n  delete: {{enabled: true}}\n\
                 http:\n  addr: {ADDRESS}:{port}\n  debug: {{}}\n{more}",
                storage.display(),
            );
            fs::write(&config, text).on("write", &config)?;
            // It would look for somebody to tell its traces to.
            let mut command = Command::new(&program);
            command.arg("serve").arg(&config).env("OTEL_TRACES_EXPORTER", "none");
            Service::start(name, &mut command, &lab.dir().join("log"))
        };
        let tls = format!("  tls: {{certificate: {0}/server.crt, key: {0}/server.key}}\n", dir.display());
        let auth = format!("auth:\n  htpasswd: {{realm: lab, path: {}}}\n", users.display());
        let authorizer = token::start(&certificate, &key)?;
        let keys = dir.join("keys.json");
        fs::write(&keys, authorizer.keys.to_string()).on("write", &keys)?;
        let (realm, name) = (authorizer.realm, token::NAME);
        let tokens =
            format!("auth:\n  token: {{realm: \"{realm}\", service: {name}, issuer: {name}, jwks: {}}}\n", keys.display());
        let doors = [Self::PLAIN, Self::SECURE, Self::TOKENS];
        let mut services = vec![
            start("registry-plain", doors[0], "")?,
            start("registry-secure", doors[1], &format!("{tls}{auth}"))?,
            start("registry-tokens", doors[2], &tokens)?,
        ];
        for (service, port) in services.iter_mut().zip(doors) {
            until(UP, || {
                service.check()?;
                std::net::TcpStream::connect((ADDRESS, port)).doing("reach the registry").map(drop)
            })?;
        }
        Ok(Self { _services: services, storage, authority, _ports: ports })
    }

    /// `HOST:PORT` of the open door, in plain HTTP.
    pub fn plain() -> String {
        format!("{ADDRESS}:{}", Self::PLAIN)
    }

    /// `HOST:PORT` of the door with TLS and a password.
    pub fn secure() -> String {
        format!("{ADDRESS}:{}", Self::SECURE)
    }

    /// `HOST:PORT` of the door for tokens, in plain HTTP; the service that gives them speaks TLS.
    pub fn tokens() -> String {
        format!("{ADDRESS}:{}", Self::TOKENS)
    }

    /// The authority that vouches for the secure door, PEM.
    pub fn authority(&self) -> &str {
        &self.authority
    }

    /// Puts the image of an archive that [`firmware::oci_image::pack`] made into `repository` under `tag`.
    pub fn push(&self, archive: &Path, repository: &str, tag: &str, packing: Packing) -> Result<Pushed> {
        push::push(archive, &Self::plain(), repository, tag, packing)
    }

    /// Puts the image of such an archive as it is; the digest that the tag leads to.
    pub fn put(&self, archive: &Path, repository: &str, tag: &str) -> Result<String> {
        push::put(archive, &Self::plain(), repository, tag)
    }

    /// Returns the path of a blob, for tests that spoil it.
    pub fn blob(&self, digest: &str) -> PathBuf {
        let hash = digest.trim_start_matches("sha256:");
        self.storage.join(format!("docker/registry/v2/blobs/sha256/{}/{hash}/data", &hash[..2]))
    }
}

/// An authority of the test's own and a server's certificate by it, in the directory. Returns the authority's certificate,
/// the server's, and its key.
fn certificates(dir: &Path) -> Result<(String, Certificate, KeyPair)> {
    let told = |e: rcgen::Error| Error::new(format!("make certificates: {e}"));
    let mut params = CertificateParams::new(Vec::new()).map_err(told)?;
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.key_usages = vec![KeyUsagePurpose::KeyCertSign];
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().map_err(told)?).map_err(told)?;
    let key = KeyPair::generate().map_err(told)?;
    let server = CertificateParams::new(vec![ADDRESS.to_string()]).map_err(told)?;
    let server = server.signed_by(&key, &authority).map_err(told)?;
    for (name, text) in [("server.crt", server.pem()), ("server.key", key.serialize_pem())] {
        let path = dir.join(name);
        fs::write(&path, text).on("write", &path)?;
    }
    Ok((authority.pem(), server, key))
}
