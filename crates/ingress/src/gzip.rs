//! Undoing gzip, bounded in what comes out: a few bytes can stand for gigabytes.
//!
//! What is small comes out at once. A larger body is decoded aside, a few of them at a time, so that nobody else's call waits
//! for it; and never further than the bound.

use std::io::{Cursor, Read, Take};

use bytes::Bytes;
use flate2::read::MultiGzDecoder;
use tokio::sync::Semaphore;

use crate::table::EdgeFault;

/// So much is decoded at once: a fraction of a millisecond.
const AT_ONCE: u64 = 64 * 1024;
/// So many larger bodies at a time.
static ASIDE: Semaphore = Semaphore::const_new(2);

type Decoder = Take<MultiGzDecoder<Cursor<Bytes>>>;

/// The decoded body.
///
/// # Errors
/// [`EdgeFault`]: more than `most` bytes come out, or it is no gzip.
pub(crate) async fn decoded(body: Bytes, most: usize) -> Result<Bytes, EdgeFault> {
    let (mut decoder, mut decoded) = (decoder(body, most), Vec::new());
    read_on(&mut decoder.by_ref().take(AT_ONCE), &mut decoded)?;
    if u64::try_from(decoded.len()).unwrap_or(u64::MAX) == AT_ONCE {
        let _place = ASIDE.acquire().await.map_err(|_| EdgeFault::TooBusy)?;
        let rest = tokio::task::spawn_blocking(move || rest(decoder, decoded)).await;
        decoded = rest.map_err(|_| EdgeFault::BrokenGzip)??;
    }
    bounded(decoded, most)
}

/// The same in one go, where nobody waits.
///
/// # Errors
/// As [`decoded`].
pub(crate) fn decoded_here(body: Bytes, most: usize) -> Result<Bytes, EdgeFault> {
    bounded(rest(decoder(body, most), Vec::new())?, most)
}

fn decoder(body: Bytes, most: usize) -> Decoder {
    let bound = u64::try_from(most).unwrap_or(u64::MAX).saturating_add(1);
    MultiGzDecoder::new(Cursor::new(body)).take(bound)
}

fn bounded(decoded: Vec<u8>, most: usize) -> Result<Bytes, EdgeFault> {
    if decoded.len() > most { Err(EdgeFault::TooLarge { most }) } else { Ok(decoded.into()) }
}

fn rest(mut decoder: Decoder, mut decoded: Vec<u8>) -> Result<Vec<u8>, EdgeFault> {
    read_on(&mut decoder, &mut decoded)?;
    Ok(decoded)
}

fn read_on(from: &mut impl Read, into: &mut Vec<u8>) -> Result<(), EdgeFault> {
    from.read_to_end(into).map(drop).map_err(|_| EdgeFault::BrokenGzip)
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::GzEncoder;

    use super::*;

    fn gzip(bytes: &[u8]) -> Bytes {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap().into()
    }

    #[tokio::test]
    async fn bodies_of_all_sizes_come_out_as_they_went_in() {
        let most = 300_000;
        for size in [0, 1, 65_535, 65_536, 65_537, most] {
            let body: Vec<u8> = (0..size).map(|at| b"OICP"[at % 4]).collect();
            assert_eq!(decoded(gzip(&body), most).await.unwrap(), body, "{size}");
            assert_eq!(decoded_here(gzip(&body), most).unwrap(), body, "{size}");
        }
    }

    #[tokio::test]
    async fn what_is_larger_than_the_bound_is_refused_wherever_that_lies() {
        for (size, most) in
            [(2, 1), (65_537, 65_536), (65_536, 65_535), (1 << 20, 1 << 19), (64 << 20, 1 << 20)]
        {
            let refused = decoded(gzip(&vec![b' '; size]), most).await;
            assert_eq!(refused, Err(EdgeFault::TooLarge { most }), "{size}");
        }
    }

    #[tokio::test]
    async fn several_members_count_together_and_a_torn_one_is_none() {
        let small = gzip(&[b' '; 1000]);
        let many: Bytes = small.repeat(2000).into();
        assert_eq!(decoded(many, 1 << 20).await, Err(EdgeFault::TooLarge { most: 1 << 20 }));
        assert_eq!(decoded(small.slice(..small.len() - 9), 1 << 20).await, Err(EdgeFault::BrokenGzip));
        let large = gzip(&(0..200_000_u32).flat_map(u32::to_be_bytes).collect::<Vec<_>>());
        assert_eq!(decoded(large.slice(..large.len() - 9), 1 << 20).await, Err(EdgeFault::BrokenGzip));
    }
}
