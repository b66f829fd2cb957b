//! Credentials go to the registry that the image names and to the token service that it names itself, and nowhere else.

use super::fake::{Asked, Fake, Said};
use super::secure::serve;
use super::{Node, Shelf, stacked};
use crate::registry::Credentials;
use kit::Kind;

/// Somebody who wants credentials of a kind and gives a token for them.
fn thief(challenge: &'static str) -> Fake {
    let own = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let address = own.clone();
    let fake = Fake::new(move |asked| {
        if asked.path.starts_with("/steal") {
            return Said::new(200, r#"{"token":"t"}"#);
        }
        let challenge = challenge.replace("THIEF", &address.lock().unwrap());
        Said::new(401, "").with("WWW-Authenticate", challenge)
    });
    fake.address.clone_into(&mut own.lock().unwrap());
    fake
}

const BEARER: &str = "Bearer realm=\"http://THIEF/steal\",service=\"s\"";
const BASIC: &str = "Basic realm=\"x\"";

/// Credentials of all kinds but the token for the registry.
fn all() -> [Credentials; 2] {
    [Credentials::typed("me:pw").unwrap(), Credentials { identity_token: "id".into(), ..Credentials::default() }]
}

/// It saw nothing of ours, also in a path or a body.
fn saw_nothing(thief: &Fake) {
    for asked in thief.all() {
        let text = format!("{asked:?}");
        assert!(asked.authorization.is_empty() && !text.contains("account=") && !text.contains("refresh_token"), "{text}");
        assert!(!asked.path.starts_with("/steal"), "{text}");
    }
}

/// A registry of ours that believes all and does this with blobs.
fn registry(blobs: impl Fn(&Asked) -> Said + Send + Sync + 'static) -> Fake {
    let shelf = Shelf::with(&stacked());
    Fake::new(move |asked| match asked.path.as_str() {
        "/own-token" => Said::new(200, r#"{"token":"own"}"#),
        path if path.contains("/blobs/") => blobs(asked),
        _ => shelf.answer(asked),
    })
}

#[test]
fn who_is_redirected_to_can_not_ask_for_them() {
    for (number, (challenge, credentials)) in [BEARER, BASIC].into_iter().flat_map(|c| all().map(|a| (c, a))).enumerate() {
        let (node, thief) = (Node::new(&format!("thief-{number}")), thief(challenge));
        let to = thief.address.clone();
        let fake = registry(move |asked| Said::redirect(format!("http://{to}{}", asked.path)));
        let fault = node.pull(&format!("{}/team/app:1", fake.address), credentials).unwrap_err();
        assert!(fault.kind() == Kind::Denied && fault.message().contains("redirected to"), "{fault}");
        assert!(!thief.paths().is_empty());
        saw_nothing(&thief);
    }
}

#[test]
fn the_way_back_from_another_server_is_no_better() {
    let node = Node::new("back");
    let ours = std::sync::Arc::new(std::sync::Mutex::new(String::new()));
    let home = ours.clone();
    let other = Fake::new(move |_| Said::redirect(format!("http://{}/v2/other/blobs/back", home.lock().unwrap())));
    let to = other.address.clone();
    let fake = registry(move |asked| match asked.path.as_str() {
        "/v2/other/blobs/back" => Said::new(401, "").with("WWW-Authenticate", "Bearer realm=\"/own-token\""),
        path => Said::redirect(format!("http://{to}{path}")),
    });
    fake.address.clone_into(&mut ours.lock().unwrap());
    let image = format!("{}/team/app:1", fake.address);
    assert!(node.pull(&image, Credentials::typed("me:pw").unwrap()).is_err());
    assert!(node.pull(&image, Credentials { registry_token: "t".into(), ..Credentials::default() }).is_err());
    let back: Vec<_> = fake.all().into_iter().filter(|asked| asked.path.ends_with("/back")).collect();
    assert!(!back.is_empty() && back.iter().all(|asked| asked.authorization.is_empty()), "{back:?}");
    assert!(fake.paths().iter().all(|path| !path.starts_with("/own-token")));
    saw_nothing(&other);
}

#[test]
fn a_redirect_on_the_registry_itself_keeps_them() {
    let (node, shelf) = (Node::new("itself"), Shelf::with(&stacked()));
    let fake = Fake::new(move |asked| match asked.path.strip_prefix("/moved") {
        None if asked.path.starts_with("/own-token") => Said::new(200, r#"{"token":"own"}"#),
        None => Said::redirect(format!("/moved{}", asked.path)),
        Some(_) if asked.authorization != "Bearer own" => {
            Said::new(401, "").with("WWW-Authenticate", "Bearer realm=\"/own-token\"")
        }
        Some(path) => shelf.answer(&Asked { path: path.to_owned(), ..asked.clone() }),
    });
    node.pull(&format!("{}/team/app:1", fake.address), Credentials::typed("me:pw").unwrap()).unwrap();
}

#[test]
fn a_token_service_elsewhere_needs_tls() {
    for (number, credentials) in all().into_iter().enumerate() {
        let (node, thief) = (Node::new(&format!("realm-{number}")), thief(BASIC));
        let to = thief.address.clone();
        let fake = Fake::new(move |_| {
            Said::new(401, "").with("WWW-Authenticate", format!("Bearer realm=\"http://{to}/steal\",service=\"s\""))
        });
        let fault = node.pull(&format!("{}/team/app:1", fake.address), credentials).unwrap_err();
        assert!(fault.kind() == Kind::Invalid && fault.message().contains("over plain http"), "{fault}");
        assert!(thief.paths().is_empty());
    }
}

#[test]
fn a_registry_with_tls_names_services_with_good_certificates() {
    let node = Node::new("tls-realm");
    let plain = thief(BASIC);
    let other_dir = node.dir.join("other");
    std::fs::create_dir(&other_dir).unwrap();
    // A certificate that nobody vouches for, and a registry of which anything is believed.
    let unknown = serve(&other_dir, false, |_| Said::new(200, r#"{"token":"t"}"#));
    for (realm, words) in
        [(format!("http://{}/steal", plain.address), "plain http"), (format!("https://{}/steal", unknown.address), "TLS")]
    {
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\"");
        let fake = serve(&node.dir, false, move |_| Said::new(401, "").with("WWW-Authenticate", challenge.clone()));
        node.hosts(&fake.address, &format!("server = \"https://{}\"\nskip_verify = true\n", fake.address));
        let fault = node.pull(&format!("{}/team/app:1", fake.address), Credentials::typed("me:pw").unwrap()).unwrap_err();
        assert!(fault.message().contains(words), "{fault}");
        assert!(!fake.paths().is_empty());
    }
    assert!(plain.paths().is_empty() && unknown.paths().is_empty());
}

#[test]
fn a_token_service_can_not_send_them_on() {
    let (node, thief) = (Node::new("token-redirect"), thief(BASIC));
    let to = thief.address.clone();
    let fake = Fake::new(move |asked| {
        if asked.path.starts_with("/own-token") {
            return Said::redirect(format!("http://{to}/steal"));
        }
        Said::new(401, "").with("WWW-Authenticate", "Bearer realm=\"/own-token\"")
    });
    for credentials in all() {
        assert!(node.pull(&format!("{}/team/app:1", fake.address), credentials).is_err());
    }
    assert!(thief.paths().is_empty());
}

#[test]
fn a_mirror_gets_none() {
    for (number, (challenge, credentials)) in [BEARER, BASIC].into_iter().flat_map(|c| all().map(|a| (c, a))).enumerate() {
        let (node, thief, shelf) = (Node::new(&format!("mirror-{number}")), thief(challenge), Shelf::with(&stacked()));
        let fake = Fake::new(move |asked| match asked.authorization.as_str() {
            "" if !asked.path.starts_with("/own-token") => {
                Said::new(401, "").with("WWW-Authenticate", "Bearer realm=\"/own-token\"")
            }
            _ if asked.path.starts_with("/own-token") => Said::new(200, r#"{"token":"own"}"#),
            _ => shelf.answer(asked),
        });
        let settings = format!("server = \"http://{}\"\n[host.\"http://{}\"]\n", fake.address, thief.address);
        node.hosts(&fake.address, &settings);
        node.pull(&format!("{}/team/app:1", fake.address), credentials).unwrap();
        let asked = thief.all();
        assert!(!asked.is_empty());
        // It may hand out tokens to anybody: then to nobody in particular.
        for asked in asked {
            assert!(asked.authorization.is_empty() || asked.authorization == "Bearer t", "{asked:?}");
            assert!(!asked.path.contains("account=") && !asked.body.contains("refresh_token"), "{asked:?}");
        }
    }
}
