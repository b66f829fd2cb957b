//! Archives there and back, and those that are refused.
#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

/// All that was received.
#[derive(Default)]
struct Kept(Vec<(String, u32, String)>, Vec<Vec<u8>>);

impl Receiver for Kept {
    fn manifest(&mut self, _: &Manifest) -> Result<()> {
        Ok(())
    }
    fn thing(&mut self, name: &str, mode: u32, what: &What) -> Result<()> {
        self.0.push((name.into(), mode, format!("{what:?}")));
        Ok(())
    }
    fn file(&mut self, name: &str, mode: u32) -> Result<Box<dyn Write + '_>> {
        self.0.push((name.into(), mode, String::new()));
        self.1.push(Vec::new());
        Ok(Box::new(self.1.last_mut().unwrap()))
    }
}

fn manifest(version: u32) -> Vec<u8> {
    let text = |text: &str| text.to_owned();
    let etcd =
        Store { version: text("3.7.0"), cluster: text("c"), revision: 7, name: text("n"), peer: text("https://10.0.0.1:2380") };
    let [node, address, cluster] = ["n", "10.0.0.1", "sha256:00"].map(text);
    let manifest = Manifest { version, node, address, cluster, kubernetes: text("v1.37.1"), time: text("t"), etcd };
    serde_json::to_vec(&manifest).unwrap()
}

const STREAM: u64 = 70_000;

fn entries() -> Vec<Entry> {
    let thing = |name: &str, mode, what| Entry { name: name.into(), mode, what };
    vec![
        Entry::file(MANIFEST, 0o600, manifest(VERSION)),
        thing("etc/kubernetes", 0o755, What::Directory),
        Entry::file("etc/kubernetes/a", 0o640, vec![1; 512]),
        Entry::file("etc/kubernetes/empty", 0o600, vec![]),
        thing("etc/kubernetes/link", 0o777, What::Link("/etc/kubernetes/a".into())),
        thing(SNAPSHOT, 0o600, What::Stream(STREAM)),
    ]
}

fn made(entries: &[Entry]) -> Vec<u8> {
    let mut bytes = Vec::new();
    write(&mut bytes, entries, 1_767_225_600, &mut io::repeat(9)).unwrap();
    assert_eq!(bytes.len() as u64, length(entries));
    bytes
}

fn received(bytes: &[u8]) -> Result<Kept> {
    let mut kept = Kept::default();
    read(&mut &bytes[..], STREAM, &mut kept).map(|_| kept)
}

fn why(bytes: &[u8]) -> String {
    received(bytes).map(|_| ()).unwrap_err().to_string()
}

#[test]
fn an_archive_is_received_as_it_was_written() {
    let kept = received(&made(&entries())).unwrap();
    let names: Vec<_> = kept.0.iter().map(|(name, mode, what)| format!("{name} {mode:o} {what}")).collect();
    let expected = [
        "etc/kubernetes 755 Directory",
        "etc/kubernetes/a 640 ",
        "etc/kubernetes/empty 600 ",
        "etc/kubernetes/link 777 Link(\"/etc/kubernetes/a\")",
        "etcd.snapshot 600 ",
    ];
    assert_eq!(names, expected);
    assert_eq!(kept.1, [vec![1; 512], vec![], vec![9; STREAM as usize]]);
}

#[test]
fn what_is_cut_or_changed_is_refused() {
    let good = made(&entries());
    for end in (0..good.len()).step_by(256).chain([good.len() - 1]) {
        assert!(received(&good[..end]).is_err(), "{end}");
    }
    // Padding and times are nobody's content: the encryption around them holds those.
    let content = [0, 1, 100, 130, 512, 600, 2048, 2100, good.len() - 1, good.len() - 1025];
    for at in content {
        let mut wrong = good.clone();
        wrong[at] ^= 1;
        let padding = at == good.len() - 1025;
        assert_eq!(received(&wrong).is_ok(), padding, "{at}");
    }
    assert!(why(&[&good[..], b"x"].concat()).contains("something follows its end"));
}

#[test]
fn what_kutties_would_not_write_is_refused() {
    let with = |change: &dyn Fn(&mut Vec<Entry>)| {
        let mut entries = entries();
        change(&mut entries);
        let mut bytes = Vec::new();
        write(&mut bytes, &entries, 0, &mut io::repeat(9)).map_or_else(|e| e.to_string(), |()| why(&bytes))
    };
    assert!(with(&|all| drop(all.remove(0))).contains("begins with no manifest"));
    assert!(with(&|all| drop(all.pop())).contains("no snapshot of etcd"));
    assert!(with(&|all| all.push(all[2].clone())).contains("one twice"));
    assert!(with(&|all| all[0] = Entry::file(MANIFEST, 0o600, manifest(2))).contains("version 2"));
    assert!(with(&|all| all[0] = Entry::file(MANIFEST, 0o600, b"{}".to_vec())).contains("manifest is malformed"));
    assert!(with(&|all| all[5].what = What::Stream(STREAM + 1)).contains("longer than"));
    assert!(with(&|all| all[2].what = What::File(vec![0; LONGEST as usize + 1])).contains("longer than"));
    assert!(with(&|all| all[2].mode = 0o4755).contains("malformed"));
    for name in ["../a", "/etc/passwd"] {
        assert!(!with(&|all| all[2].name = name.into()).is_empty());
    }
}

#[test]
fn a_name_that_leads_out_is_malformed() {
    let block = |name: &str| {
        let mut header = Header::new_ustar();
        header.as_mut_bytes()[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(EntryType::Regular);
        header.set_size(0);
        header.set_mode(0o600);
        header.set_mtime(0);
        header.set_uid(0);
        header.set_gid(0);
        header.set_cksum();
        *header.as_bytes()
    };
    assert!(entry(&block("etc/a")).is_some());
    for name in ["../a", "/a", "a/../b", "a/", "./a", "a//b", "a/./b", "", "a\n"] {
        assert!(entry(&block(name)).is_none(), "{name:?}");
    }
}
