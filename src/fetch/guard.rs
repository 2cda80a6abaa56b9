//! Which addresses may be polled, and the resolver that holds every connection to it.
//!
//! Owns the address table and name lookups. A name is judged by what it resolves to, at the moment of
//! connecting: the client connects to what [`Resolver`] returned and to nothing else, so an answer that
//! changes between check and connect has no gap to slip through. Refuses to look at URLs: the caller
//! judges address literals, for which no name is looked up.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, ToSocketAddrs};
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tokio::sync::Semaphore;

/// Addresses taken from one DNS answer; more would only lengthen a failing connect.
const ADDRESSES_MAX: usize = 16;

/// Lookups at a time. They block threads of tokio's pool, and a few slow names must not take them all.
pub(super) const LOOKUPS_MAX: usize = 32;

const fn v4(a: u8, b: u8, c: u8, d: u8, prefix: u8) -> Ipv4Net {
    Ipv4Net::new_assert(Ipv4Addr::new(a, b, c, d), prefix)
}

const fn v6(a: u16, b: u16, c: u16, prefix: u8) -> Ipv6Net {
    Ipv6Net::new_assert(Ipv6Addr::new(a, b, c, 0, 0, 0, 0, 0), prefix)
}

/// What a publisher's feed never lives on: the IANA special-purpose registry (RFC 6890) and multicast.
const REFUSED_V4: &[(Ipv4Net, &str)] = &[
    (v4(0, 0, 0, 0, 8), "an unspecified address"),
    (v4(10, 0, 0, 0, 8), "a private address"),
    (v4(100, 64, 0, 0, 10), "a carrier-internal address"),
    (v4(127, 0, 0, 0, 8), "a loopback address"),
    (v4(169, 254, 0, 0, 16), "a link-local address"),
    (v4(172, 16, 0, 0, 12), "a private address"),
    (v4(192, 0, 0, 0, 24), "a reserved address"),
    (v4(192, 0, 2, 0, 24), "a documentation address"),
    (v4(192, 88, 99, 0, 24), "a reserved address"),
    (v4(192, 168, 0, 0, 16), "a private address"),
    (v4(198, 18, 0, 0, 15), "a benchmark address"),
    (v4(198, 51, 100, 0, 24), "a documentation address"),
    (v4(203, 0, 113, 0, 24), "a documentation address"),
    (v4(224, 0, 0, 0, 4), "a multicast address"),
    (v4(240, 0, 0, 0, 4), "a broadcast or reserved address"),
];

/// The same for IPv6. The first four wrap IPv4 in forms that no honest name resolves to.
const REFUSED_V6: &[(Ipv6Net, &str)] = &[
    (Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0, 0xffff, 0, 0), 96), "an IPv4-mapped address"),
    (Ipv6Net::new_assert(Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, 0, 0), 96), "an IPv4-translated address"),
    (v6(0x64, 0xff9b, 1, 48), "a local NAT64 address"),
    (v6(0x2001, 0, 0, 23), "a Teredo or protocol address"),
    (v6(0x100, 0, 0, 64), "a discard address"),
    (v6(0x2001, 0xdb8, 0, 32), "a documentation address"),
    (v6(0x3fff, 0, 0, 20), "a documentation address"),
    (v6(0x5f00, 0, 0, 16), "a routing-internal address"),
    (v6(0xfc00, 0, 0, 7), "a private address"),
    (v6(0xfe80, 0, 0, 10), "a link-local address"),
    (v6(0xfec0, 0, 0, 10), "a private address"),
    (v6(0xff00, 0, 0, 8), "a multicast address"),
];

/// Well-known NAT64 prefix (RFC 6052): on an IPv6-only network all of IPv4 is reached through it, so the
/// IPv4 address inside decides.
const NAT64: Ipv6Net = v6(0x64, 0xff9b, 0, 96);

/// 6to4 (RFC 3056): the IPv4 address after the first 16 bits decides.
const SIX_TO_FOUR: Ipv6Net = v6(0x2002, 0, 0, 16);

/// Says why an address is not a public one, in words that follow "is"; `None` for a public address.
fn refusal(address: IpAddr) -> Option<&'static str> {
    match address {
        IpAddr::V4(address) => refusal_v4(address),
        IpAddr::V6(address) => refusal_v6(address),
    }
}

fn refusal_v4(address: Ipv4Addr) -> Option<&'static str> {
    REFUSED_V4.iter().find(|(network, _)| network.contains(&address)).map(|(_, why)| *why)
}

fn refusal_v6(address: Ipv6Addr) -> Option<&'static str> {
    if address.is_unspecified() {
        return Some("an unspecified address");
    }
    if address.is_loopback() {
        return Some("a loopback address");
    }
    // The IPv4 address whose last bit is this far from the end.
    let wrapped = |bits_after: u32| {
        let shifted = (address.to_bits() >> bits_after) & u128::from(u32::MAX);
        Ipv4Addr::from_bits(u32::try_from(shifted).unwrap_or_default())
    };
    if address.to_bits() >> 32 == 0 {
        return Some("an IPv4-compatible address");
    }
    if NAT64.contains(&address) {
        return refusal_v4(wrapped(0));
    }
    if SIX_TO_FOUR.contains(&address) {
        return refusal_v4(wrapped(80));
    }
    REFUSED_V6.iter().find(|(network, _)| network.contains(&address)).map(|(_, why)| *why)
}

/// Last labels of names that lead into the network one is in (RFC 6761, 6762 and 8375, ICANN's `.internal`, and what
/// routers use).
const LOCAL_ZONES: [&str; 9] =
    ["localhost", "local", "internal", "intranet", "private", "lan", "corp", "localdomain", "home.arpa"];

/// Whether a name is one of the network one is in: where a proxy looks names up, that is all that can be told.
pub(super) fn is_local_name(name: &str) -> bool {
    let name = name.trim_end_matches('.').to_ascii_lowercase();
    let in_zone =
        |zone: &&str| name.strip_suffix(*zone).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
    !name.contains('.') || LOCAL_ZONES.iter().any(in_zone)
}

/// The address policy: the table, less what the owner declared public.
#[derive(Debug, Clone, Default)]
pub(super) struct Guard {
    /// From `Options::public_networks`.
    pub(super) public_networks: Vec<IpNet>,
}

impl Guard {
    pub(super) fn refusal(&self, address: IpAddr) -> Option<&'static str> {
        if self.public_networks.iter().any(|network| network.contains(&address)) {
            return None;
        }
        refusal(address)
    }

    /// Keeps the public ones of a DNS answer; refuses when it had only others.
    fn keep(&self, name: &str, addresses: Vec<IpAddr>) -> Result<Vec<IpAddr>, ResolveError> {
        let mut refused = None;
        let mut kept = Vec::new();
        for address in addresses {
            match self.refusal(address) {
                None => kept.push(address),
                Some(why) => refused = refused.or(Some((address, why))),
            }
        }
        match (kept.is_empty(), refused) {
            (true, Some((address, why))) => {
                Err(ResolveError::Forbidden { name: name.to_owned(), address, why })
            }
            _ => Ok(kept),
        }
    }
}

/// Why a name yields no address to connect to.
#[derive(Debug, thiserror::Error)]
pub(super) enum ResolveError {
    /// The resolver of this machine says no, or says nothing.
    #[error("{name} does not resolve")]
    Unknown {
        /// The name asked for.
        name: String,
    },
    /// All its addresses are refused.
    #[error("{name} resolves to {address}, which is {why}")]
    Forbidden {
        /// The name asked for.
        name: String,
        /// The first address of the answer.
        address: IpAddr,
        /// Words that follow "is".
        why: &'static str,
    },
}

/// The answers for a name that the owner pinned.
#[derive(Debug, Default)]
pub(super) struct Pin {
    answers: Vec<Vec<IpAddr>>,
    next: AtomicUsize,
}

impl Pin {
    /// The next answer; the last one stays.
    fn answer(&self) -> Vec<IpAddr> {
        let last = self.answers.len().saturating_sub(1);
        let turn = self.next.fetch_add(1, Ordering::Relaxed).min(last);
        self.answers.get(turn).cloned().unwrap_or_default()
    }
}

/// Pinned names in lower case, from `Options::resolve`.
pub(super) fn pins(resolve: &[(String, Vec<IpAddr>)]) -> HashMap<String, Pin> {
    let mut pins: HashMap<String, Pin> = HashMap::new();
    for (name, addresses) in resolve {
        pins.entry(name.to_ascii_lowercase()).or_default().answers.push(addresses.clone());
    }
    pins
}

/// The client's way from names to addresses.
#[derive(Debug, Clone)]
pub(super) struct Resolver {
    /// Present on the guarded client, absent on the one for feeds that may be private.
    pub(super) guard: Option<Guard>,
    /// A name that may lead anywhere: the proxy's own, which its owner chose.
    pub(super) exempt: Option<Arc<str>>,
    /// From `Options::resolve`, names in lower case.
    pub(super) pinned: Arc<HashMap<String, Pin>>,
    /// Holds [`LOOKUPS_MAX`], shared by all clients.
    pub(super) permits: Arc<Semaphore>,
}

impl Resolve for Resolver {
    fn resolve(&self, name: Name) -> Resolving {
        let resolver = self.clone();
        Box::pin(async move {
            let name = name.as_str().to_ascii_lowercase();
            let mut addresses = match resolver.pinned.get(name.trim_end_matches('.')) {
                Some(pin) => pin.answer(),
                None => look_up(&name, resolver.permits).await?,
            };
            let is_exempt = resolver.exempt.as_deref() == Some(name.as_str());
            if let Some(guard) = resolver.guard.filter(|_| !is_exempt) {
                addresses = guard.keep(&name, addresses)?;
            }
            if addresses.is_empty() {
                return Err(ResolveError::Unknown { name }.into());
            }
            // Port 0 becomes the port of the URL.
            let addresses = addresses.into_iter().map(|address| SocketAddr::new(address, 0));
            Ok(Box::new(addresses) as Addrs)
        })
    }
}

/// Asks this machine's resolver. The permit stays with the blocking thread, which a time-out cannot stop.
async fn look_up(name: &str, permits: Arc<Semaphore>) -> Result<Vec<IpAddr>, ResolveError> {
    let unknown = || ResolveError::Unknown { name: name.to_owned() };
    let permit = permits.acquire_owned().await.map_err(|_closed| unknown())?;
    let asked = name.to_owned();
    let lookup = tokio::task::spawn_blocking(move || {
        let _permit = permit;
        let answer = (asked.as_str(), 0).to_socket_addrs().ok()?;
        Some(answer.map(|address| address.ip()).take(ADDRESSES_MAX).collect::<Vec<_>>())
    });
    lookup.await.ok().flatten().ok_or_else(unknown)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> IpAddr {
        text.parse().unwrap()
    }

    #[test]
    fn refuses_every_range_at_both_ends_and_stops_there() {
        let refused = [
            "0.0.0.0",
            "0.255.255.255",
            "10.0.0.0",
            "10.255.255.255",
            "100.64.0.0",
            "100.127.255.255",
            "127.0.0.1",
            "127.255.255.255",
            "169.254.0.0",
            "169.254.169.254",
            "169.254.255.255",
            "172.16.0.0",
            "172.31.255.255",
            "192.0.0.1",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.0",
            "192.168.255.255",
            "198.18.0.0",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.255",
            "224.0.0.1",
            "239.255.255.255",
            "240.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "::7f00:1",
            "::8.8.8.8",
            "::ffff:127.0.0.1",
            "::ffff:8.8.8.8",
            "::ffff:0:10.0.0.1",
            "64:ff9b::10.0.0.1",
            "64:ff9b::127.0.0.1",
            "64:ff9b::169.254.169.254",
            "64:ff9b:1::1",
            "2002:7f00:1::",
            "2002:a00:1::1",
            "2002:c0a8:101::1",
            "2001::1",
            "2001:0:4136:e378:8000:63bf:3fff:fdd2",
            "2001:1ff::1",
            "2001:db8::1",
            "3fff::1",
            "5f00::1",
            "100::1",
            "fc00::1",
            "fdff::1",
            "fe80::1",
            "febf::1",
            "fec0::1",
            "ff02::1",
        ];
        for text in refused {
            assert!(refusal(address(text)).is_some(), "{text} must be refused");
        }
        let public = [
            "1.1.1.1",
            "9.255.255.255",
            "11.0.0.0",
            "100.63.255.255",
            "100.128.0.0",
            "126.255.255.255",
            "128.0.0.0",
            "169.253.255.255",
            "169.255.0.0",
            "172.15.255.255",
            "172.32.0.0",
            "192.0.1.0",
            "192.0.3.0",
            "192.167.255.255",
            "192.169.0.0",
            "198.17.255.255",
            "198.20.0.0",
            "203.0.112.255",
            "203.0.114.0",
            "223.255.255.255",
            "2606:4700::1111",
            "2a00:1450:4001::200e",
            "2001:200::1",
            "64:ff9b::8.8.8.8",
            "2002:808:808::1",
            "2003::1",
            "4000::1",
        ];
        for text in public {
            assert_eq!(refusal(address(text)), None, "{text} must pass");
        }
    }

    #[test]
    fn keeps_the_public_part_of_a_mixed_answer() {
        let guard = Guard::default();
        let mixed = vec![address("127.0.0.1"), address("1.1.1.1"), address("fd00::1")];
        assert_eq!(guard.keep("mixed.example", mixed).unwrap(), [address("1.1.1.1")]);

        let private = vec![address("10.0.0.1"), address("::1")];
        let error = guard.keep("inside.example", private).unwrap_err();
        assert_eq!(error.to_string(), "inside.example resolves to 10.0.0.1, which is a private address");
        assert!(guard.keep("empty.example", Vec::new()).unwrap().is_empty());
    }

    #[test]
    fn knows_names_of_the_local_network() {
        for name in [
            "localhost",
            "LOCALHOST.",
            "a.localhost",
            "printer.local",
            "db.internal",
            "nas",
            "nas.lan",
            "x.home.arpa",
            "localhost.localdomain",
            "",
        ] {
            assert!(is_local_name(name), "{name}");
        }
        for name in ["example.org", "local.example", "notlocal.example.org", "mylan.example", "xyz.onion"] {
            assert!(!is_local_name(name), "{name}");
        }
        // `xlan` is a name of its own, were it a zone.
        assert!(!is_local_name("a.xlan"));
    }

    #[test]
    fn the_owner_may_declare_a_network_public() {
        let guard = Guard { public_networks: vec!["198.18.0.0/15".parse().unwrap()] };
        assert_eq!(guard.refusal(address("198.18.0.7")), None);
        assert!(guard.refusal(address("127.0.0.1")).is_some());
    }
}
