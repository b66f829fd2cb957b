#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

fn file_system(kind: &'static str, label: &str) -> Content {
    Content {
        kind: Some(kind),
        label: Some(label.into()),
        uuid: Some("00112233-4455-6677-8899-aabbccddeeff".into()),
        usage: Some("filesystem"),
        table: None,
    }
}

/// A disk with that content, and partitions with those.
fn disk(name: &str, content: Content, partitions: &[Content]) -> Disk {
    let mut volumes = vec![Volume { device: format!("/dev/{name}").into(), content }];
    for (number, content) in (1..).zip(partitions) {
        volumes.push(Volume { device: format!("/dev/{name}{number}").into(), content: content.clone() });
    }
    Disk { name: name.into(), serial: Some(format!("serial-{name}")), is_fixed: true, volumes }
}

fn blank(name: &str) -> Disk {
    disk(name, Content::default(), &[])
}

fn table() -> Content {
    Content { table: Some("gpt"), ..Content::default() }
}

/// The choice in words: the device to use, `make NAME`, or the refusal.
fn chosen(key: &str, create: bool, disks: &[Disk]) -> String {
    let wanted = Wanted::parse(key).unwrap();
    // The disk's bytes show that this one is not empty.
    match choose(&wanted, "kutties-var", create, disks, |disk| disk.name != "dirty") {
        Ok(Choice::Use(_, volume)) => volume.device.display().to_string(),
        Ok(Choice::Make(disk)) => format!("make {}", disk.name),
        Err(Refusal::Missing(why)) => format!("missing: {why}"),
        Err(Refusal::Final(why)) => format!("final: {why}"),
    }
}

#[test]
fn keys_name_disks() {
    assert_eq!(Wanted::parse("LABEL=a b").unwrap(), Wanted::Label("a b".into()));
    assert_eq!(Wanted::parse("SERIAL=a=b").unwrap(), Wanted::Serial("a=b".into()));
    assert_eq!(Wanted::parse("first-empty").unwrap(), Wanted::FirstEmpty);
    for wrong in ["", "LABEL=", "/dev/vda", "label=x", "first", "PARTUUID=x"] {
        assert!(Wanted::parse(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_label_or_a_number_names_one_file_system() {
    let other = Content { uuid: None, ..file_system("ext4", "other") };
    let disks = [disk("vda", table(), &[other, file_system("xfs", "mine")]), blank("vdb")];
    assert_eq!(chosen("LABEL=mine", false, &disks), "/dev/vda2");
    assert_eq!(chosen("UUID=00112233-4455-6677-8899-AABBCCDDEEFF", false, &disks), "/dev/vda2");
    assert_eq!(chosen("LABEL=none", true, &disks), "missing: no file system has the label none");
    let twice = [disk("vda", file_system("ext4", "mine"), &[]), disk("vdb", file_system("ext4", "mine"), &[])];
    assert_eq!(chosen("LABEL=mine", false, &twice), "final: /dev/vda and /dev/vdb both have the label mine");
    // Pods can't live on it.
    let fat = [disk("vda", table(), &[file_system("vfat", "mine")])];
    assert_eq!(chosen("LABEL=mine", false, &fat), "missing: no file system has the label mine");
}

#[test]
fn first_empty_passes_over_all_that_holds_something() {
    let unknown = Content { usage: Some("other"), ..Content::default() };
    let removable = Disk { is_fixed: false, ..blank("sda") };
    let foreign = [
        removable,
        disk("vda", table(), &[]),
        disk("vdb", Content::default(), &[Content::default()]),
        disk("vdc", file_system("ext4", "root"), &[]),
        disk("vdd", unknown, &[]),
        blank("dirty"),
    ];
    assert_eq!(chosen("first-empty", true, &foreign), "missing: no disk is empty");
    let with_empty: Vec<Disk> = foreign.iter().cloned().chain([blank("vde"), blank("vdf")]).collect();
    assert_eq!(chosen("first-empty", false, &with_empty), "make vde");
}

#[test]
fn first_empty_finds_again_what_it_made() {
    let made = disk("vdz", table(), &[file_system("ext4", "kutties-var")]);
    assert_eq!(chosen("first-empty", false, &[blank("vda"), made.clone()]), "/dev/vdz1");
    let twice = [made, disk("vdy", table(), &[file_system("ext4", "kutties-var")]), blank("vda")];
    assert!(chosen("first-empty", false, &twice).starts_with("final: "), "of two none is made a third");
}

#[test]
fn a_serial_number_names_a_disk_and_what_is_on_it() {
    let disks = [disk("vda", table(), &[file_system("ext4", "a")]), blank("vdb"), blank("dirty")];
    assert_eq!(chosen("SERIAL=serial-vda", false, &disks), "/dev/vda1");
    assert_eq!(chosen("SERIAL=serial-vdb", true, &disks), "make vdb");
    assert!(chosen("SERIAL=serial-vdb", false, &disks).starts_with("final: vdb is empty"));
    assert!(chosen("SERIAL=serial-dirty", true, &disks).starts_with("final: dirty is not empty"));
    assert!(chosen("SERIAL=nobody", true, &disks).starts_with("missing: "));
    let several = [disk("vda", table(), &[file_system("ext4", "a"), file_system("ext4", "b")])];
    assert!(chosen("SERIAL=serial-vda", true, &several).contains("name one by LABEL="));
    let foreign = [disk("vda", table(), &[file_system("vfat", "EFI")])];
    assert!(chosen("SERIAL=serial-vda", true, &foreign).starts_with("final: vda is not empty"));
}
