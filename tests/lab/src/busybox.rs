//! Pods of the image with busybox, for what needs a shell and small commands in a container.

pub use firmware::test_image::NAME;

/// A pod of the image on one node, as YAML. `more` is put into the container.
pub fn pod(name: &str, node: &str, more: &str) -> String {
    crate::test_image::pod_of(NAME, name, node, more)
}
