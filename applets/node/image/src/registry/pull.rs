//! A pull: from a name to an image in the store.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::thread;
use std::time::Duration;

use kit::{Error, Kind, Result};
use oci_spec::image::{Descriptor, ImageConfiguration, ImageManifest};

use super::blob::Blob;
use super::credentials::Credentials;
use super::hosts::Overrides;
use super::manifest::{Document, check, choose, decode};
use super::progress::{Layer, Progress};
use super::remote::Remote;
use crate::candidate::architecture;
use crate::hash::digest;
use crate::layer;
use crate::pipe::{Writer, pipe};
use crate::place::Below;
use crate::reference::Reference;
use crate::room;
use crate::step::{Step, reached};
use crate::store::index::Record;
use crate::store::ingest::{Arrival, Ingest};
use crate::store::{Image, Store, layer_names};

/// As many layers at once as containerd and docker take.
const AT_ONCE: usize = 3;
/// Default timeout of a registry's silence.
pub const STALL_TIMEOUT: Duration = Duration::from_secs(30);

/// Image to pull, and its settings.
#[derive(Debug, Clone)]
pub struct Request {
    /// The image as a person or a pod writes it.
    pub image: String,
    /// Credentials for the registry.
    pub credentials: Credentials,
    /// Settings of this call.
    pub overrides: Overrides,
    /// Timeout of the registry's silence.
    pub stall: Duration,
}

/// An image as the registry describes it.
struct Found {
    /// The digest of what the reference led to: the index's, where there is one.
    digest: String,
    /// Bytes of the documents that were read on the way.
    documents: u64,
    manifest: Box<ImageManifest>,
}

/// Pull the image into the store. `tell` gets the counters as soon as the layers are known.
pub fn pull(store: &Store, request: &Request, tell: &dyn Fn(&Arc<Progress>)) -> Result<Image> {
    let reference = Reference::parse(&request.image).map_err(|e| Error::of(Kind::Invalid, e.to_string()))?;
    let pulled = pull_reference(store, &reference, request, tell);
    pulled.map_err(|fault| room::explained(fault, store.root()).below(format_args!("pull {reference}")))
}

fn pull_reference(store: &Store, reference: &Reference, request: &Request, tell: &dyn Fn(&Arc<Progress>)) -> Result<Image> {
    let remote = Remote::new(reference, &request.credentials, &request.overrides, request.stall)?;
    let found = find(&remote, reference)?;
    let of_config = found.manifest.config().digest().to_string();
    // An id is a SHA-256: with another digest the configuration has to be read before it is known.
    let early = if of_config.starts_with("sha256:") { None } else { Some(remote.config(found.manifest.config())?) };
    let id = early.as_deref().map_or(of_config, digest);
    // With a digest the tag says nothing: it may mean another image there.
    let tags: Vec<String> = reference.tagged().filter(|_| reference.digest.is_none()).into_iter().collect();
    let digests = vec![format!("{}@{}", reference.repository, found.digest)];
    if !store.name(&id, tags.clone(), digests.clone())? {
        let config = early.map_or_else(|| remote.config(found.manifest.config()), Ok)?;
        let parsed = configuration(&config, &found.manifest)?;
        let layers = layer_names(parsed.rootfs().diff_ids()).map_err(|e| Error::of(Kind::Invalid, e.to_string()))?;
        let blobs = found.manifest.layers().iter().map(Descriptor::size);
        let size = found.documents + config.len() as u64 + blobs.sum::<u64>();
        let ingest = Ingest::begin(store, layers.clone())?;
        let job = Job::new(&remote, &found, parsed.rootfs().diff_ids(), &ingest, request.stall);
        tell(&job.progress);
        room::check(store.root(), job.missing())?;
        job.run()?;
        let record = Record { id: id.clone(), tags, digests, size, pinned: false, layers };
        ingest.commit(vec![Arrival { record, config }])?;
    }
    store.find(&id)?.ok_or_else(|| Error::of(Kind::Internal, "the image was removed while it came"))
}

/// From a reference to the manifest for this machine.
fn find(remote: &Remote, reference: &Reference) -> Result<Found> {
    let (digest, bytes) = remote.resolve(reference)?;
    let mut documents = bytes.len() as u64;
    let manifest = match decode(&bytes)? {
        Document::Image(manifest) => manifest,
        Document::Index(index) => {
            let bytes = remote.manifest(choose(&index)?.digest().as_ref())?;
            documents += bytes.len() as u64;
            match decode(&bytes)? {
                Document::Image(manifest) => manifest,
                Document::Index(_) => return Err(Error::of(Kind::Invalid, "an index in the index")),
            }
        }
    };
    check(&manifest)?;
    Ok(Found { digest, documents, manifest })
}

/// The configuration, if it goes with the manifest and this machine.
fn configuration(bytes: &[u8], manifest: &ImageManifest) -> Result<ImageConfiguration> {
    let invalid = |why: String| Error::of(Kind::Invalid, why);
    let parsed: ImageConfiguration = crate::configuration::configuration(bytes)
        .map_err(|e| invalid(format!("the image's configuration is malformed: {e}")))?;
    let (of, os) = (parsed.architecture().to_string(), parsed.os().to_string());
    if of != architecture() || os != "linux" {
        return Err(Error::of(Kind::NotFound, format!("the image is for {os}/{of}, this is linux/{}", architecture())));
    }
    let (told, held) = (parsed.rootfs().diff_ids().len(), manifest.layers().len());
    if told != held {
        return Err(invalid(format!("the configuration names {told} layers, the manifest {held}")));
    }
    Ok(parsed)
}

/// The layers of one pull.
struct Job<'a> {
    remote: &'a Remote,
    ingest: &'a Ingest<'a>,
    stall: Duration,
    blobs: &'a [Descriptor],
    diff_ids: &'a [String],
    paths: Vec<PathBuf>,
    progress: Arc<Progress>,
    stop: AtomicBool,
    state: Mutex<State>,
    changed: Condvar,
}

/// State that the threads of a pull share.
struct State {
    /// Numbers of the layers that nobody works on, lowest first.
    waiting: VecDeque<usize>,
    whole: Vec<bool>,
    /// The first failure, which made the others stop.
    fault: Option<Error>,
}

impl<'a> Job<'a> {
    fn new(remote: &'a Remote, found: &'a Found, diff_ids: &'a [String], ingest: &'a Ingest<'a>, stall: Duration) -> Self {
        let blobs = found.manifest.layers();
        let whole: Vec<bool> = (0..blobs.len()).map(|number| ingest.has(number)).collect();
        let layer = |(blob, whole): (&Descriptor, &bool)| Layer {
            digest: blob.digest().to_string(),
            size: blob.size(),
            done: if *whole { blob.size() } else { 0 }.into(),
            whole: (*whole).into(),
        };
        let layers = blobs.iter().zip(&whole).map(layer).collect();
        let waiting = (0..blobs.len()).filter(|number| !whole[*number]).collect();
        Self {
            remote,
            ingest,
            stall,
            blobs,
            diff_ids,
            paths: ingest.paths(),
            progress: Arc::new(Progress { digest: found.digest.clone(), layers }),
            stop: AtomicBool::new(false),
            state: Mutex::new(State { waiting, whole, fault: None }),
            changed: Condvar::new(),
        }
    }

    /// Bytes that must come.
    fn missing(&self) -> u64 {
        let missing = self.progress.layers.iter().filter(|layer| !layer.state().1);
        missing.map(|layer| layer.size).fold(0, u64::saturating_add)
    }

    fn run(&self) -> Result<()> {
        thread::scope(|scope| {
            for _ in 0..AT_ONCE.min(self.blobs.len()) {
                scope.spawn(|| self.work());
            }
        });
        self.lock().fault.take().map_or(Ok(()), Err)
    }

    /// Take layers, lowest first, until there are none: whoever waits for a layer below waits for somebody who is at work.
    fn work(&self) {
        loop {
            let Some(number) = self.lock().waiting.pop_front() else { return };
            match self.layer(number) {
                Ok(()) => {
                    self.progress.layers[number].whole.store(true, Ordering::Relaxed);
                    self.lock().whole[number] = true;
                }
                Err(fault) => self.fail(fault),
            }
            self.changed.notify_all();
        }
    }

    fn fail(&self, fault: Error) {
        let mut state = self.lock();
        state.waiting.clear();
        // A later error is mostly a consequence.
        state.fault.get_or_insert(fault);
        self.stop.store(true, Ordering::Relaxed);
    }

    /// One layer: a thread downloads and checks, this one unpacks.
    fn layer(&self, number: usize) -> Result<()> {
        let top = self.ingest.make(number)?;
        let (writer, reader) = pipe();
        let done = &self.progress.layers[number].done;
        let blob = Blob::new(self.remote, &self.blobs[number], self.stall, &self.stop, done)?;
        thread::scope(|scope| {
            let download = scope.spawn(move || download(blob, &writer));
            let wait = || self.wait_below(number);
            let below = Below::after(&self.paths[..number], &wait);
            let unpacked = layer::unpack(reader, &self.diff_ids[number], &top, &below);
            match download.join() {
                // An archive that is broken because the download was is the download's failure.
                Ok(Err(fault)) => Err(fault),
                Ok(Ok(true)) => unpacked.map_err(unpacking),
                // Nobody read to the end: unpacking has failed.
                Ok(Ok(false)) => Err(unpacked.err().map_or_else(
                    || Error::of(Kind::Invalid, format!("layer {} has bytes behind its end", self.diff_ids[number])),
                    unpacking,
                )),
                Err(_) => Err(Error::of(Kind::Internal, "a download's thread died")),
            }
        })?;
        reached(Step::LayerWhole);
        Ok(())
    }

    fn wait_below(&self, number: usize) -> kit::Result<()> {
        let ready = |state: &State| state.whole[..number].iter().all(|whole| *whole);
        let mut state = self.lock();
        while !ready(&state) {
            if state.fault.is_some() {
                return Err(Error::new("a layer below failed"));
            }
            state = self.changed.wait(state).unwrap_or_else(PoisonError::into_inner);
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Download to the end; false when nobody reads any more. The stream ends when the writer is dropped.
fn download(mut blob: Blob, writer: &Writer) -> Result<bool> {
    loop {
        let mut block = writer.block();
        let mut filled = 0;
        while filled < block.len() {
            match blob.read(&mut block[filled..])? {
                0 => return Ok(filled == 0 || writer.put(block, filled)),
                count => filled += count,
            }
        }
        if !writer.put(block, filled) {
            return Ok(false);
        }
    }
}

/// Marks a failure to unpack as the image's, unless there was no room for it.
fn unpacking(e: Error) -> Error {
    if e.kind() == Kind::Full { e } else { e.with_kind(Kind::Invalid) }
}
