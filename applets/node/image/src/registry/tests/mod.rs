#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
mod fake;
mod secrets;
mod secure;

use std::collections::HashMap;
use std::fs;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use fake::{Asked, Fake, Said, Then};
use kit::{Error, Kind};

use super::{Credentials, Overrides, Request, pull};
use crate::hash::digest_like;
use crate::layer::tests::Made;
use crate::store::{Image, Store};

const OCI: &str = "application/vnd.oci.image.manifest.v1+json";

/// Responses of a good registry, by path.
#[derive(Clone, Default)]
struct Shelf(HashMap<String, Vec<u8>>);

impl Shelf {
    /// An image of these layers under `app:1`.
    fn with(layers: &[Made]) -> Self {
        Self::by("sha256:", layers)
    }

    /// The same with digests of an algorithm.
    fn by(algorithm: &str, layers: &[Made]) -> Self {
        let digest = |bytes: &[u8]| digest_like(algorithm, bytes);
        let mut shelf = Self::default();
        let layers: Vec<Vec<u8>> = layers.iter().map(|layer| layer.clone().bytes()).collect();
        let diff_ids: Vec<String> = layers.iter().map(|layer| digest(layer)).collect();
        let config = serde_json::json!({
            "architecture": crate::candidate::architecture(), "os": "linux",
            "rootfs": { "type": "layers", "diff_ids": diff_ids },
        });
        let config = config.to_string().into_bytes();
        let of =
            |kind: &str, bytes: &[u8]| serde_json::json!({ "mediaType": kind, "digest": digest(bytes), "size": bytes.len() });
        let kind = "application/vnd.oci.image.layer.v1.tar";
        let descriptors: Vec<_> = layers.iter().map(|layer| of(kind, layer)).collect();
        let manifest = serde_json::json!({
            "schemaVersion": 2, "mediaType": OCI, "config": of("application/vnd.oci.image.config.v1+json", &config), "layers": descriptors,
        });
        let manifest = manifest.to_string().into_bytes();
        for blob in layers.iter().chain([&config]) {
            shelf.0.insert(format!("/v2/team/app/blobs/{}", digest(blob)), blob.clone());
        }
        shelf.0.insert(format!("/v2/team/app/manifests/{}", digest(&manifest)), manifest.clone());
        shelf.0.insert("/v2/team/app/manifests/1".into(), manifest);
        shelf
    }

    fn answer(&self, asked: &Asked) -> Said {
        let path = asked.path.split('?').next().unwrap();
        match self.0.get(path) {
            Some(bytes) => ranged(asked, bytes),
            None => Said::new(404, r#"{"errors":[{"code":"MANIFEST_UNKNOWN","message":"manifest unknown"}]}"#),
        }
    }

    /// The path of the blob of that many bytes or more.
    fn large(&self, least: usize) -> (String, Vec<u8>) {
        self.0
            .iter()
            .find(|(path, bytes)| path.contains("blobs") && bytes.len() >= least)
            .map(|(p, b)| (p.clone(), b.clone()))
            .unwrap()
    }
}

fn ranged(asked: &Asked, bytes: &[u8]) -> Said {
    let from = asked.range.strip_prefix("bytes=").and_then(|range| range.trim_end_matches('-').parse::<usize>().ok());
    match from {
        None => Said::new(200, bytes),
        Some(from) => {
            let range = format!("bytes {from}-{}/{}", bytes.len() - 1, bytes.len());
            Said::new(206, &bytes[from..]).with("Content-Range", range)
        }
    }
}

/// A store that goes when the test ends.
struct Node {
    dir: PathBuf,
    store: Store,
    overrides: Overrides,
    stall: Duration,
}

impl Node {
    fn new(name: &str) -> Self {
        let dir = std::env::temp_dir().join(format!("kutties-registry-{}-{name}", std::process::id()));
        let _ = fs::remove_dir_all(&dir);
        fs::create_dir_all(&dir).unwrap();
        let store = Store::open(&dir.join("store")).unwrap();
        let overrides = Overrides { directories: Some(vec![dir.join("certs.d")]), ..Overrides::default() };
        Self { dir, store, overrides, stall: Duration::from_secs(10) }
    }

    fn hosts(&self, registry: &str, text: &str) {
        let directory = self.dir.join("certs.d").join(registry);
        fs::create_dir_all(&directory).unwrap();
        fs::write(directory.join("hosts.toml"), text).unwrap();
    }

    fn pull(&self, image: &str, credentials: Credentials) -> Result<Image, Error> {
        let (overrides, stall) = (self.overrides.clone(), self.stall);
        pull(&self.store, &Request { image: image.into(), credentials, overrides, stall }, &|_| ())
    }

    fn pull_from(&self, fake: &Fake) -> Result<Image, Error> {
        self.pull(&format!("{}/team/app:1", fake.address), Credentials::default())
    }

    /// It fails so, and nothing of it is left.
    fn fails(&self, fake: &Fake, kind: Kind, words: &str) {
        let fault = self.pull_from(fake).unwrap_err();
        assert!(fault.message().contains(words) && fault.kind() == kind, "{:?} {}", fault.kind(), fault.message());
        assert!(fault.message().contains(&fake.address), "{fault}");
        self.empty();
    }

    fn empty(&self) {
        for dir in ["layers", "configs", "ingest"] {
            assert_eq!(fs::read_dir(self.store.root().join(dir)).unwrap().count(), 0, "{dir}");
        }
    }
}

impl Drop for Node {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.dir);
    }
}

/// Layers that need each other: the upper ones go through links of the lower ones.
fn stacked() -> Vec<Made> {
    let mut layers = vec![Made::default().file("usr/lib/a", "a").symlink("lib", "usr/lib")];
    layers.extend((0..7).map(|n| Made::default().file(&format!("lib/{n}"), &"x".repeat(10_000 * n))));
    layers
}

fn large() -> Vec<Made> {
    vec![Made::default().file("f", &"0123456789".repeat(100_000))]
}

#[test]
fn an_image_arrives() {
    let (node, shelf) = (Node::new("arrives"), Shelf::with(&stacked()));
    let fake = Fake::new(move |asked| shelf.answer(asked));
    let image = node.pull_from(&fake).unwrap();
    assert_eq!(image.tags, [format!("{}/team/app:1", fake.address)]);
    assert!(image.digests[0].starts_with(&format!("{}/team/app@sha256:", fake.address)));
    assert_eq!(image.layers.len(), 8);
    for (number, layer) in image.layers.iter().enumerate().skip(1) {
        assert_eq!(fs::metadata(layer.join(format!("usr/lib/{}", number - 1))).unwrap().len(), 10_000 * (number as u64 - 1));
    }
    let asked = fake.paths().len();
    // A present image is not fetched again, and by its digest it gets no tag.
    node.pull_from(&fake).unwrap();
    assert_eq!(fake.paths().len(), asked + 1);
    node.store.remove(&image.id).unwrap();
    let by_digest = node.pull(&image.digests[0].replace('@', ":9@"), Credentials::default()).unwrap();
    assert_eq!((by_digest.id, by_digest.tags.len(), by_digest.digests), (image.id, 0, image.digests));
}

#[test]
fn digests_by_sha512() {
    let (node, shelf) = (Node::new("sha512"), Shelf::by("sha512:", &stacked()));
    let manifest = digest_like("sha512:", &shelf.0["/v2/team/app/manifests/1"]);
    let broken = shelf.clone();
    let fake = Fake::new(move |asked| shelf.answer(asked));
    let name = format!("{}/team/app@{manifest}", fake.address);
    let image = node.pull(&name, Credentials::default()).unwrap();
    assert_eq!((image.digests.as_slice(), image.layers.len()), ([name.clone()].as_slice(), 8));
    assert!(image.id.starts_with("sha256:") && node.store.find(&name).unwrap().is_some());
    // By its tag, and with the layers of an image that came before.
    assert_eq!(node.pull_from(&fake).unwrap().id, image.id);
    // Other bytes under that digest are no image.
    let fake =
        Fake::new(move |asked| if asked.path.contains("/blobs/sha512:") { Said::new(200, "{}") } else { broken.answer(asked) });
    node.store.remove(&image.id).unwrap();
    assert_eq!(
        node.pull(&format!("{}/team/app@{manifest}", fake.address), Credentials::default()).unwrap_err().kind(),
        Kind::Invalid
    );
    let wrong = format!("{}/team/app@sha512:{}", fake.address, "0a".repeat(64));
    assert_eq!(node.pull(&wrong, Credentials::default()).unwrap_err().kind(), Kind::NotFound);
}

#[test]
fn an_image_without_layers_is_pulled() {
    let (node, shelf) = (Node::new("bare"), Shelf::with(&[]));
    let fake = Fake::new(move |asked| shelf.answer(asked));
    assert!(node.pull_from(&fake).unwrap().layers.is_empty());
}

#[test]
fn what_is_not_there_is_said() {
    let node = Node::new("missing");
    let fake = Fake::new(|asked| Shelf::default().answer(asked));
    node.fails(&fake, Kind::NotFound, "404 not found: manifest unknown");
    let gone = std::mem::take(&mut fake.address.clone());
    drop(fake);
    let fault = node.pull(&format!("{gone}/a:1"), Credentials::default()).unwrap_err();
    assert_eq!(fault.kind(), Kind::Unreachable, "{fault}");
}

/// A registry that wants a token of `service` and gives one to whom `entitled` knows.
fn guarded(shelf: Shelf, entitled: fn(&Asked) -> bool) -> Fake {
    let own = std::sync::Arc::new(Mutex::new(String::new()));
    let address = own.clone();
    let fake = Fake::new(move |asked| {
        if asked.path.starts_with("/token") {
            let refused = r#"{"details":"incorrect username or password"}"#;
            return if entitled(asked) { Said::new(200, r#"{"access_token":"t0"}"#) } else { Said::new(401, refused) };
        }
        if asked.authorization == "Bearer t0" {
            return shelf.answer(asked);
        }
        let realm = format!("http://{}/token", address.lock().unwrap());
        let challenge = format!("Bearer realm=\"{realm}\",service=\"s\",scope=\"repository:team/app:pull\"");
        Said::new(401, r#"{"errors":[{"code":"UNAUTHORIZED","message":"authentication required"}]}"#)
            .with("WWW-Authenticate", challenge)
    });
    fake.address.clone_into(&mut own.lock().unwrap());
    fake
}

#[test]
fn tokens() {
    let node = Node::new("tokens");
    let shelf = Shelf::with(&stacked());
    let anonymous = guarded(shelf.clone(), |asked| asked.authorization.is_empty());
    node.pull_from(&anonymous).unwrap();
    let asked = anonymous.paths();
    assert!(asked.contains(&"/token?service=s&scope=repository%3Ateam%2Fapp%3Apull".to_owned()), "{asked:?}");
    assert_eq!(asked.iter().filter(|path| path.starts_with("/token")).count(), 1);
    let named = guarded(shelf.clone(), |asked| asked.authorization == "Basic bWU6cHc=" && asked.path.ends_with("&account=me"));
    let image = format!("{}/team/app:1", named.address);
    node.pull(&image, Credentials::typed("me:pw").unwrap()).unwrap();
    for credentials in [Credentials::typed("me:no").unwrap(), Credentials::default()] {
        let fault = node.pull(&image, credentials).unwrap_err();
        assert_eq!(fault.kind(), Kind::Denied);
        assert!(fault.message().contains("401 unauthorized: incorrect username or password"), "{fault}");
    }
    let identity = guarded(shelf.clone(), |asked| {
        asked.body.contains("grant_type=refresh_token")
            && asked.body.contains("refresh_token=id%2F1")
            && asked.body.contains("service=s")
    });
    let image = format!("{}/team/app:1", identity.address);
    node.pull(&image, Credentials { identity_token: "id/1".into(), ..Credentials::default() }).unwrap();
    let closed = guarded(shelf, |_| false);
    let image = format!("{}/team/app:1", closed.address);
    node.pull(&image, Credentials { registry_token: "t0".into(), ..Credentials::default() }).unwrap();
    assert!(closed.paths().iter().all(|path| !path.starts_with("/token")));
    assert!(node.pull(&image, Credentials { registry_token: "t1".into(), ..Credentials::default() }).is_err());
}

#[test]
fn names_and_passwords() {
    let (node, shelf) = (Node::new("basic"), Shelf::with(&stacked()));
    let fake = Fake::new(move |asked| match asked.authorization.as_str() {
        "Basic bWU6cHc=" => shelf.answer(asked),
        _ => Said::new(401, "no").with("WWW-Authenticate", "Basic realm=\"x\""),
    });
    node.fails(&fake, Kind::Denied, "401 unauthorized");
    let image = format!("{}/team/app:1", fake.address);
    node.pull(&image, Credentials { auth: "bWU6cHc=".into(), ..Credentials::default() }).unwrap();
    let elsewhere = Credentials { server_address: "other.example".into(), ..Credentials::typed("me:pw").unwrap() };
    assert_eq!(node.pull(&image, elsewhere).unwrap_err().kind(), Kind::Denied);
}

#[test]
fn redirects_get_no_secrets() {
    let (node, shelf) = (Node::new("redirect"), Shelf::with(&stacked()));
    let storage = {
        let shelf = shelf.clone();
        Fake::new(move |asked| shelf.answer(asked))
    };
    let to = storage.address.clone();
    let fake = Fake::new(move |asked| match asked.authorization.as_str() {
        "" => Said::new(401, "").with("WWW-Authenticate", "Basic realm=x"),
        _ if asked.path.contains("/blobs/") => Said::redirect(format!("http://{to}{}", asked.path)),
        _ => shelf.answer(asked),
    });
    node.hosts(&fake.address, &format!("[host.\"http://{}\"]\nheader = {{x-secret = \"s\"}}\n", fake.address));
    node.pull(&format!("{}/team/app:1", fake.address), Credentials::typed("me:pw").unwrap()).unwrap();
    assert!(fake.all().iter().all(|asked| asked.head.contains("x-secret: s")));
    let strangers = storage.all();
    assert!(strangers.len() >= 9);
    assert!(strangers.iter().all(|asked| asked.authorization.is_empty() && !asked.head.contains("x-secret")), "{strangers:?}");
}

#[test]
fn redirects_end() {
    let node = Node::new("loop");
    let fake = Fake::new(|asked| Said::redirect(asked.path.clone()));
    node.fails(&fake, Kind::Invalid, "redirects more than 10 times");
    assert_eq!(fake.paths().len(), 11);
    let nowhere = Fake::new(|_| Said::new(302, ""));
    node.fails(&nowhere, Kind::Invalid, "redirects to nowhere");
    let odd = Fake::new(|_| Said::redirect("file:///etc/passwd"));
    node.fails(&odd, Kind::Invalid, "redirects to a URL");
}

#[test]
fn a_cut_download_goes_on() {
    for ranges in [true, false] {
        let (node, shelf) = (Node::new(&format!("cut-{ranges}")), Shelf::with(&large()));
        let (blob, bytes) = shelf.large(900_000);
        let cuts = Mutex::new(vec![700_000, 400_000, 100_000]);
        let path = blob.clone();
        let fake = Fake::new(move |asked| {
            let mut said =
                if ranges { shelf.answer(asked) } else { shelf.answer(&Asked { range: String::new(), ..asked.clone() }) };
            if asked.path == path
                && let Some(end) = cuts.lock().unwrap().pop()
            {
                let start = bytes.len() - said.body.len();
                said.claimed = Some(said.body.len());
                said.body.truncate(end - start);
                said.then = Then::Close;
            }
            said
        });
        node.pull_from(&fake).unwrap();
        let asked: Vec<String> = fake.all().into_iter().filter(|asked| asked.path == blob).map(|asked| asked.range).collect();
        assert_eq!(asked, ["", "bytes=100000-", "bytes=400000-", "bytes=700000-"]);
    }
}

#[test]
fn a_registry_that_never_gets_on_is_cut_off() {
    let (mut node, shelf) = (Node::new("stall"), Shelf::with(&large()));
    let (blob, _) = shelf.large(900_000);
    let (closing, stalling) = (shelf.clone(), shelf);
    let closes = {
        let blob = blob.clone();
        Fake::new(move |asked| match closing.answer(asked) {
            said if asked.path == blob => Said { claimed: Some(said.body.len()), body: Vec::new(), then: Then::Close, ..said },
            said => said,
        })
    };
    // A server that answers is to have the time to.
    node.stall = Duration::from_secs(5);
    node.fails(&closes, Kind::Unavailable, "0 of ");
    let refusal = Fake::new(|_| Said { claimed: Some(1 << 20), then: Then::Trickle, ..Said::new(403, "") });
    node.fails(&refusal, Kind::Denied, "403 forbidden");
    node.stall = Duration::from_millis(300);
    let stalls = Fake::new(move |asked| match stalling.answer(asked) {
        said if asked.path == blob => {
            let length = said.body.len();
            let sent = if asked.range.is_empty() { 1000 } else { 0 };
            Said { claimed: Some(length), body: said.body[..sent].to_vec(), then: Then::Stall, ..said }
        }
        said => said,
    });
    let start = Instant::now();
    node.fails(&stalls, Kind::Unreachable, "it stalls");
    assert!(start.elapsed() < Duration::from_secs(20));
    let drops = Fake::new(|_| Said { claimed: Some(1 << 20), then: Then::Trickle, ..Said::new(200, "") });
    let start = Instant::now();
    node.fails(&drops, Kind::Unreachable, "it stalls: ");
    assert!(start.elapsed() < Duration::from_secs(10));
    let silent = Fake::new(|_| Said { claimed: Some(9), then: Then::Stall, ..Said::new(200, "") });
    node.fails(&silent, Kind::Unreachable, "pull ");
}

#[test]
fn a_registry_that_gives_a_byte_at_a_time_is_cut_off() {
    let (node, shelf) = (Node::new("bytes"), Shelf::with(&large()));
    let (blob, _) = shelf.large(900_000);
    let fake = Fake::new(move |asked| match shelf.answer(asked) {
        said if asked.path == blob => {
            let length = said.body.len();
            Said { claimed: Some(length), body: said.body[..1].to_vec(), then: Then::Close, ..said }
        }
        said => said,
    });
    node.fails(&fake, Kind::Unavailable, "(4 of ");
    assert!(fake.paths().len() < 12, "{:?}", fake.paths().len());
}

/// Spoil the answer for the large blob or for the tag.
fn lying(shelf: &Shelf, at: &str, lie: impl Fn(Said) -> Said + Send + Sync + 'static) -> Fake {
    let (shelf, at) = (shelf.clone(), at.to_owned());
    Fake::new(move |asked| match shelf.answer(asked) {
        said if asked.path == at => lie(said),
        said => said,
    })
}

#[test]
fn lies_are_found_out() {
    let (node, shelf) = (Node::new("lies"), Shelf::with(&large()));
    let (blob, _) = shelf.large(900_000);
    let flip = |mut said: Said| {
        let middle = said.body.len() / 2;
        said.body[middle] ^= 1;
        said
    };
    node.fails(&lying(&shelf, &blob, flip), Kind::Invalid, "has digest sha256:");
    let short = |said: Said| Said { body: said.body[1..].to_vec(), ..said };
    node.fails(&lying(&shelf, &blob, short), Kind::Invalid, "were expected");
    let long = |said: Said| Said { body: [&said.body[..], b"more"].concat(), ..said };
    node.fails(&lying(&shelf, &blob, long), Kind::Invalid, "were expected");
    let chunked = |said: Said| Said { body: [&said.body[..], b"more"].concat(), claimed: Some(0), ..said };
    node.fails(&lying(&shelf, &blob, chunked), Kind::Invalid, "is longer than its");
    let tag = "/v2/team/app/manifests/1";
    let header = |said: Said| said.with("Docker-Content-Digest", format!("sha256:{}", "0".repeat(64)));
    node.fails(&lying(&shelf, tag, header), Kind::Invalid, "has digest sha256:");
    let huge = |said: Said| Said { body: vec![b' '; 5 << 20], ..said };
    node.fails(&lying(&shelf, tag, huge), Kind::Invalid, "larger than 4 MiB");
    let web = |said: Said| Said { body: b"<html>log in</html>".to_vec(), ..said };
    let fault = node.pull_from(&lying(&shelf, tag, web)).unwrap_err();
    assert!(fault.message().contains("no JSON"), "{fault}");
    let chart = |said: Said| {
        let text = String::from_utf8(said.body.clone()).unwrap().replace("oci.image.config.v1+json", "cncf.helm.config.v1+json");
        Said { body: text.into_bytes(), ..said }
    };
    let fault = node.pull_from(&lying(&shelf, tag, chart)).unwrap_err();
    assert!(fault.message().contains("helm"), "{fault}");
    node.empty();
}

#[test]
fn a_bad_layer_fails_the_pull() {
    let node = Node::new("bad-layer");
    let mut layers = stacked();
    layers.insert(2, Made::default().file("../../escape", "x"));
    let shelf = Shelf::with(&layers);
    let fake = Fake::new(move |asked| shelf.answer(asked));
    let fault = node.pull_from(&fake).unwrap_err();
    assert!(fault.message().contains("climbs out") && fault.kind() == Kind::Invalid, "{fault}");
    node.empty();
}

#[test]
fn overload_passes() {
    let (node, shelf) = (Node::new("overload"), Shelf::with(&stacked()));
    let refusals = Mutex::new(2);
    let fake = Fake::new(move |asked| {
        let mut left = refusals.lock().unwrap();
        if *left > 0 {
            *left -= 1;
            return Said::new(503, "");
        }
        shelf.answer(asked)
    });
    node.pull_from(&fake).unwrap();
}

#[test]
fn mirrors_come_first_and_get_no_secrets() {
    let (node, shelf) = (Node::new("mirror"), Shelf::with(&stacked()));
    let (own, other) = (shelf.clone(), shelf);
    let registry = Fake::new(move |asked| own.answer(asked));
    let mirror = Fake::new(move |asked| if asked.path.contains("/blobs/") { Said::new(404, "") } else { other.answer(asked) });
    let text = format!("[host.\"http://127.0.0.1:1\"]\n[host.\"http://{}\"]\n", mirror.address);
    node.hosts(&registry.address, &text);
    node.pull(&format!("{}/team/app:1", registry.address), Credentials::typed("me:pw").unwrap()).unwrap();
    let namespace = format!("/v2/team/app/manifests/1?ns={}", registry.address.replace(':', "%3A"));
    assert_eq!(mirror.paths()[0], namespace);
    assert!(mirror.all().iter().all(|asked| asked.authorization.is_empty()));
    // Blobs that the mirror lacks came from the registry itself, but never those that it had.
    assert!(registry.paths().len() >= 9 && registry.paths().iter().all(|path| path.contains("/blobs/")));
    node.hosts(
        "deaf.example",
        &format!("server = \"http://127.0.0.1:1\"\n[host.\"http://{}\"]\ncapabilities = [\"pull\"]\n", mirror.address),
    );
    let fault = node.pull("deaf.example/team/app:1", Credentials::default()).unwrap_err();
    assert!(fault.message().contains("127.0.0.1:1: "), "a mirror that may not resolve was asked: {fault}");
}

#[test]
fn no_room_names_the_place() {
    let node = Node::new("room");
    let mut shelf = Shelf::with(&large());
    let (blob, bytes) = shelf.large(900_000);
    let manifest = shelf.0["/v2/team/app/manifests/1"].clone();
    let huge =
        String::from_utf8(manifest).unwrap().replace(&format!("\"size\":{}", bytes.len()), &format!("\"size\":{}", u64::MAX / 2));
    assert!(huge.contains(blob.rsplit('/').next().unwrap()));
    shelf.0.insert("/v2/team/app/manifests/1".into(), huge.into_bytes());
    let fake = Fake::new(move |asked| shelf.answer(asked));
    let fault = node.pull_from(&fake).unwrap_err();
    assert_eq!(fault.kind(), Kind::Full);
    assert!(fault.message().contains(" is full: ") && fault.message().contains("MiB are to come"), "{fault}");
    node.empty();
}
