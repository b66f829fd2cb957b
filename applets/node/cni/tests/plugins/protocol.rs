//! Protocol of plugins: their input and their output.

use std::process::{Command, Stdio};

use cni::Attachment;
use serde_json::{Value, json};

use crate::{Pod, Setup, ports};

/// Each plugin gets the capabilities that it names, the previous answer, and at DEL what was cached.
pub fn capabilities(setup: &Setup) {
    let seen = setup.dir.join("seen");
    let spy = |verb: &str| -> Value { serde_json::from_slice(&std::fs::read(seen.join(verb)).unwrap()).unwrap() };
    std::fs::create_dir_all(&seen).unwrap();
    let value = json!({"cniVersion": "1.1.0", "name": "caps", "plugins": [
        {"type": "spy", "seen": seen, "capabilities": {"mac": true, "bandwidth": false}},
        {"type": "spy", "seen": seen, "capabilities": {"portMappings": true, "bandwidth": true, "dns": true, "ips": true}},
    ]});
    let network = setup.network(value.clone());
    let mut pod = Pod::new("c");
    pod.attachment.port_mappings = vec![ports::udp(1, 2, "")];
    pod.attachment.dns.nameservers = vec!["10.0.0.1".into()];
    pod.attachment.capabilities.insert("bandwidth".into(), json!({"ingressRate": 1000}));
    pod.attachment.capabilities.insert("mac".into(), json!("02:00:00:00:00:01"));
    let answer = network.add(&pod.attachment).unwrap();
    assert_eq!(answer.ips.len(), 1);
    let given = &spy("ADD")["runtimeConfig"];
    assert_eq!(given["portMappings"], json!([{"hostPort": 1, "containerPort": 2, "protocol": "udp"}]));
    assert_eq!((&given["bandwidth"]["ingressRate"], &given["dns"]["servers"][0]), (&json!(1000), &json!("10.0.0.1")));
    assert_eq!((&given["mac"], &given["ips"]), (&Value::Null, &Value::Null));
    assert_eq!(spy("ADD")["prevResult"]["cniVersion"], "1.1.0");
    network.check(&pod.attachment).unwrap();
    assert_eq!(spy("CHECK")["prevResult"]["ips"][0]["address"], "10.7.7.7/24");
    // The configuration has changed since, and DEL is as ADD was.
    let mut changed = value.clone();
    changed["plugins"] = json!([{"type": "spy", "seen": seen, "changed": true}]);
    let nobody = Attachment { port_mappings: Vec::new(), ..pod.attachment.clone() };
    setup.network(changed.clone()).del(&nobody).unwrap();
    assert_eq!(spy("DEL")["runtimeConfig"], json!({"mac": "02:00:00:00:00:01"}));
    assert_eq!((&spy("DEL")["changed"], &spy("DEL")["prevResult"]["ips"][0]["address"]), (&Value::Null, &json!("10.7.7.7/24")));
    network.status().unwrap();
    assert_eq!(spy("STATUS")["name"], "caps");
    setup.network(changed.clone()).gc(&[("kept".into(), "eth0".into())]).unwrap();
    assert_eq!(spy("GC")["cni.dev/valid-attachments"], json!([{"containerID": "kept", "ifname": "eth0"}]));
    changed["plugins"][0]["fail"] = json!(true);
    let said = setup.network(changed.clone()).status().unwrap_err().to_string();
    assert_eq!(said, "CNI plugin spy (STATUS): not now");
    changed["disableGC"] = json!(true);
    setup.network(changed).gc(&[]).unwrap();
}

/// Errors and codes are the specification's.
pub fn complaints(setup: &Setup) {
    let say = |plugin: &str, env: &[(&str, &str)], input: &str| -> Value {
        let mut command = Command::new(setup.bin.join(plugin));
        command.env("CNI_COMMAND", "ADD").env("CNI_PATH", &setup.bin).stdin(Stdio::piped()).stdout(Stdio::piped());
        let mut child = command.envs(env.iter().copied()).spawn().unwrap();
        // A plugin that lacks a variable complains without reading its input.
        let _ = std::io::Write::write_all(&mut child.stdin.take().unwrap(), input.as_bytes());
        // The reference plugins write a second error after some.
        let output = child.wait_with_output().unwrap().stdout;
        serde_json::Deserializer::from_slice(&output).into_iter().next().unwrap().unwrap()
    };
    let pod = Pod::new("w");
    let whole = [("CNI_CONTAINERID", "c"), ("CNI_NETNS", pod.attachment.netns.to_str().unwrap()), ("CNI_IFNAME", "eth7")];
    let conf = r#"{"cniVersion":"1.0.0","name":"n","type":"bridge"}"#;
    for plugin in ["bridge", "loopback", "host-local"] {
        assert_eq!(say(plugin, &[], conf)["code"], 4, "{plugin}");
        assert_eq!(say(plugin, &whole, "{")["code"], 6, "{plugin}");
        assert_eq!(say(plugin, &whole, r#"{"cniVersion":"0.0.9","name":"n"}"#)["code"], 1, "{plugin}");
        assert_eq!(say(plugin, &[("CNI_COMMAND", "JUMP"), whole[0], whole[1], whole[2]], conf)["code"], 4, "{plugin}");
        let version = say(plugin, &[("CNI_COMMAND", "VERSION")], r#"{"cniVersion":"1.0.0"}"#);
        assert!(version["supportedVersions"].as_array().unwrap().contains(&json!("1.1.0")), "{plugin}");
    }
    let own = [("CNI_CONTAINERID", "c"), ("CNI_NETNS", "/proc/self/ns/net"), ("CNI_IFNAME", "eth7")];
    if setup.reference.is_none() {
        assert_eq!(say("loopback", &own, conf)["code"], 8);
        let vlan = r#"{"cniVersion":"1.0.0","name":"n","type":"bridge","vlan":5}"#;
        assert_eq!(say("bridge", &whole, vlan)["msg"], "unsupported field \"vlan\"");
    }
    let lo = say("loopback", &whole, r#"{"cniVersion":"0.4.0","name":"n","type":"loopback"}"#);
    assert_eq!(lo["interfaces"][0]["name"], "lo");
    // The reference leaves out what 0.4.0 asks for.
    assert!(setup.reference.is_some() || lo["ips"][0]["version"] == "4");
}
