//! A cluster in the middle of a change of its CA: its description names two, its server's certificate is of one of them.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]

use std::io::{Read, Write};
use std::net::TcpListener;
use std::sync::Arc;

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use kube::discovery::{Pin, Token, discover, pins_of};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use ring::hmac;
use rustls::pki_types::PrivateKeyDer;
use rustls::{ServerConfig, ServerConnection, StreamOwned};

type Ca = CertifiedIssuer<'static, KeyPair>;

const TOKEN: &str = "abcdef.0123456789abcdef";

/// A CA by the name that kubeadm gives all of them.
fn ca() -> Ca {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    params.distinguished_name.push(DnType::CommonName, "kubernetes");
    CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap()
}

fn pin(ca: &Ca) -> Pin {
    pins_of(ca.pem().as_bytes()).unwrap().remove(0)
}

/// An API server whose certificate is of `signer` and whose description of the cluster names `named`; its endpoint.
fn serve(signer: &Ca, named: &str) -> String {
    let (params, key) = (CertificateParams::new(vec!["127.0.0.1".to_owned()]).unwrap(), KeyPair::generate().unwrap());
    let certificate = params.signed_by(&key, signer).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config =
        ServerConfig::builder_with_provider(provider).with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    let key = PrivateKeyDer::try_from(key.serialize_der()).unwrap();
    let config = Arc::new(config.with_single_cert(vec![certificate.der().clone()], key).unwrap());
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let endpoint = listener.local_addr().unwrap().to_string();
    let body = cluster_info(&endpoint, named);
    std::thread::spawn(move || {
        for socket in listener.incoming().flatten() {
            let mut stream = StreamOwned::new(ServerConnection::new(config.clone()).unwrap(), socket);
            let mut request = Vec::new();
            let mut byte = [0];
            // A client that does not believe the certificate goes away.
            while !request.ends_with(b"\r\n\r\n") && stream.read_exact(&mut byte).is_ok() {
                request.extend(byte);
            }
            let _ = write!(stream, "HTTP/1.1 200 OK\r\nContent-Length: {}\r\n\r\n{body}", body.len());
            stream.conn.send_close_notify();
            let _ = stream.flush();
        }
    });
    endpoint
}

fn cluster_info(endpoint: &str, named: &str) -> String {
    let ca = STANDARD.encode(named);
    let text =
        format!("clusters:\n- name: \"\"\n  cluster:\n    server: https://{endpoint}\n    certificate-authority-data: {ca}\n");
    let (id, secret) = TOKEN.split_once('.').unwrap();
    let header = URL_SAFE_NO_PAD.encode(format!("{{\"alg\":\"HS256\",\"kid\":\"{id}\"}}"));
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.as_bytes());
    let tag = hmac::sign(&key, format!("{header}.{}", URL_SAFE_NO_PAD.encode(&text)).as_bytes());
    let jws = format!("{header}..{}", URL_SAFE_NO_PAD.encode(tag));
    serde_json::json!({"data": {"kubeconfig": text, format!("jws-kubeconfig-{id}"): jws}}).to_string()
}

#[test]
fn one_pinned_ca_of_two_is_enough() {
    let (old, new, other) = (ca(), ca(), ca());
    let token = Token::parse(TOKEN).unwrap();
    for both in [old.pem() + &new.pem(), new.pem() + &old.pem()] {
        for signer in [&old, &new] {
            let endpoint = serve(signer, &both);
            for pins in [vec![pin(&old)], vec![pin(&new)], vec![pin(&old), pin(&new)], vec![pin(&other), pin(&new)]] {
                let found = discover(&endpoint, &token, &pins).unwrap();
                assert_eq!((found.endpoint.as_str(), found.ca.as_slice()), (endpoint.as_str(), both.as_bytes()));
            }
            let said = discover(&endpoint, &token, &[pin(&other)]).unwrap_err().to_string();
            let [first, second] = [0, 1].map(|at| pins_of(both.as_bytes()).unwrap().remove(at).0);
            assert!(said.contains(&format!("has hash {first} or {second}, not {}", pin(&other).0)), "{said}");
        }
    }
}

#[test]
fn a_server_of_neither_ca_is_not_believed() {
    let (old, new, other) = (ca(), ca(), ca());
    let endpoint = serve(&other, &(old.pem() + &new.pem()));
    let said = discover(&endpoint, &Token::parse(TOKEN).unwrap(), &[pin(&old), pin(&new)]).unwrap_err().to_string();
    assert!(said.contains("certificate"), "{said}");
}
