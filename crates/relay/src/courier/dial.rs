//! From a host to a connection. A name is resolved, each address is judged, and the hub connects to the very address that
//! was judged: a name that resolves to something else a moment later changes nothing.

use std::net::SocketAddr;

use roamhub_core::address::{AddressClass, Reach};
use roamhub_core::outcome::ExchangeFailure;
use tokio::net::{TcpStream, lookup_host};

use super::pool::Address;

/// Connects to the first of a host's addresses that may be called and answers.
pub(super) async fn dial(address: &Address) -> Result<TcpStream, ExchangeFailure> {
    let found = lookup_host((address.host.as_str(), address.port)).await;
    let found: Vec<_> = found.map_err(|_| ExchangeFailure::Connect)?.collect();
    let mut failure = ExchangeFailure::Connect;
    for one in allowed(&found, address.terms.reach) {
        match TcpStream::connect(one).await {
            Ok(stream) => return Ok(stream),
            Err(error) => tracing::debug!(host = %address.host, to = %one, %error, "no connection"),
        }
    }
    if let Some(refused) = found.first().filter(|_| allowed(&found, address.terms.reach).next().is_none()) {
        let (host, to) = (&address.host, refused.ip());
        let class = AddressClass::of(to).as_str();
        tracing::warn!(%host, %to, class, "not called: only public addresses are, unless allow_private is set");
        failure = ExchangeFailure::Forbidden;
    }
    Err(failure)
}

/// Those that may be called, in their order.
fn allowed(found: &[SocketAddr], reach: Reach) -> impl Iterator<Item = SocketAddr> {
    found.iter().copied().filter(move |one| AddressClass::of(one.ip()).is_within(reach))
}

#[cfg(test)]
mod tests {
    use std::net::TcpListener;

    use super::super::terms::Terms;
    use super::*;

    fn address(host: &str, port: u16, reach: Reach) -> Address {
        Address { tls: false, host: host.to_owned(), port, terms: Terms { reach, ..Terms::default() } }
    }

    #[tokio::test]
    async fn what_is_not_public_is_not_even_connected_to() {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        listener.set_nonblocking(true).unwrap();
        let port = listener.local_addr().unwrap().port();
        // Other spellings of the same, which the system's resolver knows as well.
        for host in ["127.0.0.1", "localhost", "::ffff:127.0.0.1", "127.1", "2130706433", "0.0.0.0"] {
            let refused = dial(&address(host, port, Reach::Public)).await;
            assert_eq!(refused.err(), Some(ExchangeFailure::Forbidden), "{host}");
        }
        assert!(listener.accept().is_err(), "nobody came");
        assert!(dial(&address("localhost", port, Reach::Private)).await.is_ok());
        assert!(listener.accept().is_ok());
    }

    #[tokio::test]
    async fn a_metadata_service_is_out_of_reach_however_private() {
        let refused = dial(&address("169.254.169.254", 80, Reach::Private)).await;
        assert_eq!(refused.err(), Some(ExchangeFailure::Forbidden));
    }

    #[tokio::test]
    async fn what_may_be_called_and_does_not_answer_is_no_connection() {
        let port = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
        let failed = dial(&address("127.0.0.1", port, Reach::Private)).await;
        assert_eq!(failed.err(), Some(ExchangeFailure::Connect));
    }

    #[test]
    fn of_several_addresses_only_the_allowed_ones_are_tried() {
        let at = |text: &str| text.parse::<SocketAddr>().unwrap();
        let found =
            [at("10.0.0.1:443"), at("[2606:4700::1]:443"), at("169.254.169.254:443"), at("1.1.1.1:443")];
        let of = |reach| allowed(&found, reach).collect::<Vec<_>>();
        assert_eq!(of(Reach::Public), [found[1], found[3]]);
        assert_eq!(of(Reach::Private), [found[0], found[1], found[3]]);
    }
}
