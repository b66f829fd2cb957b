#![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
use super::*;

fn bases(hosts: &[Host]) -> Vec<String> {
    hosts.iter().map(|host| format!("{}{}", host.base, if host.mirror { " mirror" } else { "" })).collect()
}

#[test]
fn without_settings() {
    let none = Overrides { directories: Some(vec![]), ..Overrides::default() };
    for (name, base) in [
        ("docker.io", "https://registry-1.docker.io/v2"),
        ("a.example:5000", "https://a.example:5000/v2"),
        ("localhost:5000", "http://localhost:5000/v2"),
        ("127.0.0.1:5000", "http://127.0.0.1:5000/v2"),
        ("[::1]:5000", "http://[::1]:5000/v2"),
        ("localhost.example", "https://localhost.example/v2"),
    ] {
        assert_eq!(bases(&find(name, &none).unwrap()), [base]);
    }
    let plain = Overrides { plain_http: true, ..none };
    assert_eq!(bases(&find("a.example", &plain).unwrap()), ["http://a.example/v2"]);
}

#[test]
fn the_order_of_the_file_is_the_order_of_asking() {
    let text = r#"
        server = "https://registry-1.docker.io"
        [host."https://z.example"]
        capabilities = ["pull", "resolve"]
        ca = "z.crt"
        [host."http://a.example/prefix"]
        capabilities = ["pull"]
        skip_verify = true
        client = [["a.cert", "/k/a.key"]]
        dial_timeout = "3s"
        header = {x-one = "1", x-two = ["2", "3"]}
        [host."https://b.example/v2/hub"]
        override_path = true
    "#;
    let hosts = parse("docker.io", text, Path::new("/d")).unwrap();
    let wanted = [
        "https://z.example/v2 mirror",
        "http://a.example/prefix/v2 mirror",
        "https://b.example/v2/hub mirror",
        "https://registry-1.docker.io/v2",
    ];
    assert_eq!(bases(&hosts), wanted);
    assert_eq!(hosts[0].tls.authorities, [Path::new("/d/z.crt")]);
    assert!(!hosts[1].resolves && hosts[1].pulls && hosts[1].tls.skip_verify);
    assert_eq!(hosts[1].tls.client, Some(("/d/a.cert".into(), "/k/a.key".into())));
    assert_eq!(hosts[1].dial_seconds, Some(3));
    assert_eq!(hosts[1].headers.iter().map(|(_, v)| v.as_str()).collect::<Vec<_>>(), ["1", "2", "3"]);
}

#[test]
fn settings_of_the_registry_itself() {
    let own = parse("r.example:5000", "ca = [\"/x\", \"y\"]\nskip_verify = true", Path::new("/d")).unwrap();
    assert_eq!(bases(&own), ["https://r.example:5000/v2"]);
    assert_eq!(own[0].tls.authorities, [Path::new("/x"), Path::new("/d/y")]);
    let named = parse("r.example:5000", "[host.\"http://r.example:5000\"]", Path::new("/")).unwrap();
    assert_eq!(bases(&named)[0], "http://r.example:5000/v2");
    let elsewhere = parse("r.example", "server = \"https://other.example\"", Path::new("/")).unwrap();
    assert_eq!(bases(&elsewhere), ["https://other.example/v2 mirror"]);
}

#[test]
fn mistakes_are_named() {
    for (text, part) in [
        ("sever = \"x\"", "sever"),
        ("[host.\"https://a\"]\ncapabilites = []", "capabilites"),
        ("capabilities = [\"pul\"]", "pul"),
        ("server = \"ftp://x\"", "ftp://x"),
        ("dial_timeout = \"soon\"", "soon"),
        ("x", "expected"),
    ] {
        let said = parse("r.example", text, Path::new("/")).unwrap_err().to_string();
        assert!(said.contains(part), "{text}: {said}");
    }
}

#[test]
fn directories_by_name() {
    let root = std::env::temp_dir().join(format!("kutties-hosts-{}", std::process::id()));
    let overrides = Overrides { directories: Some(vec![root.join("one"), root.join("two")]), ..Overrides::default() };
    let put = |path: &str, text: &str| {
        fs::create_dir_all(root.join(path).parent().unwrap()).unwrap();
        fs::write(root.join(path), text).unwrap();
    };
    put("two/_default/hosts.toml", "[host.\"http://all.example\"]");
    put("two/r.example:5000/hosts.toml", "[host.\"http://colon.example\"]");
    assert_eq!(bases(&find("r.example:5000", &overrides).unwrap())[0], "http://colon.example/v2 mirror");
    put("two/r.example_5000_/hosts.toml", "[host.\"http://under.example\"]");
    assert_eq!(bases(&find("r.example:5000", &overrides).unwrap())[0], "http://under.example/v2 mirror");
    assert_eq!(bases(&find("s.example", &overrides).unwrap())[0], "http://all.example/v2 mirror");
    put("one/s.example/ca.crt", "");
    let found = find("s.example", &overrides).unwrap();
    assert_eq!(found[0].tls.authorities, [root.join("one/s.example/ca.crt")]);
    fs::remove_dir_all(root).unwrap();
}
