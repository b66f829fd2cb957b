//! A node takes a newer system from a server, if somebody whom it trusts has signed it, and stays the node that it is.

use std::collections::HashMap;
use std::fs;
use std::time::Duration;

use firmware::manifest::{Boot, Manifest, Output};
use firmware::sign::Key;
use kit::{Context, Error, Result, paths};
use lab::appliance::Appliance;
use lab::guest::Guest;
use lab::until;
use lab::web::Web;

use crate::case::{BOTH, Case, Outcome, X86, ensure};
use crate::join::take_kubelet;
use crate::kube::{delete, field, start};
use crate::world::{BOOT, JOIN, World};

/// The cases.
pub const CASES: &[Case] = &[Case { name: "what-is-not-signed-and-whole-is-refused", boards: X86, run: refused }];
/// A case that takes too long for every time: it boots twice, and joins.
pub const LONG_CASES: &[Case] = &[Case { name: "joined-worker-stays-its-node", boards: BOTH, run: stays }];

/// Port at which the lab serves systems.
const WEB: u16 = 8078;
/// To fetch 50 MB under emulation, and to load them.
const FETCH: Duration = Duration::from_mins(3);

/// Files of a server: a manifest with its signature, and those that it names.
struct Offer {
    manifest: Manifest,
    files: HashMap<String, Vec<u8>>,
}

impl Offer {
    /// That kernel with those segments.
    fn of(appliance: &Appliance, kernel: (&str, Vec<u8>), segments: Vec<(&str, Vec<u8>)>) -> Result<Self> {
        let path = appliance.dir().join("manifest.json");
        let mut manifest = Manifest::read(&path).map_err(told)?;
        manifest.boot =
            Boot { kernel: kernel.0.to_owned(), segments: segments.iter().map(|(name, _)| (*name).to_owned()).collect() };
        let files: HashMap<String, Vec<u8>> =
            segments.into_iter().chain([kernel]).map(|(name, content)| (name.to_owned(), content)).collect();
        manifest.files = files
            .iter()
            .map(|(name, content)| Output {
                name: name.clone(),
                bytes: content.len() as u64,
                sha256: firmware::sum::bytes(content),
                raw: None,
                parts: Vec::new(),
                content: Vec::new(),
            })
            .collect();
        Ok(Self { manifest, files })
    }

    /// Serve it, signed by `key`; `change` what lies there afterwards.
    fn serve(&self, key: &Key, change: impl FnOnce(&mut HashMap<String, Vec<u8>>)) -> Result<Web> {
        let text = serde_json::to_string_pretty(&self.manifest).doing("write a manifest")?;
        let mut pages: HashMap<String, Vec<u8>> =
            self.files.iter().map(|(name, content)| (format!("/{name}"), content.clone())).collect();
        pages.insert("/manifest.json.sig".into(), key.sign(text.as_bytes()).into_bytes());
        pages.insert("/manifest.json".into(), text.into_bytes());
        change(&mut pages);
        Web::start(WEB, pages)
    }
}

/// Something that happens to what a server has.
type Change = fn(&mut HashMap<String, Vec<u8>>);

fn refused(world: &mut World, board: &str) -> Outcome {
    let (dir, guest) = (world.lab.dir().to_owned(), &world.bare(board)?.vm.guest);
    let appliance = Appliance::open(board)?;
    let (ours, theirs) = (Key::make(&dir.join("ours")).map_err(told)?, Key::make(&dir.join("theirs")).map_err(told)?);
    let offer = Offer::of(&appliance, ("vmlinuz", b"no kernel".to_vec()), vec![("core.cpio.zst", vec![7; 100_000])])?;
    // Nobody is trusted yet: nothing is even asked for.
    let web = offer.serve(&ours, |_| ())?;
    fails(guest, "no key is there that could have signed http://10.77.0.1:8078/manifest.json")?;
    ensure(web.asked().is_empty(), || format!("it asked for {:?}", web.asked()))?;
    drop(web);
    guest.write(paths::TRUST, b"not a key\n", 0o644)?;
    fails(guest, "is no key: it needs 64 hexadecimal digits")?;
    guest.write(paths::TRUST, ours.public().as_bytes(), 0o644)?;
    let changes: [(Change, &str); 7] = [
        (|pages| page(pages, "/manifest.json")[100] ^= 1, "is not signed by a key of /etc/kutties/update.pub"),
        (
            |pages| page(pages, "/manifest.json.sig").truncate(100),
            "the signature of http://10.77.0.1:8078/manifest.json is no signature",
        ),
        (|pages| drop(pages.remove("/manifest.json.sig")), "manifest.json.sig: the server answered 404"),
        (|pages| page(pages, "/core.cpio.zst")[50_000] = 8, "core.cpio.zst is not what the manifest says: its SHA-256 is"),
        (
            |pages| page(pages, "/core.cpio.zst").truncate(50_000),
            "core.cpio.zst has 50000 bytes, not 100000 as the manifest says",
        ),
        (|pages| page(pages, "/core.cpio.zst").push(7), "core.cpio.zst: wget: the answer is longer than 100000 bytes"),
        // All is well but that it is no kernel.
        (|_| (), "load vmlinuz: it is no kernel for this machine"),
    ];
    for (change, sentence) in changes {
        let _web = offer.serve(&ours, change)?;
        fails(guest, sentence)?;
    }
    let _web = offer.serve(&theirs, |_| ())?;
    fails(guest, "is not signed by a key of /etc/kutties/update.pub")?;
    guest.sh(&format!("rm {}", paths::TRUST))?;
    Ok(())
}

/// A page that is there.
fn page<'a>(pages: &'a mut HashMap<String, Vec<u8>>, path: &str) -> &'a mut Vec<u8> {
    pages.entry(path.to_owned()).or_default()
}

/// The update ends with that sentence, and no kernel is loaded.
fn fails(guest: &Guest, sentence: &str) -> Outcome {
    let output = guest.exec(&["kutties", "update", "--load", "http://10.77.0.1:8078/"])?;
    ensure(output.code == 1 && output.stderr.contains(sentence), || format!("not {sentence:?}: {output:?}"))?;
    let loaded = guest.sh("cat /sys/kernel/kexec_loaded")?;
    ensure(loaded.trim() == "0", || format!("a kernel is loaded after {sentence:?}"))
}

/// Another one each time a kernel starts.
const BOOT_ID: &str = "cat /proc/sys/kernel/random/boot_id";

fn stays(world: &mut World, board: &str) -> Outcome {
    let key = Key::make(&world.lab.dir().join("updates")).map_err(told)?;
    let mut node = world.boot(board, |appliance, spec| {
        take_kubelet(appliance, spec);
        spec.memory = 768;
        Ok(())
    })?;
    let plane = &world.plane;
    node.join(plane)?;
    node.wait_ready(plane, JOIN)?;
    let object = format!("node/{}", node.name);
    let told_by = |path: &str| field(plane, &object, path);
    let (uid, boot) = (told_by("{.metadata.uid}")?, told_by("{.status.nodeInfo.bootID}")?);
    let guest = &node.vm.guest;
    let identity = "sha256sum /etc/machine-id /etc/kubernetes/kubelet.conf /var/lib/kubelet/config.yaml; hostname";
    let (before, id) = (guest.sh(identity)?, guest.sh(BOOT_ID)?);
    guest.write(paths::TRUST, key.public().as_bytes(), 0o644)?;

    let appliance = Appliance::open(board)?;
    let read = |path: std::path::PathBuf| fs::read(&path).on("read", &path);
    let segments = vec![
        ("core.cpio.zst", read(appliance.core())?),
        ("modules.cpio.zst", read(appliance.modules())?),
        ("kube-worker.cpio.zst", read(appliance.kube_worker())?),
        ("image.cpio", read(appliance.image())?),
        ("agent.cpio", read(appliance.agent())?),
    ];
    let offer = Offer::of(&appliance, ("vmlinuz", read(appliance.kernel())?), segments)?;
    let _web = offer.serve(&key, |_| ())?;
    let output = guest.exec_within(&["kutties", "update", "--load", "http://10.77.0.1:8078/"], b"", FETCH)?;
    ensure(output.ok() && output.stdout.contains("it is loaded"), || format!("{output:?}"))?;
    // The answer may be lost on the way: whoever would give it is stopped.
    let _ = guest.exec_within(&["kexec", "-e"], b"", Duration::from_secs(5));
    let started = until(BOOT, || match guest.exec_within(&["/bin/sh", "-c", BOOT_ID], b"", Duration::from_secs(5))? {
        output if output.stdout == id => Err(Error::new("it did not start anew")),
        _ => Ok(()),
    });
    started.map_err(|e| Error::new(format!("{e}\n{}", node.vm.console.tail(20))))?;
    let after = guest.sh(identity)?;
    ensure(before == after, || format!("it was\n{before}, now it is\n{after}"))?;
    let kept = guest.sh("cat /proc/cmdline; ls /etc/kubernetes; cat /etc/kutties/update.pub")?;
    ensure(kept.contains(key.public().trim()) && !kept.contains("bootstrap-kubelet.conf"), || kept.clone())?;
    until(JOIN, || match field(plane, &object, "{.status.nodeInfo.bootID}")? {
        now if now == boot => Err(Error::new("the cluster shows the first boot still")),
        _ => Ok(()),
    })?;
    node.wait_ready(plane, JOIN)?;
    let now = field(plane, &object, "{.metadata.uid}")?;
    ensure(now == uid, || format!("the Node was {uid}, now it is {now}"))?;
    start(plane, &node, "updated", "")?;
    delete(plane, "updated")?;
    Ok(())
}

fn told(e: impl std::fmt::Display) -> Error {
    Error::new(format!("{e:#}"))
}
