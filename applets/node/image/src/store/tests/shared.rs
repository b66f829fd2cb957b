//! Layers that are directories of the node's own.

use super::*;
use serde_json::{Value, json};

/// Directories in the place of the bundle's mount and of the store, and the layouts.
struct Node {
    directory: Directory,
    bundle: PathBuf,
}

impl Node {
    fn new(name: &str) -> Self {
        let directory = Directory::new(name);
        let bundle = directory.0.join("bundle");
        fs::create_dir(&bundle).unwrap();
        Self { directory, bundle }
    }

    /// A layer of one file as a directory of the bundle; its diff id and its path.
    fn layer(&self, name: &str, content: &str) -> (String, PathBuf) {
        let diff_id = digest(format!("{name} {content}").as_bytes());
        let path = self.bundle.join(format!("layers/{name}-{}", &diff_id["sha256:".len()..][..16]));
        fs::create_dir_all(path.join("usr")).unwrap();
        fs::write(path.join("usr").join(name), content).unwrap();
        std::os::unix::fs::symlink(name, path.join("usr/link")).unwrap();
        (diff_id, path)
    }

    /// A layout of an image with these layers: diff id and path of each.
    fn layout(&self, name: &str, layers: &[(&str, &str)]) -> PathBuf {
        let dir = self.directory.0.join(name);
        fs::create_dir_all(dir.join("blobs/sha256")).unwrap();
        let put = |kind: &str, value: &Value| {
            let bytes = value.to_string().into_bytes();
            let digest = digest(&bytes);
            fs::write(dir.join("blobs").join(digest.replace(':', "/")), &bytes).unwrap();
            json!({ "mediaType": format!("application/vnd.oci.image.{kind}.v1+json"), "digest": digest, "size": bytes.len() })
        };
        let diff_ids: Vec<&str> = layers.iter().map(|(diff_id, _)| *diff_id).collect();
        let architecture = crate::candidate::architecture();
        let rootfs = json!({ "type": "layers", "diff_ids": diff_ids });
        let config = put("config", &json!({ "architecture": architecture, "os": "linux", "rootfs": rootfs }));
        let described = |(diff_id, path): &(&str, &str)| {
            json!({ "mediaType": "application/vnd.oci.image.layer.v1.tar", "digest": diff_id, "size": 7,
                "annotations": { "dev.kutties.layer": path } })
        };
        let layers: Vec<Value> = layers.iter().map(described).collect();
        let mut manifest = put("manifest", &json!({ "schemaVersion": 2, "config": config, "layers": layers }));
        manifest["annotations"] = json!({ "io.containerd.image.name": format!("k8s.example/{name}:1") });
        let index = json!({ "schemaVersion": 2, "manifests": [manifest] });
        fs::write(dir.join("index.json"), index.to_string()).unwrap();
        dir
    }

    fn import(&self, layout: &Path) -> Result<Vec<Image>> {
        self.directory.store().import_sharing(layout, &self.bundle)
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}

#[test]
fn a_shared_layer_serves_where_it_is() {
    let node = Node::new("in-place");
    let ((kube, kube_at), (link, link_at)) = (node.layer("kube", &"x".repeat(5000)), node.layer("apiserver", "link"));
    let layout = node.layout("apiserver", &[(&kube, text(&kube_at)), (&link, text(&link_at))]);
    let image = node.import(&layout).unwrap().remove(0);
    assert_eq!(image.layers, [kube_at.clone(), link_at]);
    let config = fs::metadata(node.directory.store().config_path(&image.id)).unwrap().len();
    assert_eq!((image.size, image.pinned), (config + 5004, true));
    // A second image stands on the same directory.
    let other = node.import(&node.layout("kube", &[(&kube, text(&kube_at))])).unwrap().remove(0);
    assert_eq!(other.layers[0], kube_at);
    let store = node.directory.store();
    assert_eq!(listed(&store.layers()).len(), 2);
    // Links take an inode each, and the lock of the change that was dropped none.
    assert_eq!(store.usage().unwrap(), measure(store.root()).unwrap());
    assert!(store.usage().unwrap().bytes < 5000 * 8, "{:?}", store.usage());
    store.collect().unwrap();
    assert_eq!(store.images().unwrap().len(), 2);
    // Again, as at the next boot: nothing changes.
    assert_eq!(node.import(&layout).unwrap()[0].layers, image.layers);
}

#[test]
fn what_is_removed_is_the_link() {
    let node = Node::new("link-goes");
    let (kube, at) = node.layer("kube", "program");
    node.import(&node.layout("kube", &[(&kube, text(&at))])).unwrap();
    let store = node.directory.store();
    assert!(store.remove("k8s.example/kube:1").unwrap());
    assert_eq!((listed(&store.layers()), listed(&store.ingests())), (Vec::<String>::new(), Vec::<String>::new()));
    assert_eq!(fs::read_to_string(at.join("usr/kube")).unwrap(), "program");
}

#[test]
fn an_image_of_another_release_is_not_there() {
    let node = Node::new("release");
    let (old, old_at) = node.layer("kube", "1");
    node.import(&node.layout("kube", &[(&old, text(&old_at))])).unwrap();
    let first = node.directory.store().find("k8s.example/kube:1").unwrap().unwrap().id;
    // Another medium was flashed, the disk with the store stayed.
    fs::remove_dir_all(&old_at).unwrap();
    let (new, new_at) = node.layer("kube", "2");
    let store = node.directory.store();
    store.collect().unwrap();
    assert!(tags(&store).is_empty() && listed(&store.layers()).is_empty() && listed(&store.configs()).is_empty());
    assert!(store.index().unwrap().layers.is_empty());
    let second = node.import(&node.layout("kube", &[(&new, text(&new_at))])).unwrap().remove(0);
    assert_ne!(second.id, first);
    assert_eq!(store.find("k8s.example/kube:1").unwrap().unwrap().layers, [new_at]);
}

#[test]
fn a_link_that_leads_nowhere_gives_way_to_a_real_layer() {
    let node = Node::new("gives-way");
    let layers = one();
    // The directory has the content of a layer that an archive brings, too.
    let diff_id = digest(&Made::bytes(layers[0].clone()));
    let at = node.bundle.join(format!("base-{}", &diff_id["sha256:".len()..][..16]));
    fs::create_dir_all(at.join("d")).unwrap();
    node.import(&node.layout("base", &[(&diff_id, text(&at))])).unwrap();
    fs::remove_dir_all(&at).unwrap();
    let store = node.directory.store();
    // Before anybody has collected.
    let image = store.import(&node.directory.archive("one", &layers), false).unwrap().remove(0);
    assert!(image.layers.iter().all(|layer| layer.starts_with(store.root()) && layer.is_dir()), "{:?}", image.layers);
    store.remove("k8s.example/base:1").unwrap();
    check(&store);
}

#[test]
fn nobody_else_names_a_directory_of_the_node() {
    let node = Node::new("refused");
    let (kube, at) = node.layer("kube", "program");
    let (other, _) = node.layer("other", "");
    let store = node.directory.store();
    let layout = node.layout("kube", &[(&kube, text(&at))]);
    // By a person, by an archive's name for it, or as an archive that lies among the given ones.
    let said = store.import(&layout, true).unwrap_err().to_string();
    assert!(said.contains("only a layout that came with the node"), "{said}");
    let tar = node.directory.0.join("kube.oci.tar");
    let mut builder = tar::Builder::new(File::create(&tar).unwrap());
    builder.append_dir_all("", &layout).unwrap();
    builder.finish().unwrap();
    let said = node.import(&tar).unwrap_err().to_string();
    assert!(said.contains("only a layout that came with the node"), "{said}");

    let outside = node.directory.0.join(at.file_name().unwrap());
    fs::create_dir(&outside).unwrap();
    let link = node.bundle.join(at.file_name().unwrap());
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    let climbing = format!("{}/../{}", text(&node.bundle), text(Path::new(at.file_name().unwrap())));
    for (diff_id, path, says) in [
        (&kube, text(&outside), "no plain path below"),
        (&kube, climbing.as_str(), "no plain path below"),
        (&kube, "etc", "no plain path below"),
        (&kube, "/etc", "no plain path below"),
        (&kube, text(&link), "symbolic link"),
        (&kube, text(&node.bundle.join("nothing")), "No such file"),
        (&kube, text(&at.join("usr/kube")), "no directory"),
        (&other, text(&at), "not the directory of layer"),
    ] {
        let said = node.import(&node.layout("bad", &[(diff_id, path)])).unwrap_err().to_string();
        assert!(said.contains(says), "{path}: {said}");
        assert!(listed(&store.ingests()).is_empty() && listed(&store.layers()).is_empty());
    }
}
