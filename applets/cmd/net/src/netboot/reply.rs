//! Replies to a DHCP packet, as a server or beside one (ProxyDHCP). No input or output here.

use std::net::Ipv4Addr;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use format::dhcp::{Packet, Type, option};
use format::pxe::{self, Client, Loader};

use super::pool::{Mac, Pool};

/// Settings of the server for this network.
#[derive(Debug)]
pub struct Network {
    /// None beside another server.
    pool: Option<Mutex<Pool>>,
    router: Option<Ipv4Addr>,
    dns: Vec<Ipv4Addr>,
    /// Of HTTP.
    pub port: u16,
}

/// File that a machine boots, if it may.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Boot {
    /// Kind of the client.
    pub client: Client,
    /// The file's path on the server.
    pub path: String,
}

/// Addresses of the server on this network.
#[derive(Debug, Clone, Copy)]
pub struct Own {
    /// Its address.
    pub address: Ipv4Addr,
    /// The network's prefix length.
    pub prefix: u8,
}

impl Network {
    /// With or without addresses to give.
    pub fn new(pool: Option<Pool>, router: Option<Ipv4Addr>, dns: Vec<Ipv4Addr>, port: u16) -> Self {
        Self { pool: pool.map(Mutex::new), router, dns, port }
    }

    /// Tells if another server gives addresses.
    pub fn is_proxy(&self) -> bool {
        self.pool.is_none()
    }

    /// The answer to a client; none when it is not for us to give. `boot` is what a machine that wants to boot gets.
    pub fn answer(&self, packet: &Packet, own: Own, boot: Option<&Boot>) -> Option<Packet> {
        if packet.reply || packet.hardware == [0; 6] {
            return None;
        }
        let mut answer = match &self.pool {
            None => proxied(packet, own, boot?)?,
            Some(pool) => {
                let mut pool = pool.lock().unwrap_or_else(PoisonError::into_inner);
                self.served(&mut pool, packet, own, Instant::now())?
            }
        };
        if answer.kind() == Some(Type::Nak) {
            return Some(answer);
        }
        if let Some(boot) = boot {
            self.tell(&mut answer, boot, own);
        }
        Some(answer)
    }

    fn served(&self, pool: &mut Pool, packet: &Packet, own: Own, now: Instant) -> Option<Packet> {
        let (mac, us) = (packet.hardware, own.address);
        let wish = packet.address(option::REQUESTED);
        let (kind, yours) = match packet.kind()? {
            Type::Discover => (Type::Offer, pool.offer(mac, wish, us, now)?),
            Type::Request => match requested(packet, us)? {
                address if pool.lend(mac, address, us, now) => (Type::Ack, address),
                _ => (Type::Nak, Ipv4Addr::UNSPECIFIED),
            },
            Type::Inform => (Type::Ack, Ipv4Addr::UNSPECIFIED),
            Type::Release => {
                pool.release(mac, packet.client);
                return None;
            }
            Type::Decline => {
                pool.decline(mac, wish?, now);
                return None;
            }
            _ => return None,
        };
        let mut answer = reply(packet, kind, own);
        answer.yours = yours;
        if kind == Type::Nak {
            answer.options.insert(option::MESSAGE, b"this address is not yours".to_vec());
            return Some(answer);
        }
        let mask = u32::MAX.checked_shl(32 - u32::from(own.prefix)).unwrap_or(0);
        answer.options.insert(option::MASK, mask.to_be_bytes().to_vec());
        if let Some(router) = self.router {
            answer.options.insert(option::ROUTERS, router.octets().to_vec());
        }
        if !self.dns.is_empty() {
            answer.options.insert(option::DNS, self.dns.iter().flat_map(Ipv4Addr::octets).collect());
        }
        if !yours.is_unspecified() {
            answer.options.insert(option::LEASE, pool.lease.to_be_bytes().to_vec());
        }
        Some(answer)
    }

    /// Adds the file to boot, in the form that the machine's loader understands.
    fn tell(&self, answer: &mut Packet, boot: &Boot, own: Own) {
        let url = || format!("http://{}:{}/{}", own.address, self.port, boot.path);
        let name = match boot.client.loader {
            Loader::Ipxe | Loader::EfiHttp => url(),
            Loader::Bios | Loader::Efi => boot.path.clone(),
        };
        answer.next_server = own.address;
        if boot.client.loader == Loader::EfiHttp {
            answer.options.insert(option::VENDOR_CLASS, pxe::HTTP.into());
        } else if self.is_proxy() {
            answer.options.insert(option::VENDOR_CLASS, pxe::PXE.into());
            // Else a client would look for boot servers by multicast, and show a menu of them.
            answer.options.insert(option::VENDOR, pxe::NO_DISCOVERY.to_vec());
        }
        answer.options.insert(option::BOOT_FILE, name.clone().into_bytes());
        answer.file = name;
    }
}

/// Beside another server: what to boot, and nothing else.
fn proxied(packet: &Packet, own: Own, boot: &Boot) -> Option<Packet> {
    let kind = match packet.kind()? {
        Type::Discover => Type::Offer,
        // On the port of boot servers, or who has an address already.
        Type::Request | Type::Inform if packet.address(option::SERVER).is_none_or(|server| server == own.address) => Type::Ack,
        _ => return None,
    };
    let mut answer = reply(packet, kind, own);
    if let Some(uuid) = packet.options.get(&option::UUID).filter(|_| boot.client.uuid.is_some()) {
        answer.options.insert(option::UUID, uuid.clone());
    }
    Some(answer)
}

fn reply(packet: &Packet, kind: Type, own: Own) -> Packet {
    let mut answer = Packet::of_client(kind, packet.exchange, packet.hardware);
    answer.reply = true;
    answer.broadcast = packet.broadcast;
    answer.relay = packet.relay;
    answer.client = if kind == Type::Ack { packet.client } else { Ipv4Addr::UNSPECIFIED };
    answer.options.insert(option::SERVER, own.address.octets().to_vec());
    if let Some(id) = packet.options.get(&option::CLIENT_ID) {
        // RFC 6842.
        answer.options.insert(option::CLIENT_ID, id.clone());
    }
    answer
}

/// The address that a request is about; none when it is another server's business.
fn requested(packet: &Packet, own: Ipv4Addr) -> Option<Ipv4Addr> {
    match packet.address(option::SERVER) {
        Some(server) if server != own => None,
        _ => packet.address(option::REQUESTED).or(Some(packet.client)).filter(|address| !address.is_unspecified()),
    }
}

/// The machine's hardware address, as its name in paths.
pub fn in_path(mac: Mac) -> String {
    pxe::mac(mac).replace(':', "-")
}

#[cfg(test)]
mod tests {
    #![expect(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
    use super::*;
    use format::pxe::Arch;

    const OWN: Own = Own { address: Ipv4Addr::new(10, 0, 0, 1), prefix: 24 };
    const MAC: Mac = [2, 0, 0, 0, 0, 1];

    fn network(serves: bool) -> Network {
        let pool = Pool::new(Ipv4Addr::new(10, 0, 0, 10), Ipv4Addr::new(10, 0, 0, 20), 600);
        Network::new(serves.then_some(pool), Some(OWN.address), vec![OWN.address], 8080)
    }

    fn boot(loader: Loader) -> Boot {
        Boot { client: Client { loader, arch: Arch::X86_64, uuid: None }, path: "x86_64/m/kutties.efi".into() }
    }

    #[test]
    fn an_address_is_offered_lent_and_refused() {
        let network = network(true);
        let discover = Packet::of_client(Type::Discover, 7, MAC);
        let offer = network.answer(&discover, OWN, None).unwrap();
        assert_eq!((offer.kind(), offer.exchange, offer.prefix()), (Some(Type::Offer), 7, Some(24)));
        assert_eq!((offer.number(option::LEASE), offer.address(option::ROUTERS)), (Some(600), Some(OWN.address)));
        let mut request = Packet::of_client(Type::Request, 8, MAC);
        request.options.insert(option::REQUESTED, offer.yours.octets().to_vec());
        request.options.insert(option::SERVER, [10, 0, 0, 2].to_vec());
        assert_eq!(network.answer(&request, OWN, None), None, "it has taken another server's");
        request.options.insert(option::SERVER, OWN.address.octets().to_vec());
        let ack = network.answer(&request, OWN, None).unwrap();
        assert_eq!((ack.kind(), ack.yours), (Some(Type::Ack), offer.yours));
        request.hardware = [9; 6];
        assert_eq!(network.answer(&request, OWN, None).unwrap().kind(), Some(Type::Nak));
    }

    #[test]
    fn each_loader_is_told_in_its_own_words() {
        let mut discover = Packet::of_client(Type::Discover, 7, MAC);
        let by = |network: &Network, loader, packet: &Packet| network.answer(packet, OWN, Some(&boot(loader))).unwrap();
        let plain = by(&network(true), Loader::Efi, &discover);
        assert_eq!((plain.file.as_str(), plain.next_server), ("x86_64/m/kutties.efi", OWN.address));
        assert!(!plain.options.contains_key(&option::VENDOR) && !plain.options.contains_key(&option::VENDOR_CLASS));
        let web = by(&network(true), Loader::EfiHttp, &discover);
        assert_eq!(web.text(option::BOOT_FILE).unwrap(), "http://10.0.0.1:8080/x86_64/m/kutties.efi");
        assert_eq!(web.text(option::VENDOR_CLASS).unwrap(), pxe::HTTP);
        let proxy = network(false);
        let aside = by(&proxy, Loader::Efi, &discover);
        assert!(aside.yours.is_unspecified() && aside.number(option::LEASE).is_none());
        assert_eq!(aside.text(option::VENDOR_CLASS).unwrap(), pxe::PXE);
        assert_eq!(aside.options[&option::VENDOR], pxe::NO_DISCOVERY);
        // A machine that does not want to boot gets no answer.
        assert_eq!(proxy.answer(&discover, OWN, None), None);
        discover.options.insert(option::TYPE, vec![Type::Request as u8]);
        assert_eq!(by(&proxy, Loader::Ipxe, &discover).kind(), Some(Type::Ack));
        discover.options.insert(option::SERVER, [10, 0, 0, 9].to_vec());
        assert_eq!(proxy.answer(&discover, OWN, Some(&boot(Loader::Efi))), None, "it is another server's");
        discover.reply = true;
        assert_eq!(network(true).answer(&discover, OWN, None), None);
    }
}
