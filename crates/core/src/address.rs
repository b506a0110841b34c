//! Which addresses the hub calls. Partners' URLs, and what their names resolve to, are other people's words; without a rule
//! they could send the hub to itself, into the network it stands in, or to the service that hands a machine its secrets.
//! Pure: what a name resolves to is found out elsewhere, and judged here right before the hub connects.
//!
//! Invariants: an address that carries another one inside (IPv4-mapped, NAT64, 6to4 and the like) is what it carries; what
//! no rule knows is public only where the registries say so.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// What an address is for.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Debug)]
pub enum AddressClass {
    /// Anybody's on the Internet.
    Public,
    /// This machine itself.
    Loopback,
    /// Private networks (RFC 1918, unique local IPv6).
    Private,
    /// The wire it is plugged into.
    LinkLocal,
    /// Between a carrier and its customers (CGNAT, RFC 6598).
    Shared,
    /// Examples in documents, and laboratories.
    Documentation,
    /// The service of a cloud that tells machines about themselves, secrets included.
    Metadata,
    /// Many at once.
    Multicast,
    /// None.
    Unspecified,
    /// Reserved, or meant for nobody to connect to.
    Reserved,
}

impl AddressClass {
    /// All of them, for tables and tests.
    pub const ALL: [Self; 10] = [
        Self::Public,
        Self::Loopback,
        Self::Private,
        Self::LinkLocal,
        Self::Shared,
        Self::Documentation,
        Self::Metadata,
        Self::Multicast,
        Self::Unspecified,
        Self::Reserved,
    ];

    /// What an address is for.
    #[must_use]
    pub fn of(address: IpAddr) -> Self {
        match address {
            IpAddr::V4(address) => of_v4(address),
            IpAddr::V6(address) => of_v6(address),
        }
    }

    /// A word for people.
    #[must_use]
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::Loopback => "loopback",
            Self::Private => "private",
            Self::LinkLocal => "link-local",
            Self::Shared => "carrier-grade NAT",
            Self::Documentation => "for documentation",
            Self::Metadata => "a cloud's metadata service",
            Self::Multicast => "multicast",
            Self::Unspecified => "unspecified",
            Self::Reserved => "reserved",
        }
    }

    /// Whether the hub may connect to it. `Reach::Private` adds what partners can have in a network of their own; no
    /// partner lives at the others.
    #[must_use]
    pub fn is_within(self, reach: Reach) -> bool {
        match self {
            Self::Public => true,
            Self::Loopback | Self::Private | Self::LinkLocal | Self::Shared | Self::Documentation => {
                reach == Reach::Private
            }
            Self::Metadata | Self::Multicast | Self::Unspecified | Self::Reserved => false,
        }
    }
}

/// How far the hub's calls may go.
#[derive(Clone, Copy, PartialEq, Eq, Hash, Default, Debug)]
pub enum Reach {
    /// To public addresses.
    #[default]
    Public,
    /// Also to loopback and private ones (`allow_private`).
    Private,
}

impl Reach {
    /// From the word `allow_private`.
    #[must_use]
    pub fn allowing_private(allowed: bool) -> Self {
        if allowed { Self::Private } else { Self::Public }
    }

    /// The further of two.
    #[must_use]
    pub fn or(self, other: Self) -> Self {
        if self == Self::Private { self } else { other }
    }
}

/// Where clouds answer machines' questions about themselves. The one of Azure lies among public addresses.
const METADATA_V4: [Ipv4Addr; 5] = [
    Ipv4Addr::new(169, 254, 169, 254),
    Ipv4Addr::new(169, 254, 170, 2),
    Ipv4Addr::new(168, 63, 129, 16),
    Ipv4Addr::new(100, 100, 100, 200),
    Ipv4Addr::new(192, 0, 0, 192),
];
const METADATA_V6: [Ipv6Addr; 2] = [
    Ipv6Addr::new(0xfd00, 0x0ec2, 0, 0, 0, 0, 0, 0x0254),
    Ipv6Addr::new(0xfd20, 0x00ce, 0, 0, 0, 0, 0, 0x0254),
];

fn of_v4(address: Ipv4Addr) -> AddressClass {
    if METADATA_V4.contains(&address) {
        return AddressClass::Metadata;
    }
    match address.octets() {
        [0, 0, 0, 0] => AddressClass::Unspecified,
        [0, ..] | [240..=255, ..] => AddressClass::Reserved,
        [127, ..] => AddressClass::Loopback,
        [10, ..] | [172, 16..=31, ..] | [192, 168, ..] => AddressClass::Private,
        [100, 64..=127, ..] => AddressClass::Shared,
        [169, 254, ..] => AddressClass::LinkLocal,
        // Protocol assignments, and relays into 6to4 that nobody runs any more.
        [192, 0, 0, _] | [192, 88, 99, _] => AddressClass::Reserved,
        [192, 0, 2, _] | [198, 51, 100, _] | [203, 0, 113, _] | [198, 18..=19, ..] => {
            AddressClass::Documentation
        }
        [224..=239, ..] => AddressClass::Multicast,
        _ => AddressClass::Public,
    }
}

fn of_v6(address: Ipv6Addr) -> AddressClass {
    if METADATA_V6.contains(&address) {
        return AddressClass::Metadata;
    }
    if let Some(inner) = carried(&address) {
        return of_v4(inner);
    }
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0] => AddressClass::Unspecified,
        [0, 0, 0, 0, 0, 0, 0, 1] => AddressClass::Loopback,
        [0xfc00..=0xfdff, ..] => AddressClass::Private,
        // Site-local addresses are what unique local ones were called before.
        [0xfec0..=0xfeff, ..] => AddressClass::Private,
        [0xfe80..=0xfebf, ..] => AddressClass::LinkLocal,
        [0xff00..=0xffff, ..] => AddressClass::Multicast,
        [0x2001, 0x0db8, ..] | [0x3fff, 0..=0x0fff, ..] | [0x2001, 2, 0, ..] => AddressClass::Documentation,
        // Teredo, ORCHID and other assignments to protocols; a translator's own prefix names nobody we know.
        [0x2001, 0..=0x01ff, ..] => AddressClass::Reserved,
        // All that is given out to anybody.
        [0x2000..=0x3fff, ..] => AddressClass::Public,
        _ => AddressClass::Reserved,
    }
}

/// The IPv4 address inside: IPv4-mapped, IPv4-compatible and IPv4-translated addresses, NAT64 with its well-known prefix,
/// 6to4.
fn carried(address: &Ipv6Addr) -> Option<Ipv4Addr> {
    let from = |high: u16, low: u16| {
        let ([a, b], [c, d]) = (high.to_be_bytes(), low.to_be_bytes());
        Ipv4Addr::new(a, b, c, d)
    };
    match address.segments() {
        [0, 0, 0, 0, 0, 0, 0, 0 | 1] => None,
        [0, 0, 0, 0, 0, 0 | 0xffff, high, low]
        | [0, 0, 0, 0, 0xffff, 0, high, low]
        | [0x0064, 0xff9b, 0, 0, 0, 0, high, low]
        | [0x2002, high, low, ..] => Some(from(high, low)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn class(text: &str) -> AddressClass {
        AddressClass::of(text.parse().unwrap())
    }

    #[test]
    fn every_class_by_its_first_and_last_address_and_its_neighbours() {
        use AddressClass::{
            Documentation, LinkLocal, Loopback, Metadata, Multicast, Private, Public, Reserved, Shared,
            Unspecified,
        };
        for (text, expected) in [
            ("0.0.0.0", Unspecified),
            ("0.0.0.1", Reserved),
            ("0.255.255.255", Reserved),
            ("1.0.0.0", Public),
            ("9.255.255.255", Public),
            ("10.0.0.0", Private),
            ("10.255.255.255", Private),
            ("11.0.0.0", Public),
            ("100.63.255.255", Public),
            ("100.64.0.0", Shared),
            ("100.100.100.200", Metadata),
            ("100.127.255.255", Shared),
            ("100.128.0.0", Public),
            ("126.255.255.255", Public),
            ("127.0.0.1", Loopback),
            ("127.255.255.255", Loopback),
            ("128.0.0.0", Public),
            ("168.63.129.16", Metadata),
            ("169.253.255.255", Public),
            ("169.254.0.0", LinkLocal),
            ("169.254.169.254", Metadata),
            ("169.254.170.2", Metadata),
            ("169.254.255.255", LinkLocal),
            ("169.255.0.0", Public),
            ("172.15.255.255", Public),
            ("172.16.0.0", Private),
            ("172.31.255.255", Private),
            ("172.32.0.0", Public),
            ("192.0.0.8", Reserved),
            ("192.0.0.192", Metadata),
            ("192.0.2.255", Documentation),
            ("192.0.3.0", Public),
            ("192.88.99.1", Reserved),
            ("192.167.255.255", Public),
            ("192.168.0.0", Private),
            ("192.168.255.255", Private),
            ("192.169.0.0", Public),
            ("198.17.255.255", Public),
            ("198.18.0.0", Documentation),
            ("198.19.255.255", Documentation),
            ("198.20.0.0", Public),
            ("198.51.100.7", Documentation),
            ("203.0.113.7", Documentation),
            ("223.255.255.255", Public),
            ("224.0.0.1", Multicast),
            ("239.255.255.255", Multicast),
            ("240.0.0.0", Reserved),
            ("255.255.255.255", Reserved),
            ("::", Unspecified),
            ("::1", Loopback),
            ("::2", Reserved),
            ("64:ff9b:1::1", Reserved),
            ("100::1", Reserved),
            ("2000::", Public),
            ("2001::1", Reserved),
            ("2001:1ff:ffff::", Reserved),
            ("2001:200::", Public),
            ("2001:db7:ffff::", Public),
            ("2001:db8::1", Documentation),
            ("2001:db9::", Public),
            ("2606:4700::1111", Public),
            ("3fff::1", Documentation),
            ("3fff:1000::", Public),
            ("4000::", Reserved),
            ("fbff::1", Reserved),
            ("fc00::", Private),
            ("fd00:ec2::254", Metadata),
            ("fdff:ffff::", Private),
            ("fe80::1", LinkLocal),
            ("febf::1", LinkLocal),
            ("fec0::1", Private),
            ("ff02::1", Multicast),
        ] {
            assert_eq!(class(text), expected, "{text}");
        }
    }

    #[test]
    fn an_address_inside_another_is_what_counts() {
        for (text, expected) in [
            ("::ffff:127.0.0.1", AddressClass::Loopback),
            ("::ffff:169.254.169.254", AddressClass::Metadata),
            ("::ffff:8.8.8.8", AddressClass::Public),
            ("::127.0.0.1", AddressClass::Loopback),
            ("::ffff:0:10.0.0.1", AddressClass::Private),
            ("64:ff9b::10.0.0.1", AddressClass::Private),
            ("64:ff9b::8.8.8.8", AddressClass::Public),
            ("2002:7f00:1::", AddressClass::Loopback),
            ("2002:a9fe:a9fe:1234::1", AddressClass::Metadata),
            ("2002:808:808::1", AddressClass::Public),
        ] {
            assert_eq!(class(text), expected, "{text}");
        }
    }

    #[test]
    fn only_networks_of_ones_own_are_added_by_allowing_private() {
        for class in AddressClass::ALL {
            let (public, private) = (class.is_within(Reach::Public), class.is_within(Reach::Private));
            assert_eq!(public, class == AddressClass::Public, "{class:?}");
            assert!(private || !public, "{class:?}: allowing more takes nothing away");
        }
        for never in [AddressClass::Metadata, AddressClass::Multicast, AddressClass::Unspecified] {
            assert!(!never.is_within(Reach::Private), "{never:?}");
        }
    }

    /// What the standard library says of an address; it knows fewer classes.
    fn is_special(address: Ipv4Addr) -> bool {
        address.is_private()
            || address.is_loopback()
            || address.is_link_local()
            || address.is_multicast()
            || address.is_broadcast()
            || address.is_documentation()
            || address.is_unspecified()
    }

    proptest! {
        #[test]
        fn what_the_standard_library_calls_special_is_never_public(bits: u32) {
            let address = Ipv4Addr::from_bits(bits);
            prop_assert!(!is_special(address) || AddressClass::of(address.into()) != AddressClass::Public);
        }

        #[test]
        fn wrapping_an_address_never_makes_it_more_than_it_is(bits: u32, rest: [u16; 5]) {
            let address = Ipv4Addr::from_bits(bits);
            let plain = AddressClass::of(address.into());
            let [a, b, c, d] = address.octets();
            let (high, low) = (u16::from_be_bytes([a, b]), u16::from_be_bytes([c, d]));
            let [r0, r1, r2, r3, r4] = rest;
            for wrapped in [
                address.to_ipv6_mapped(),
                Ipv6Addr::new(0, 0, 0, 0, 0xffff, 0, high, low),
                Ipv6Addr::new(0x64, 0xff9b, 0, 0, 0, 0, high, low),
                Ipv6Addr::new(0x2002, high, low, r0, r1, r2, r3, r4),
            ] {
                prop_assert_eq!(AddressClass::of(wrapped.into()), plain, "{}", wrapped);
            }
            let compatible = AddressClass::of(address.to_ipv6_compatible().into());
            prop_assert!(compatible == plain || bits <= 1, "{}", address);
        }

        #[test]
        fn outside_what_is_given_out_to_anybody_no_ipv6_address_is_public(bits: u128) {
            let address = Ipv6Addr::from_bits(bits);
            let public = AddressClass::of(address.into()) == AddressClass::Public;
            prop_assert!(!public || address.segments()[0] >> 13 == 1 || carried(&address).is_some());
        }

        #[test]
        fn own_networks_are_never_public(host: u64, net in prop_oneof![
            Just(0xfc00_u16), Just(0xfd12), Just(0xfe80), Just(0xfebf), Just(0xfec0), Just(0xff02), Just(0xff0e),
        ]) {
            let address = Ipv6Addr::from_bits(u128::from(net) << 112 | u128::from(host));
            prop_assert!(!AddressClass::of(address.into()).is_within(Reach::Public), "{}", address);
        }
    }
}
