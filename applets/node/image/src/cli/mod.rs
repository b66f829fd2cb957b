//! `image` shows and changes the image store.

mod bars;
mod export;
mod list;
mod pull;

use std::ffi::OsString;
use std::io::Write;
use std::path::PathBuf;

use clap::{Parser, Subcommand};
use kit::{Applet, Context, Error, Exit, Place, Result, out, paths};

use crate::reference::Reference;
use crate::store::{Image, Store};

/// The record.
pub const IMAGE: Applet =
    Applet { name: "image", about: "Pull, list, inspect, import, export and remove images", place: Place::Hidden, run };

#[derive(Parser)]
struct Options {
    /// The store's directory
    #[arg(long, value_name = "DIR", default_value = paths::IMAGES)]
    root: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// Fetch images from their registries
    Pull(pull::Options),
    /// List the images
    #[command(visible_alias = "ls")]
    List(list::Options),
    /// Take images from docker archives, OCI archives or OCI layouts
    Import {
        /// Keep them from being collected
        #[arg(long)]
        pin: bool,
        /// Call the image so, where the archive has no name for it
        #[arg(long, value_name = "IMAGE")]
        name: Option<String>,
        /// Archives or directories
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Write images as one archive that is an OCI layout and what docker load reads; layers are packed anew, so the ids change
    Export(export::Options),
    /// Print what is known of images as JSON
    Inspect {
        /// Names, ids, or names with digests
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
    },
    /// Give an image one more name
    Tag {
        /// A name, an id, or a name with a digest
        image: String,
        /// The new name
        name: String,
    },
    /// Forget images with all their names
    #[command(visible_alias = "rm")]
    Remove {
        /// Names, ids, or names with digests
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
    },
    /// Remove what no image needs
    Prune,
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&IMAGE, args)?;
    let store = Store::open(&options.root)?;
    match options.verb {
        Verb::Pull(pull) => pull::run(&store, pull),
        Verb::List(list) => list::run(&store, &list),
        Verb::Import { pin, name, paths } => import(&store, pin, name.as_deref(), &paths),
        Verb::Export(export) => export::run(&store, &export),
        Verb::Inspect { images } => list::inspect(&store, &images),
        Verb::Tag { image, name } => tag(&store, &image, &name),
        Verb::Remove { images } => remove(&store, &images),
        Verb::Prune => store.collect().map(|()| Exit::OK),
    }
}

fn import(store: &Store, pin: bool, name: Option<&str>, paths: &[PathBuf]) -> Result<Exit> {
    let name = name.map(Reference::parse).transpose()?;
    for path in paths {
        let images = store.import_as(path, pin, name.as_ref())?;
        images.iter().try_for_each(|image| print(&format!("{}\n", called(image))).map(drop))?;
    }
    Ok(Exit::OK)
}

/// An image's name, else its id.
fn called(image: &Image) -> &str {
    image.tags.first().or(image.digests.first()).unwrap_or(&image.id)
}

/// The image that a person means.
fn get(store: &Store, name: &str) -> Result<Image> {
    store.find_typed(name)?.ok_or_else(|| Error::new(format!("no image {name}")))
}

fn tag(store: &Store, image: &str, name: &str) -> Result<Exit> {
    let (image, reference) = (get(store, image)?, Reference::parse(name)?);
    let tag = reference.tagged().filter(|_| reference.digest.is_none());
    let tag = tag.ok_or_else(|| Error::usage(format!("{name}: a digest can't be given as a name")))?;
    store.name(&image.id, vec![tag], Vec::new())?;
    Ok(Exit::OK)
}

/// All that are there go, also when one of them is not: the complaint comes last.
fn remove(store: &Store, images: &[String]) -> Result<Exit> {
    let mut missing = Vec::new();
    for name in images {
        match store.find_typed(name)? {
            Some(image) => drop(store.remove(&image.id)?),
            None => missing.push(name.as_str()),
        }
    }
    if missing.is_empty() { Ok(Exit::OK) } else { Err(Error::new(format!("no image {}", missing.join(", ")))) }
}

fn print(text: &str) -> Result<Exit> {
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write")?;
    Ok(Exit::OK)
}
