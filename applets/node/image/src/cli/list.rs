//! `image list` and `image inspect`.

use clap::Args;
use kit::{Context, Exit, Result};
use serde_json::{Value, json};

use super::{get, print};
use crate::store::{Image, Store};

#[derive(Args)]
pub struct Options {
    /// Print the ids alone
    #[arg(short, long)]
    quiet: bool,
    /// Print digests as well
    #[arg(long)]
    digests: bool,
    /// Print JSON
    #[arg(long, conflicts_with = "quiet")]
    json: bool,
    /// Only this image
    #[arg(value_name = "IMAGE")]
    image: Option<String>,
}

pub fn run(store: &Store, options: &Options) -> Result<Exit> {
    let images = match &options.image {
        Some(name) => vec![get(store, name)?],
        None => store.images()?,
    };
    if options.json {
        let all: Vec<Value> = images.iter().map(|image| facts(image, false)).collect();
        return print(&format!("{}\n", serde_json::to_string_pretty(&all).doing("encode the list")?));
    }
    if options.quiet {
        return print(&images.iter().fold(String::new(), |text, image| text + &image.id + "\n"));
    }
    let mut text = row("IMAGE", "ID", "SIZE");
    for image in &images {
        let mut names = image.tags.clone();
        if options.digests || names.is_empty() {
            names.extend(image.digests.clone());
        }
        if names.is_empty() {
            names.push("<none>".to_owned());
        }
        for name in names {
            text += &row(&name, &image.id[..19], &megabytes(image.size));
        }
    }
    print(&text)
}

/// Prints all details of each image.
pub fn inspect(store: &Store, names: &[String]) -> Result<Exit> {
    let images = names.iter().map(|name| get(store, name)).collect::<Result<Vec<_>>>()?;
    let all: Vec<Value> = images.iter().map(|image| facts(image, true)).collect();
    print(&format!("{}\n", serde_json::to_string_pretty(&all).doing("encode the images")?))
}

fn facts(image: &Image, whole: bool) -> Value {
    let mut value = json!({
        "id": image.id, "repoTags": image.tags, "repoDigests": image.digests, "size": image.size, "pinned": image.pinned,
    });
    if whole {
        value["layers"] = json!(image.layers);
        value["config"] = json!(image.config);
    }
    value
}

fn row(name: &str, id: &str, size: &str) -> String {
    format!("{name:<56} {id:<19} {size:>10}\n")
}

/// A size as a person reads it.
pub fn megabytes(bytes: u64) -> String {
    format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000)
}
