//! `kutties images`, `pull` and `rmi`: crictl's words for verbs of `kutties image`, whose options they take.

use std::ffi::OsString;

use kit::{Applet, Exit, Place, Result};

/// `image list`.
pub const IMAGES: Applet =
    Applet { name: "images", about: "list images (image list)", place: Place::Node, run: |args| with("list", args) };
/// `image pull`.
pub const PULL: Applet =
    Applet { name: "pull", about: "fetch images (image pull)", place: Place::Node, run: |args| with("pull", args) };
/// `image remove`.
pub const RMI: Applet =
    Applet { name: "rmi", about: "remove images (image remove)", place: Place::Node, run: |args| with("remove", args) };

fn with(verb: &str, args: &[OsString]) -> Result<Exit> {
    let rest = args.get(1..).unwrap_or_default();
    // The version is the program's, whatever the verb.
    let verb = Some(verb).filter(|_| rest != ["--version"]).map(OsString::from);
    let args: Vec<OsString> = [image::IMAGE.name.into()].into_iter().chain(verb).chain(rest.iter().cloned()).collect();
    (image::IMAGE.run)(&args)
}
