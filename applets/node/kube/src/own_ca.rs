//! A CA's file that the node's owner brought, beside what the cluster says.
//!
//! While a cluster changes its CA it has two, and a file made before has one of them.

use kit::{Context, Error, Result};

use crate::discovery::{Pin, list, pins_of};

/// Compares the file at `path` with the cluster's certificates (both PEM), by their public keys: a CA that was renewed with its key is the
/// same. Gives a sentence when both have a CA in common and differ.
///
/// # Errors
/// They have none in common, or the file holds no certificate.
pub fn compare(path: &str, own: &[u8], cluster: &[u8]) -> Result<Option<String>> {
    if own.trim_ascii() == cluster.trim_ascii() {
        return Ok(None);
    }
    let (own, cluster) = (pins_of(own).on("read", path)?, pins_of(cluster)?);
    if own.is_empty() {
        return Err(Error::new(format!("{path} holds no certificate: without that file the join writes the cluster's CA there")));
    }
    let (lacking, foreign) = (missing(&cluster, &own), missing(&own, &cluster));
    if foreign.len() == own.len() {
        let (own, cluster) = (list(&own), list(&cluster));
        return Err(Error::new(format!(
            "{path} holds the CA of another cluster: its hash is {own}, this cluster's is {cluster}"
        )));
    }
    let mut differs = Vec::new();
    if !lacking.is_empty() {
        differs.push(format!("lacks {}, a CA of the cluster whose clients the kubelet then refuses", list(&lacking)));
    }
    if !foreign.is_empty() {
        differs.push(format!("holds {}, which is none of the cluster's", list(&foreign)));
    }
    Ok((!differs.is_empty()).then(|| format!("{path} stays as it is: it {}", differs.join(", and "))))
}

/// Those of `all` that are not in `found`.
fn missing(all: &[Pin], found: &[Pin]) -> Vec<Pin> {
    all.iter().filter(|pin| !found.contains(pin)).cloned().collect()
}
