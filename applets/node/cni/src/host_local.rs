//! `host-local`: addresses out of ranges, leased to containers by files on this host (an IPAM plugin of CNI).

use std::ffi::OsString;
use std::net::IpAddr;
use std::path::PathBuf;

use kit::{Applet, Exit, Place, Result};
use serde::Deserialize;
use serde_json::Value;

use crate::lease::Leases;
use crate::plugin::{self, Fault, Plugin, Request, code};
use crate::range::{Range, RangeSet, Written};
use crate::{Answer, Dns, Ip, Route};

/// The applet's row.
pub const NAME: Applet = Applet { name: "host-local", about: "CNI plugin: addresses from ranges", place: Place::Cni, run };

/// The plugin's functions, for callers in this process too.
pub const PLUGIN: Plugin = Plugin { add, del, check, status, gc };

fn run(args: &[OsString]) -> Result<Exit> {
    plugin::run(&NAME, args, &PLUGIN)
}

/// The `ipam` part of a configuration.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Ipam {
    #[serde(default)]
    ranges: Vec<Vec<Written>>,
    #[serde(default)]
    routes: Vec<Route>,
    data_dir: Option<PathBuf>,
    resolv_conf: Option<PathBuf>,
}

/// A request understood.
struct Job {
    sets: Vec<RangeSet>,
    routes: Vec<Route>,
    dns: Dns,
    /// Addresses that were asked for.
    wanted: Vec<IpAddr>,
    data_dir: Option<PathBuf>,
}

impl Job {
    fn of(request: &Request) -> Result<Self, Fault> {
        let wrong = |e: String| Fault::new(code::CONFIGURATION, e);
        let ipam: Ipam =
            serde_json::from_value(request.configuration["ipam"].clone()).map_err(|e| wrong(format!("ipam: {e}")))?;
        // Ranges that the runtime brings come first, then the elder form, then the rest.
        let given = &request.configuration["runtimeConfig"]["ipRanges"];
        let mut written: Vec<Vec<Written>> = match given {
            Value::Null => Vec::new(),
            given => serde_json::from_value(given.clone()).map_err(|e| wrong(format!("runtimeConfig: {e}")))?,
        };
        if !request.configuration["ipam"]["subnet"].is_null() {
            let single = serde_json::from_value(request.configuration["ipam"].clone());
            written.push(vec![single.map_err(|e| wrong(format!("ipam: {e}")))?]);
        }
        written.extend(ipam.ranges);
        if written.is_empty() {
            return Err(wrong("no IP ranges specified".into()));
        }
        let sets = written.iter().map(|set| RangeSet::new(set)).collect::<Result<_, _>>().map_err(wrong)?;
        let dns = ipam.resolv_conf.as_deref().map(resolv_conf).transpose()?.unwrap_or_default();
        Ok(Self { sets, routes: ipam.routes, dns, wanted: wanted(request)?, data_dir: ipam.data_dir })
    }

    fn leases(&self, request: &Request) -> Result<Leases, Fault> {
        Ok(Leases::open(self.data_dir.as_deref(), &request.network)?)
    }
}

/// Gateways of all ranges of a configuration, with their networks' prefixes; none when it is wrong.
pub fn gateways(request: &Request) -> Option<Vec<netlink::Cidr>> {
    let sets = Job::of(request).ok()?.sets;
    let ranges = sets.iter().flat_map(RangeSet::ranges);
    Some(ranges.filter_map(|range| Some(netlink::Cidr { addr: range.gateway?, prefix: range.subnet.prefix })).collect())
}

fn add(request: &Request) -> Result<Answer, Fault> {
    let mut job = Job::of(request)?;
    let leases = job.leases(request)?;
    let (id, ifname) = (&request.container_id, &request.ifname);
    let held = leases.of(id, ifname)?;
    if let Some(addr) = held.first() {
        let msg = format!("{addr} has been allocated to {id}, duplicate allocation is not allowed");
        return Err(Fault::new(code::OTHER, msg));
    }
    let mut ips = Vec::new();
    for (at, set) in job.sets.iter().enumerate() {
        let ip = allocate(&leases, set, at, &mut job.wanted, request).inspect_err(|_| {
            // The first error is the one to tell; a lease that stays is given back by DEL.
            let _ = leases.release(id, ifname);
        })?;
        ips.push(ip);
    }
    if let Some(addr) = job.wanted.first() {
        leases.release(id, ifname)?;
        return Err(Fault::new(code::OTHER, format!("requested IP {addr} is in none of the ranges")));
    }
    Ok(Answer { ips, routes: job.routes, dns: job.dns, ..Answer::default() })
}

/// Lease one address of a set: one of those asked for, or the next free one.
fn allocate(leases: &Leases, set: &RangeSet, at: usize, wanted: &mut Vec<IpAddr>, request: &Request) -> Result<Ip, Fault> {
    let (id, ifname) = (&request.container_id, &request.ifname);
    let answer = |range: &Range, addr: IpAddr| {
        let address = netlink::Cidr { addr, prefix: range.subnet.prefix };
        Ip { interface: None, address, gateway: range.gateway }
    };
    let asked = wanted.iter().position(|addr| set.range_of(*addr).is_some()).map(|place| wanted.remove(place));
    if let Some((addr, range)) = asked.and_then(|addr| Some((addr, set.range_of(addr)?))) {
        if range.gateway == Some(addr) {
            return Err(Fault::new(code::OTHER, format!("requested IP {addr} is the gateway")));
        }
        if !leases.reserve(addr, id, ifname, at)? {
            return Err(Fault::new(code::OTHER, format!("requested IP {addr} is not available")));
        }
        return Ok(answer(range, addr));
    }
    for (range, addr) in set.beginning_after(leases.last(at)) {
        if leases.reserve(addr, id, ifname, at)? {
            return Ok(answer(range, addr));
        }
    }
    Err(Fault::new(code::OTHER, format!("no IP addresses available in network {}, range set {at}", request.network)))
}

fn del(request: &Request) -> Result<(), Fault> {
    Ok(Job::of(request)?.leases(request)?.release(&request.container_id, &request.ifname)?)
}

fn check(request: &Request) -> Result<(), Fault> {
    let held = Job::of(request)?.leases(request)?.of(&request.container_id, &request.ifname)?;
    if held.is_empty() {
        let msg = format!("host-local: Failed to find address added by container {}", request.container_id);
        return Err(Fault::new(code::OTHER, msg));
    }
    Ok(())
}

fn status(request: &Request) -> Result<(), Fault> {
    Job::of(request).map(drop)
}

fn gc(request: &Request) -> Result<(), Fault> {
    Ok(Job::of(request)?.leases(request)?.keep_only(&request.valid()?)?)
}

/// The addresses that were asked for, by any of the three ways: `CNI_ARGS` IP, `args.cni.ips`, the capability `ips`.
fn wanted(request: &Request) -> Result<Vec<IpAddr>, Fault> {
    let conf = &request.configuration;
    let lists = [&conf["args"]["cni"]["ips"], &conf["runtimeConfig"]["ips"]];
    let texts = lists.into_iter().filter_map(Value::as_array).flatten().filter_map(Value::as_str);
    let texts = texts.chain(request.args.get("IP").map(String::as_str));
    let read = |text: &str| {
        let addr = text.split('/').next().unwrap_or_default();
        addr.parse().map_err(|_| Fault::new(code::CONFIGURATION, format!("requested IP {text:?} is not an address")))
    };
    texts.map(read).collect()
}

/// Name servers out of a resolv.conf.
fn resolv_conf(file: &std::path::Path) -> Result<Dns, Fault> {
    use kit::Context;
    let text = std::fs::read_to_string(file).on("read", file)?;
    let mut dns = Dns::default();
    for line in text.lines() {
        let mut words = line.split_whitespace();
        match words.next() {
            Some("nameserver") => dns.nameservers.extend(words.next().map(str::to_owned)),
            Some("domain") => words.next().unwrap_or_default().clone_into(&mut dns.domain),
            Some("search") => dns.search = words.map(str::to_owned).collect(),
            Some("options") => dns.options.extend(words.map(str::to_owned)),
            _ => {}
        }
    }
    Ok(dns)
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use serde_json::json;

    fn request(dir: &std::path::Path, id: &str, ipam: &Value) -> Request {
        let mut configuration = json!({"name": "n", "ipam": ipam});
        configuration["ipam"]["dataDir"] = json!(dir);
        Request { container_id: id.into(), ifname: "eth0".into(), network: "n".into(), configuration, ..Request::default() }
    }

    fn directory(name: &str) -> PathBuf {
        std::env::temp_dir().join(format!("kutties-lease-{name}-{}", std::process::id()))
    }

    #[test]
    fn leases_come_and_go() {
        let dir = directory("go");
        let ipam = json!({"ranges": [[{"subnet": "10.0.0.0/29"}], [{"subnet": "fd00::/64"}]], "routes": [{"dst": "0.0.0.0/0"}]});
        let first = add(&request(&dir, "a", &ipam)).unwrap();
        assert_eq!(first.ips[0].address.to_string(), "10.0.0.2/29");
        assert_eq!(first.ips[0].gateway, Some("10.0.0.1".parse().unwrap()));
        assert_eq!(first.ips[1].address.to_string(), "fd00::2/64");
        assert_eq!(first.routes.len(), 1);
        assert_eq!(std::fs::read_to_string(dir.join("n/10.0.0.2")).unwrap(), "a\r\neth0");
        assert_eq!(std::fs::read_to_string(dir.join("n/last_reserved_ip.0")).unwrap(), "10.0.0.2");
        assert!(add(&request(&dir, "a", &ipam)).unwrap_err().msg.contains("duplicate"));
        for id in ["b", "c", "d", "e"] {
            add(&request(&dir, id, &ipam)).unwrap();
        }
        assert!(add(&request(&dir, "f", &ipam)).unwrap_err().msg.contains("no IP addresses available"));
        check(&request(&dir, "a", &ipam)).unwrap();
        del(&request(&dir, "a", &ipam)).unwrap();
        del(&request(&dir, "a", &ipam)).unwrap();
        assert!(check(&request(&dir, "a", &ipam)).is_err());
        assert_eq!(add(&request(&dir, "f", &ipam)).unwrap().ips[0].address.to_string(), "10.0.0.2/29");
        let mut clean = request(&dir, "", &ipam);
        clean.configuration["cni.dev/valid-attachments"] = json!([{"containerID": "f", "ifname": "eth0"}]);
        gc(&clean).unwrap();
        assert!(dir.join("n/10.0.0.2").exists() && !dir.join("n/10.0.0.3").exists());
        std::fs::remove_dir_all(&dir).unwrap();
    }

    #[test]
    fn an_address_can_be_asked_for() {
        let dir = directory("ask");
        let mut asks = request(&dir, "a", &json!({"subnet": "10.0.0.0/24"}));
        asks.args.insert("IP".into(), "10.0.0.77".into());
        assert_eq!(add(&asks).unwrap().ips[0].address.to_string(), "10.0.0.77/24");
        asks.container_id = "b".into();
        assert!(add(&asks).unwrap_err().msg.contains("not available"));
        asks.args.insert("IP".into(), "10.9.0.77".into());
        assert!(add(&asks).unwrap_err().msg.contains("none of the ranges"));
        asks.args.clear();
        // The failed request gave back what it had taken.
        assert_eq!(add(&asks).unwrap().ips.len(), 1);
        std::fs::remove_dir_all(&dir).unwrap();
    }
}
