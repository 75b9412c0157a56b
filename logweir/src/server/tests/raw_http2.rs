//! Requests of HTTP/2 that no client makes, as bytes.

use super::*;

/// `:status: 400` as HPACK writes it.
pub(super) const BAD_REQUEST: &[u8] = &[0x8c];

/// `:status: 200` likewise.
pub(super) const OK: &[u8] = &[0x88];

/// `:status: 431` likewise.
pub(super) const HEAD_TOO_LARGE: &[u8] = &[0x48, 0x83, 0x69, 0x90, 0xff];

/// Sends a request of HTTP/2 and gives the beginning of the answer's head, or of whatever else
/// becomes of it.
pub(super) async fn http2_status(server: &Running, headers: &[(&str, &str)]) -> Vec<u8> {
    let block = header_block(headers);
    let mut bytes = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0".to_vec();
    let parts = block.chunks(16_384);
    let last = parts.len() - 1;
    for (place, part) in parts.enumerate() {
        bytes.extend_from_slice(&(part.len() as u32).to_be_bytes()[1..]);
        // HEADERS, then CONTINUATION; the end of the stream with the first, of the head with the last.
        bytes.push(if place == 0 { 1 } else { 9 });
        bytes.push(u8::from(place == 0) | if place == last { 4 } else { 0 });
        bytes.extend_from_slice(&1_u32.to_be_bytes());
        bytes.extend_from_slice(part);
    }
    let mut client = server.connect().await.0;
    client.write_all(&bytes).await.unwrap();
    loop {
        let mut head = [0; 9];
        timeout(DEADLINE, client.read_exact(&mut head)).await.expect("no answer").unwrap();
        let length = u32::from_be_bytes([0, head[0], head[1], head[2]]);
        let mut content = vec![0; length as usize];
        timeout(DEADLINE, client.read_exact(&mut content)).await.expect("no answer").unwrap();
        // RST_STREAM and GOAWAY are answers as well, though none that is looked for.
        match head[3] {
            1 => {
                let length = if content[0] & 128 > 0 { 1 } else { HEAD_TOO_LARGE.len() };
                content.truncate(length);
                return content;
            }
            3 | 7 => return [&head[3..4], &content].concat(),
            _ => {}
        }
    }
}

/// As HPACK writes headers that it keeps nowhere.
fn header_block(headers: &[(&str, &str)]) -> Vec<u8> {
    let mut block = Vec::new();
    for (name, value) in headers {
        block.push(0);
        for text in [name, value] {
            // The length in seven bits, or what is beyond them in groups of seven.
            if let Some(mut rest) = text.len().checked_sub(127) {
                block.push(127);
                while rest > 127 {
                    block.push((rest % 128) as u8 | 128);
                    rest /= 128;
                }
                block.push(rest as u8);
            } else {
                block.push(text.len() as u8);
            }
            block.extend_from_slice(text.as_bytes());
        }
    }
    block
}
