#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

const SERVER: IpAddr = IpAddr::V4(std::net::Ipv4Addr::LOCALHOST);

fn asked(kind: &str, options: &str) -> Result<Request> {
    request(kind, &options.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect::<Vec<_>>())
}

fn tried(kind: &str, options: &str) -> String {
    let versions: Vec<String> = asked(kind, options).unwrap().versions.iter().map(ToString::to_string).collect();
    versions.join(" ")
}

/// The kernel's options at each try.
fn told(kind: &str, options: &str) -> Vec<String> {
    let request = asked(kind, options).unwrap();
    request.versions.iter().map(|version| data(&request, *version, SERVER)).collect()
}

#[test]
fn sources() {
    assert_eq!(server("nas:/a b").unwrap(), ("nas", "/a b"));
    assert_eq!(server("[fd00::1]:/x:y").unwrap(), ("fd00::1", "/x:y"));
    for wrong in ["nas", "nas:", ":/x", "nas:x", "[fd00::1]/x", "[fd00::1", ""] {
        assert!(server(wrong).is_err(), "{wrong}");
    }
}

#[test]
fn a_source_without_a_type_is_known_by_its_form() {
    for (kind, source, wanted) in [
        ("nfs", "x", true),
        ("nfs4", "nas:/x", true),
        ("auto", "nas:/x", true),
        ("auto", "/dev/vda", false),
        ("auto", "LABEL=a:b", false),
        ("ext4", "nas:/x", false),
    ] {
        assert_eq!(is_wanted(kind, Path::new(source)), wanted, "{kind} {source}");
    }
}

#[test]
fn versions_are_tried_from_the_newest() {
    assert_eq!(tried("nfs", ""), "4.2 4.1 4.0 3");
    assert_eq!(tried("nfs4", ""), "4.2 4.1 4.0");
    assert_eq!(tried("nfs", "vers=4"), "4.2 4.1 4.0");
    assert_eq!(tried("nfs", "v4"), "4.2 4.1 4.0");
    for one in ["nfsvers=4.1", "v4.1", "vers=4,minorversion=1", "minorversion=1", "vers=3,vers=4.1"] {
        assert_eq!(tried("nfs", one), "4.1", "{one}");
    }
    for three in ["vers=3", "nfsvers=3", "v3"] {
        assert_eq!(tried("nfs", three), "3", "{three}");
    }
    for wrong in
        ["vers=2", "v2", "vers=5", "vers=4.3", "vers=", "vers=3,minorversion=1", "minorversion=9", "vers=4.1,minorversion=1"]
    {
        assert!(asked("nfs", wrong).is_err(), "{wrong}");
    }
    assert!(asked("nfs4", "vers=3").is_err());
}

#[test]
fn the_kernel_gets_what_it_can_not_find_itself() {
    assert_eq!(told("nfs", "hard,vers=3"), ["hard,vers=3,addr=127.0.0.1,nolock"]);
    assert_eq!(told("nfs", "vers=3,lock,rsize=4096"), ["lock,rsize=4096,vers=3,addr=127.0.0.1"]);
    assert_eq!(told("nfs", "vers=3,local_lock=flock"), ["local_lock=flock,vers=3,addr=127.0.0.1"]);
    assert_eq!(told("nfs4", "vers=4.1"), ["vers=4.1,addr=127.0.0.1,clientaddr=127.0.0.1"]);
    assert_eq!(told("nfs", "vers=4.0,clientaddr=10.0.0.7"), ["clientaddr=10.0.0.7,vers=4.0,addr=127.0.0.1"]);
    let port = told("nfs", "vers=3,mountport=20048,mounthost=127.0.0.1,mountproto=tcp");
    assert_eq!(port, ["mountport=20048,mountaddr=127.0.0.1,mountproto=tcp,vers=3,addr=127.0.0.1,nolock"]);
}

#[test]
fn what_is_for_mount_itself_is_not_given_on() {
    let request = asked("nfs", "fg,retry=5,addr=10.0.0.9,soft").unwrap();
    assert_eq!((request.words, request.retry), (vec!["soft".to_owned()], Duration::from_mins(5)));
    assert_eq!(request.address, Some(IpAddr::from([10, 0, 0, 9])));
    for wrong in ["bg", "sec=krb5p", "retry=x", "addr=nas"] {
        assert!(asked("nfs", wrong).is_err(), "{wrong}");
    }
    assert!(asked("nfs", "sec=sys").is_ok());
}

#[test]
fn a_transport_has_a_family() {
    let found = |options| addresses("::1", &asked("nfs", options).unwrap());
    assert_eq!(found("proto=tcp6").unwrap(), [IpAddr::from([0, 0, 0, 0, 0, 0, 0, 1])]);
    assert_eq!(found("").unwrap().len(), 1);
    assert!(found("proto=tcp").is_err() && found("udp").is_err());
}

#[test]
fn failures_are_told_by_their_kind() {
    for (errno, of_version, passing) in [
        (Errno::PROTONOSUPPORT, true, false),
        (Errno::CONNREFUSED, true, true),
        (Errno::TIMEDOUT, false, true),
        (Errno::ACCESS, false, false),
        (Errno::NOENT, true, false),
    ] {
        assert_eq!((is_of_version(errno), is_passing(errno)), (of_version, passing), "{errno}");
    }
    let text = |errno| explain(errno, "nas:/x", "/x", SERVER).to_string();
    assert_eq!(text(Errno::ACCESS), "mount nas:/x: the server at 127.0.0.1 does not let this machine mount /x");
    assert_eq!(text(Errno::IO), "mount nas:/x: input/output error");
}
