//! `image` shows and changes the image store.

use std::ffi::OsString;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::{Parser, Subcommand};
use kit::{Applet, Context, Error, Exit, Place, Result, out, paths};

use crate::store::{Image, Store};

/// The record.
pub const IMAGE: Applet = Applet { name: "image", about: "List, import, inspect and remove images", place: Place::Hidden, run };

#[derive(Parser)]
struct Options {
    /// The store's folder
    #[arg(long, value_name = "DIR", default_value = paths::IMAGES)]
    root: PathBuf,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Subcommand)]
enum Verb {
    /// List the images
    List {
        /// Print the ids alone
        #[arg(short, long)]
        quiet: bool,
    },
    /// Take images from docker archives, OCI archives or OCI layouts
    Import {
        /// Keep them from being collected
        #[arg(long)]
        pin: bool,
        /// Archives or folders
        #[arg(required = true, value_name = "PATH")]
        paths: Vec<PathBuf>,
    },
    /// Print an image's configuration as JSON
    Inspect {
        /// A name, an id, or a name with a digest
        image: String,
    },
    /// Forget images
    Remove {
        /// Names, ids, or names with digests
        #[arg(required = true, value_name = "IMAGE")]
        images: Vec<String>,
    },
}

fn run(args: &[OsString]) -> Result<Exit> {
    let options: Options = kit::parse(&IMAGE, args)?;
    let store = Store::open(&options.root)?;
    match options.verb {
        Verb::List { quiet } => list(&store, quiet),
        Verb::Import { pin, paths } => import(&store, pin, &paths),
        Verb::Inspect { image } => inspect(&store, &image),
        Verb::Remove { images } => remove(&store, &images),
    }
}

fn list(store: &Store, quiet: bool) -> Result<Exit> {
    let mut text = String::new();
    if !quiet {
        text += &row("IMAGE", "ID", "SIZE");
    }
    for image in store.images()? {
        if quiet {
            text += &image.id;
            text.push('\n');
            continue;
        }
        let names = if image.tags.is_empty() { vec!["<none>".to_owned()] } else { image.tags.clone() };
        for name in names {
            text += &row(&name, &image.id[..19], &megabytes(image.size));
        }
    }
    print(&text)
}

fn row(name: &str, id: &str, size: &str) -> String {
    format!("{name:<56} {id:<19} {size:>10}\n")
}

fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}

fn import(store: &Store, pin: bool, paths: &[PathBuf]) -> Result<Exit> {
    for path in paths {
        let images = store.import(Path::new(path), pin)?;
        images.iter().try_for_each(|image| print(&format!("{}\n", name(image))).map(drop))?;
    }
    Ok(Exit::OK)
}

fn name(image: &Image) -> &str {
    image.tags.first().unwrap_or(&image.id)
}

fn inspect(store: &Store, image: &str) -> Result<Exit> {
    let found = store.find(image)?.ok_or_else(|| Error::new(format!("no image {image}")))?;
    let text = serde_json::to_string_pretty(&found.config).doing("encode the configuration")?;
    print(&format!("{text}\n"))
}

fn remove(store: &Store, images: &[String]) -> Result<Exit> {
    for image in images {
        if !store.remove(image)? {
            return Err(Error::new(format!("no image {image}")));
        }
    }
    Ok(Exit::OK)
}

fn print(text: &str) -> Result<Exit> {
    let mut out = out();
    out.write_all(text.as_bytes()).and_then(|()| out.flush()).doing("write")?;
    Ok(Exit::OK)
}
