//! `state`: the specification's state of a container, as JSON.

use std::io::Write;

use clap::Args;
use kit::{Context, Exit, Result, out};
use libcontainer::container::Container;
use serde_json::{Value, json};

use crate::context::Oci;
use crate::directory::Known;

/// Options of `state`.
#[derive(Debug, Args)]
pub struct Options {
    /// The container's name
    id: String,
}

/// Enter.
pub fn run(oci: &Oci, options: &Options) -> Result<Exit> {
    let known = Known::load(&oci.root, &options.id)?;
    let mut out = out();
    writeln!(out, "{:#}", of(&known)).and_then(|()| out.flush()).doing("print the state")?;
    Ok(Exit::OK)
}

/// State of a container, as `state` and `list` print it.
pub fn of(known: &Known) -> Value {
    let inner = known.inner.as_ref();
    json!({
        "ociVersion": oci_spec::runtime::VERSION,
        "id": known.directory.id(),
        "pid": known.pid().map_or(0, |pid| pid.as_raw_nonzero().get()),
        "status": known.status_name(),
        "bundle": known.record.bundle,
        "rootfs": known.record.rootfs,
        "created": inner.and_then(Container::created).map(|time| time.to_rfc3339()),
        "annotations": inner.and_then(|inner| inner.state.annotations.clone()).unwrap_or_default(),
        "owner": "root",
    })
}
