//! TLS with authorities and certificates of the test's own.

use std::path::Path;
use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, ExtendedKeyUsagePurpose, IsCa, KeyPair};
use rustls::pki_types::PrivateKeyDer;
use rustls::server::WebPkiClientVerifier;
use rustls::{RootCertStore, ServerConfig, ServerConnection, StreamOwned};

use super::fake::{Asked, Fake, Said};
use super::{Node, Shelf, stacked};
use crate::registry::Credentials;
use kit::Kind;

/// Write an authority, and a certificate of it with its key in one file; a server that wants such a certificate if `strict`.
pub fn serve(directory: &Path, strict: bool, answer: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Fake {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let signed = |name: &str, usage: ExtendedKeyUsagePurpose| {
        let (mut params, key) = (CertificateParams::new(vec![name.to_owned()]).unwrap(), KeyPair::generate().unwrap());
        params.extended_key_usages = vec![usage];
        (params.signed_by(&key, &authority).unwrap(), key)
    };
    let (server, key) = signed("127.0.0.1", ExtendedKeyUsagePurpose::ServerAuth);
    let (client, client_key) = signed("node", ExtendedKeyUsagePurpose::ClientAuth);
    std::fs::write(directory.join("ca.pem"), authority.pem()).unwrap();
    std::fs::write(directory.join("client.pem"), client.pem() + &client_key.serialize_pem()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(authority.der().clone()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ServerConfig::builder_with_provider(provider.clone()).with_safe_default_protocol_versions().unwrap();
    let config = if strict {
        config.with_client_cert_verifier(WebPkiClientVerifier::builder_with_provider(roots.into(), provider).build().unwrap())
    } else {
        config.with_no_client_auth()
    };
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(config.with_single_cert(vec![server.der().clone()], key).unwrap());
    Fake::over(answer, move |stream| Box::new(StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), stream)))
}

#[test]
fn authorities_and_certificates() {
    for strict in [false, true] {
        let node = Node::new(&format!("secure-{strict}"));
        let shelf = Shelf::with(&stacked());
        let fake = serve(&node.dir, strict, move |asked| shelf.answer(asked));
        let image = format!("{}/team/app:1", fake.address);
        let pull = |settings: &str| {
            node.hosts(&fake.address, &format!("server = \"https://{}\"\n{settings}", fake.address));
            node.pull(&image, Credentials::default())
        };
        let fault = pull("").unwrap_err();
        assert!(fault.kind() == Kind::Invalid && fault.message().contains("its TLS is not good"), "{fault}");
        let (ca, client) = ("ca = \"../../ca.pem\"\n", "client = \"../../client.pem\"\n");
        if strict {
            assert!(pull(ca).is_err());
            pull(&format!("{ca}{client}")).unwrap();
        } else {
            pull(ca).unwrap();
            node.store.remove(&image).unwrap();
            pull("skip_verify = true\n").unwrap();
        }
        assert!(pull("ca = \"nothing.pem\"\n").unwrap_err().message().contains("nothing.pem"));
        assert!(pull(&format!("{ca}client = \"../../ca.pem\"\n")).unwrap_err().message().contains("no key"));
    }
}
