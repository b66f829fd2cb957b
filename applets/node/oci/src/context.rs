//! Directory, log and complaints of libcontainer: what each verb gets.

use std::path::PathBuf;

use crate::trace::{Heard, Log};

/// Context of a verb.
pub struct Oci {
    /// Directory of the containers' state.
    pub root: PathBuf,
    /// Complaints of libcontainer.
    pub heard: Heard,
    /// Log for warnings.
    pub log: Log,
}
