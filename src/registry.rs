//! The tables: every applet that the binary has. Help, `--list`, the links and the names in the binary derive from here.

use kit::{Applet, Place};

/// Each room's table.
pub const ALL: &[&[Applet]] = &[
    archive::APPLETS,
    awk::APPLETS,
    boot::APPLETS,
    calc::APPLETS,
    cni::APPLETS,
    config::APPLETS,
    coreutils::APPLETS,
    cri::APPLETS,
    crictl::APPLETS,
    disk::APPLETS,
    doctor::APPLETS,
    hardware::APPLETS,
    image::APPLETS,
    init::APPLETS,
    kube::APPLETS,
    crate::man::APPLETS,
    net::APPLETS,
    nettools::APPLETS,
    oci::APPLETS,
    process::APPLETS,
    session::APPLETS,
    shell::APPLETS,
    storage::APPLETS,
    text::APPLETS,
    vi::APPLETS,
];

/// All applets, by room.
pub fn all() -> impl Iterator<Item = &'static Applet> {
    ALL.iter().flat_map(|room| room.iter())
}

/// The applet that a link of that name leads to. A CNI plugin's name counts only when a CNI caller has set its environment, because
/// names such as `bridge` belong to other programs too; the node's own commands have no links, because `join` is another one.
pub fn find(name: &str) -> Option<&'static Applet> {
    let called_as_plugin = std::env::var_os("CNI_COMMAND").is_some();
    let linked = all().filter(|applet| applet.name == name && applet.place != Place::Node);
    linked.into_iter().find(|applet| (applet.place == Place::Cni) == called_as_plugin)
}

/// The applet that `kutties NAME` means: the node's own commands first.
pub fn find_by_argument(name: &str) -> Option<&'static Applet> {
    all().find(|applet| applet.name == name && applet.place == Place::Node).or_else(|| find(name))
}

/// Tells if a word stood for a verb of crictl, where `kutties NAME` now means nothing else.
pub fn is_moved(name: &str) -> bool {
    crictl::MOVED.contains(&name)
}

/// The bytes of the link list: one `PATH\n` for each applet with a link.
const LINKS_LEN: usize = links_len();

/// The links, where the initramfs builder finds them in a binary that it can't run.
#[expect(unsafe_code, reason = "naming a section is an unsafe attribute; it holds plain bytes that nothing executes")]
#[used]
#[unsafe(link_section = ".kutties.applets")]
static LINKS: [u8; LINKS_LEN] = links();

const fn links_len() -> usize {
    let mut len = 0;
    let mut room = 0;
    while room < ALL.len() {
        let mut at = 0;
        while at < ALL[room].len() {
            if let Some(dir) = ALL[room][at].place.dir() {
                len += dir.len() + 1 + ALL[room][at].name.len() + 1;
            }
            at += 1;
        }
        room += 1;
    }
    len
}

const fn links() -> [u8; LINKS_LEN] {
    let mut bytes = [0; LINKS_LEN];
    let mut end = 0;
    let mut room = 0;
    while room < ALL.len() {
        let mut at = 0;
        while at < ALL[room].len() {
            if let Some(dir) = ALL[room][at].place.dir() {
                end = put(&mut bytes, end, dir.as_bytes());
                end = put(&mut bytes, end, b"/");
                end = put(&mut bytes, end, ALL[room][at].name.as_bytes());
                end = put(&mut bytes, end, b"\n");
            }
            at += 1;
        }
        room += 1;
    }
    bytes
}

const fn put(bytes: &mut [u8; LINKS_LEN], at: usize, text: &[u8]) -> usize {
    let mut i = 0;
    while i < text.len() {
        bytes[at + i] = text[i];
        i += 1;
    }
    at + text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tables_are_sorted_and_without_doubles() {
        for room in ALL {
            assert!(
                room.windows(2).all(|pair| pair[0].name < pair[1].name),
                "{:?}",
                room.iter().map(|a| a.name).collect::<Vec<_>>()
            );
        }
        let mut names: Vec<_> = all().map(|a| (a.place == Place::Cni, a.place == Place::Node, a.name)).collect();
        names.sort_unstable();
        let count = names.len();
        names.dedup();
        assert_eq!(names.len(), count);
    }

    #[test]
    fn join_is_of_lines_by_its_link_and_of_clusters_as_an_argument() {
        assert!(find("join").is_some_and(|applet| applet.place == Place::Bin));
        assert!(find_by_argument("join").is_some_and(|applet| applet.place == Place::Node));
        assert!(find("run").is_none() && find_by_argument("run").is_some() && find_by_argument("ls").is_some());
    }

    #[test]
    fn a_word_of_old_means_nothing_else() {
        assert!(is_moved("ps") && is_moved("logs") && !is_moved("ls") && find("crictl").is_some());
        // None of them is a command of the node's own.
        assert!(!all().any(|applet| applet.place == Place::Node && is_moved(applet.name)));
    }

    #[test]
    fn the_table_of_calls_is_sorted_and_names_applets() {
        let names: Vec<_> = kit::calls::CALLS.iter().map(|call| (call.caller, call.callee)).collect();
        assert!(names.is_sorted(), "{names:?}");
        for (caller, callee) in names {
            assert!(find_by_argument(callee).is_some(), "{caller} starts {callee}");
        }
    }

    #[test]
    fn the_section_lists_every_link() {
        let text = String::from_utf8_lossy(&LINKS);
        assert_eq!(text.lines().count(), all().filter(|a| a.place.dir().is_some()).count());
        assert!(text.ends_with('\n') || text.is_empty());
    }
}
