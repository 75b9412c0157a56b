//! Brotli, with windows of at most 16 MiB, as RFC 7932 has them. The decoder's own reader grants
//! larger ones, and does not tell what follows a stream.

use brotli_decompressor::{BrotliDecompressStream, BrotliResult, BrotliState, StandardAlloc};

use super::inflate::ended;
use crate::error::IngestError;

/// Bytes that are written at a time.
const STEP: usize = 64 << 10;

/// Undoes the compression, up to `limit` bytes.
pub(super) fn undo(body: &[u8], limit: usize) -> Result<Vec<u8>, IngestError> {
    let alloc = StandardAlloc::default();
    let mut state = BrotliState::new_strict(alloc, alloc, alloc);
    let (mut left, mut read, mut total) = (body.len(), 0, 0);
    let (mut inflated, mut step) = (Vec::new(), vec![0; STEP]);
    loop {
        let (mut free, mut written) = (step.len(), 0);
        let result = BrotliDecompressStream(
            &mut left,
            &mut read,
            body,
            &mut free,
            &mut written,
            &mut step,
            &mut total,
            &mut state,
        );
        if written > limit - inflated.len() {
            return Err(IngestError::TooLarge(limit));
        }
        inflated.extend_from_slice(step.get(..written).unwrap_or_default());
        match result {
            BrotliResult::NeedsMoreOutput => {}
            BrotliResult::ResultSuccess => {
                ended(body.get(read..).unwrap_or_default())?;
                return Ok(inflated);
            }
            BrotliResult::NeedsMoreInput => return Err(wrong("it is cut")),
            BrotliResult::ResultFailure => return Err(wrong("it is no brotli of RFC 7932")),
        }
    }
}

fn wrong(reason: &str) -> IngestError {
    IngestError::Inflate(reason.to_owned())
}
