//! Masquerading of pods' addresses. The rules carry the reference plugins' comments, so that either side finds what the other made:
//! hashes of the network and of the pod's link, then words for people.

use kit::Error;
use netlink::{Cidr, nft};
use ring::digest::{SHA512, digest};

use crate::plugin::{Fault, Request};

/// Digits of a hash that are kept.
const DIGITS: usize = 16;

/// Masquerade what comes from these addresses of the pod.
pub fn add(request: &Request, addresses: &[Cidr]) -> kit::Result<()> {
    let own = instance(&request.network, &request.container_id, &request.ifname);
    let comment = comment(&request.network, &request.container_id, &request.ifname);
    nft::masquerade(addresses, &comment, |found| found.starts_with(&own))
}

/// Undo [`add`]; no error when there is nothing.
pub fn del(request: &Request) -> kit::Result<()> {
    let own = instance(&request.network, &request.container_id, &request.ifname);
    nft::unmasquerade(|found| found.starts_with(&own))
}

/// Checks that the pod's addresses still are masqueraded.
pub fn check(request: &Request, addresses: &[Cidr]) -> kit::Result<()> {
    let own = instance(&request.network, &request.container_id, &request.ifname);
    let found = nft::masqueraded(|comment| comment.starts_with(&own))?;
    if found < addresses.len() {
        return Err(Error::new(format!("{found} of the pod's {} addresses are masqueraded", addresses.len())));
    }
    Ok(())
}

/// Undo it for all of the network's pods but the valid ones.
pub fn gc(request: &Request) -> Result<(), Fault> {
    let valid: Vec<String> = request.valid()?.iter().map(|(id, ifname)| instance(&request.network, id, ifname)).collect();
    let network = format!("{}-", hash(&request.network));
    Ok(nft::unmasquerade(|found| found.starts_with(&network) && !valid.iter().any(|own| found.starts_with(own)))?)
}

fn comment(network: &str, container_id: &str, ifname: &str) -> String {
    let mut text = format!("{}, net: {network}, if: {ifname}, id: {container_id}", instance(network, container_id, ifname));
    text.truncate(nft::COMMENT_LENGTH);
    text
}

fn instance(network: &str, container_id: &str, ifname: &str) -> String {
    format!("{}-{}", hash(network), hash(&format!("{ifname}:{container_id}")))
}

fn hash(text: &str) -> String {
    let bytes = digest(&SHA512, text.as_bytes());
    kit::hex::encode(&bytes.as_ref()[..DIGITS / 2])
}

#[cfg(test)]
mod tests {
    #[test]
    fn comments_are_cut_like_the_references() {
        let id = "c".repeat(64);
        let comment = super::comment("kutties", &id, "eth0");
        assert_eq!(comment.len(), 128.min(33 + ", net: kutties, if: eth0, id: ".len() + 64));
        // FIPS 180-2, appendix C.1.
        assert_eq!(super::hash("abc"), "ddaf35a193617aba");
    }
}
