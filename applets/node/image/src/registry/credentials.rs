//! Credentials that the kubelet gives with a pull, as runtime.v1's `AuthConfig` has them.

use base64::prelude::{BASE64_STANDARD, Engine};
use kit::{Error, Result};
use serde::{Deserialize, Serialize};

/// Credentials for one registry. Empty fields were not given.
#[derive(Clone, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(default)]
pub struct Credentials {
    /// With a password.
    pub username: String,
    /// With a name.
    pub password: String,
    /// Base64 of `NAME:PASSWORD`, where those are not given.
    pub auth: String,
    /// The registry that they are for; empty for the image's own.
    pub server_address: String,
    /// An OAuth2 refresh token: the authorization service gives an access token for it.
    pub identity_token: String,
    /// A bearer token for the registry itself.
    pub registry_token: String,
}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(if self.is_empty() { "Credentials(none)" } else { "Credentials(secret)" })
    }
}

impl Credentials {
    /// `NAME:PASSWORD`, as a person types them.
    pub fn typed(text: &str) -> Result<Self> {
        let (username, password) = text.split_once(':').ok_or_else(|| Error::usage("credentials are NAME:PASSWORD"))?;
        Ok(Self { username: username.into(), password: password.into(), ..Self::default() })
    }

    /// Tells if nothing was given.
    pub fn is_empty(&self) -> bool {
        [&self.username, &self.password, &self.auth, &self.identity_token, &self.registry_token].iter().all(|f| f.is_empty())
    }

    /// Tells if they may be sent to that host of a registry.
    pub fn are_for(&self, host: &str) -> bool {
        let address = &self.server_address;
        let address = address.strip_prefix("https://").or_else(|| address.strip_prefix("http://")).unwrap_or(address);
        let named = address.split('/').next().unwrap_or_default();
        let hub = |host: &str| matches!(host, "docker.io" | "index.docker.io" | "registry-1.docker.io");
        named.is_empty() || named.eq_ignore_ascii_case(host) || (hub(named) && hub(host))
    }

    /// `NAME:PASSWORD` in base64, when there is a name.
    ///
    /// # Errors
    /// An `auth` field that is no base64 of such a pair.
    pub fn basic(&self) -> Result<Option<(String, String)>> {
        let wrong = || Error::new("read the credentials: auth is no base64 of NAME:PASSWORD");
        if !self.username.is_empty() || !self.password.is_empty() {
            let both = format!("{}:{}", self.username, self.password);
            return Ok(Some((self.username.clone(), BASE64_STANDARD.encode(both))));
        }
        if self.auth.is_empty() {
            return Ok(None);
        }
        let both = BASE64_STANDARD.decode(self.auth.trim()).map_err(|_| wrong())?;
        let both = String::from_utf8(both).map_err(|_| wrong())?;
        let (name, _) = both.split_once(':').ok_or_else(wrong)?;
        // Some clients pad the password with NULs.
        Ok(Some((name.to_owned(), BASE64_STANDARD.encode(both.trim_end_matches('\0')))))
    }
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;

    #[test]
    fn a_pair_comes_in_two_forms() {
        let typed = Credentials::typed("me:a:b").unwrap().basic().unwrap().unwrap();
        assert_eq!(typed, ("me".into(), "bWU6YTpi".into()));
        let packed = Credentials { auth: "bWU6YTpi".into(), ..Credentials::default() };
        assert_eq!(packed.basic().unwrap().unwrap(), typed);
        let broken = Credentials { auth: "!".into(), ..Credentials::default() };
        assert!(broken.basic().is_err());
        assert!(Credentials::default().basic().unwrap().is_none());
    }

    #[test]
    fn they_are_for_one_host() {
        let of = |address: &str| Credentials { server_address: address.into(), ..Credentials::default() };
        assert!(of("").are_for("a:5000"));
        assert!(of("https://a:5000/v1/").are_for("a:5000"));
        assert!(!of("a").are_for("a:5000"));
        assert!(of("https://index.docker.io/v1/").are_for("docker.io"));
    }

    #[test]
    fn secrets_are_not_shown() {
        assert!(!format!("{:?}", Credentials::typed("me:secret1").unwrap()).contains("secret1"));
    }
}
