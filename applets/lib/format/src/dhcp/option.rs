//! Option numbers.

/// Subnet mask.
pub const MASK: u8 = 1;
/// Routers, best first.
pub const ROUTERS: u8 = 3;
/// Name servers.
pub const DNS: u8 = 6;
/// The client's name.
pub const HOST_NAME: u8 = 12;
/// The client's domain.
pub const DOMAIN: u8 = 15;
/// The longest packet, in bytes.
pub const MTU: u8 = 26;
/// Broadcast address.
pub const BROADCAST: u8 = 28;
/// Time servers.
pub const NTP: u8 = 42;
/// The address that is asked for.
pub const REQUESTED: u8 = 50;
/// Lease time of the address, in seconds.
pub const LEASE: u8 = 51;
/// `sname` and `file` hold options.
pub const OVERLOAD: u8 = 52;
/// Type of the packet.
pub const TYPE: u8 = 53;
/// Identity of the server.
pub const SERVER: u8 = 54;
/// The options that the client wants.
pub const WANTED: u8 = 55;
/// A server's words of refusal.
pub const MESSAGE: u8 = 56;
/// The longest packet that the client takes.
pub const MAX_SIZE: u8 = 57;
/// Time until renewal, in seconds.
pub const RENEW: u8 = 58;
/// Time until any server is asked, in seconds.
pub const REBIND: u8 = 59;
/// Vendor and kind of the client.
pub const VENDOR_CLASS: u8 = 60;
/// Identity of the client.
pub const CLIENT_ID: u8 = 61;
/// The boot server's name.
pub const BOOT_SERVER: u8 = 66;
/// The boot file's name.
pub const BOOT_FILE: u8 = 67;
/// For PXE: discovery and menus, as options of their own (of the PXE specification 2.1).
pub const VENDOR: u8 = 43;
/// Names of programs on the client (RFC 3004): iPXE says `iPXE`.
pub const USER_CLASS: u8 = 77;
/// The client's architecture and firmware (RFC 4578).
pub const ARCH: u8 = 93;
/// The client's network interface's kind (RFC 4578).
pub const INTERFACE: u8 = 94;
/// The machine's UUID (RFC 4578).
pub const UUID: u8 = 97;
/// Domains to look names up in.
pub const SEARCH: u8 = 119;
/// Routes with prefixes; where they are, routers do not count.
pub const ROUTES: u8 = 121;
/// Settings of this system, as on the kernel's command line (of the numbers for a site's own use, RFC 3942).
pub const SETTINGS: u8 = 224;
/// Fills.
pub const PAD: u8 = 0;
/// Ends.
pub const END: u8 = 255;
