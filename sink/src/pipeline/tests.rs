use std::{io::Write as _, time::Duration};

use flate2::{Compression, write::GzEncoder};

use super::*;
use crate::records::Records;

/// Takes any body, and says that it needs so much memory.
#[derive(Debug)]
struct Needs(usize);

impl Decode for Needs {
    fn needs(&self, _: &[u8]) -> Result<usize, IngestError> {
        Ok(self.0)
    }

    fn decode(self, _: Vec<u8>, _: &mut dyn Records) -> Result<(), IngestError> {
        Ok(())
    }
}

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

async fn inflated(
    pipeline: &Pipeline,
    body: Vec<u8>,
    encoding: &str,
    needs: usize,
    delivery: &Delivery,
) -> Result<(Vec<u8>, Share), IngestError> {
    let route = Route::default();
    let encoding = Encoding::named(encoding).unwrap();
    let request = Received { route: &route, form: "", body, encoding, weight: WEIGHT };
    let mut share = pipeline.share();
    let (_, body, _) = pipeline.inflated(request, Needs(needs), &mut share, delivery).await?;
    Ok((body, share))
}

/// Of little use to inflate it several times, but it ends, whatever a body says of its length.
#[tokio::test]
async fn bodies_are_inflated_within_their_memory() {
    let pipeline = Pipeline::starting();
    let text = vec![b'x'; 900_000];
    let lying = [gzip(&text), gzip(b"x")].concat();
    for (body, encoding, length) in [
        (gzip(&text), "gzip", 900_000),
        (lying, "gzip", 900_001),
        (gzip(&gzip(&text)), "gzip,gzip", 900_000),
        (zstd::encode_all(&text[..], 1).unwrap(), "zstd", 900_000),
        (text.clone(), "", 900_000),
        (Vec::new(), "gzip", 0),
    ] {
        // As much as there is, and more.
        for needs in [0, 1 << 20, 1 << 30] {
            let delivery = Delivery::default();
            let taken = inflated(&pipeline, body.clone(), encoding, needs, &delivery).await;
            let (body, mut share) = taken.unwrap();
            assert_eq!(body.len(), length, "{encoding}");
            let copies = if encoding.is_empty() { WEIGHT } else { 1 + WEIGHT };
            assert!(share.fits(length * copies + needs), "{encoding}");
        }
    }
    let large = vec![b'x'; pipeline.max_body_bytes() + 1];
    let delivery = Delivery::default();
    let refused = inflated(&pipeline, gzip(&large), "gzip", 0, &delivery).await;
    assert!(matches!(refused, Err(IngestError::TooLarge(1_048_576))), "{refused:?}");
}

#[test]
fn a_slow_body_leaves_less_time_and_some_all_the_same() {
    let came = Instant::now();
    let after = |body: u64| {
        let by = answer_by(came, came + Duration::from_secs(body)) + FOR_BACKENDS;
        by.duration_since(came).as_secs()
    };
    assert_eq!([0, 30, 39, 40, 60].map(after), [50, 50, 50, 51, 71]);
}

#[test]
fn what_takes_long_is_not_worked_on_where_sockets_wait() {
    for (bytes, steps, expected) in [
        (SMALL_BODY, 0, true),
        (SMALL_BODY + 1, 0, false),
        (SMALL_BODY / 5, 1, true),
        (SMALL_BODY / 4, 1, false),
        (1000, 16, true),
        (1000, 17, false),
        (1, usize::MAX, false),
    ] {
        assert_eq!(is_small(bytes, steps), expected, "{bytes} {steps}");
    }
}

#[tokio::test(start_paused = true)]
async fn a_small_body_is_inflated_while_large_ones_wait() {
    let pipeline = Pipeline::starting();
    let delivery = Delivery::default();
    let mut all = pipeline.share();
    all.work(usize::MAX).await.unwrap();
    let large = inflated(&pipeline, gzip(&vec![b'x'; 900_000]), "gzip", 0, &delivery);
    let small = async {
        let small = inflated(&pipeline, gzip(b"[{}]"), "gzip", 0, &delivery);
        tokio::time::timeout(Duration::from_secs(1), small).await.unwrap().unwrap().0
    };
    let (large, small) = tokio::join!(large, small);
    assert_eq!(small, b"[{}]");
    assert!(matches!(large, Err(IngestError::Busy)), "{large:?}");
}

#[tokio::test]
async fn nothing_is_inflated_for_a_sender_that_left() {
    let pipeline = Pipeline::starting();
    let delivery = Delivery::default();
    delivery.fail();
    let left = inflated(&pipeline, b"no gzip".to_vec(), "gzip", 0, &delivery).await;
    assert!(matches!(left, Err(IngestError::Left)), "{left:?}");
}
