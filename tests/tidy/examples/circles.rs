//! Prints the files of a crate that use each other, with what leads back: `cargo run -p tidy --example circles CRATE`.

use std::io::Write;

use kit::{Context, Result};
use tidy::circles;
use tidy::sources::{crates, repository};

fn main() -> Result<()> {
    let wanted: Vec<String> = std::env::args().skip(1).collect();
    let mut out = std::io::stdout();
    for one in crates(&repository())?.iter().filter(|one| wanted.is_empty() || wanted.contains(&one.name)) {
        for (file, back) in circles::of(one) {
            writeln!(out, "{}: {file} -> {}", one.name, back.join(" ")).doing("write")?;
        }
    }
    Ok(())
}
