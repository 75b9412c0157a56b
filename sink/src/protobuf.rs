//! Messages of protobuf before they are decoded: what they hold, and how much memory they will
//! take. Two bytes may become hundreds.

use prost::{
    bytes::Buf as _,
    encoding::{DecodeContext, WireType, decode_key, decode_varint, skip_field},
};

/// Deepest nesting of messages that prost reads.
const MAX_DEPTH: usize = 100;

/// A field as it is written.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Field<'a> {
    pub(crate) number: u32,
    pub(crate) wire_type: WireType,
    /// Where its bytes begin in the message.
    pub(crate) start: usize,
    /// What it holds; nothing of a varint.
    pub(crate) bytes: &'a [u8],
}

/// The fields of a message, up to the first that prost could not read either.
pub(crate) fn fields(message: &[u8]) -> impl Iterator<Item = Field<'_>> {
    let mut rest = message;
    std::iter::from_fn(move || {
        loop {
            let (number, wire_type) = decode_key(&mut rest).ok()?;
            let length = match wire_type {
                WireType::Varint => decode_varint(&mut rest).ok().map(|_| 0)?,
                WireType::SixtyFourBit => 8,
                WireType::ThirtyTwoBit => 4,
                WireType::LengthDelimited => decode_varint(&mut rest).ok()?,
                // Long gone from protobuf, and passed over.
                WireType::StartGroup | WireType::EndGroup => {
                    let context = DecodeContext::default();
                    skip_field(wire_type, number, &mut rest, context).ok()?;
                    continue;
                }
            };
            let bytes = rest.get(..usize::try_from(length).ok()?)?;
            let start = message.len() - rest.len();
            rest.advance(bytes.len());
            return Some(Field { number, wire_type, start, bytes });
        }
    })
}

/// A kind of message, known by the kinds of its fields.
pub(crate) trait Kind: Copy {
    /// What a field holds, where it counts.
    fn of_field(self, number: u32) -> Option<Holds<Self>>;
}

/// What a field holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holds<M> {
    /// A message, which takes as much memory as so many values, without what it holds.
    Message(M, usize),
    /// Numbers: varints, or of 8 bytes each.
    Numbers(Width),
    /// A text, one of many.
    Text,
}

/// How many bytes a number takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Width {
    Varint,
    Eight,
}

/// About how many values a message takes the memory of; no more than `most` are counted.
pub(crate) fn weight<M: Kind>(kind: M, message: &[u8], most: usize) -> usize {
    let mut weight = 0;
    weigh(kind, message, 0, &mut weight, most);
    weight
}

fn weigh<M: Kind>(kind: M, message: &[u8], depth: usize, weight: &mut usize, most: usize) {
    for field in fields(message) {
        match kind.of_field(field.number) {
            Some(Holds::Message(inner, own)) => {
                *weight += own;
                if depth < MAX_DEPTH {
                    weigh(inner, field.bytes, depth + 1, weight, most);
                }
            }
            Some(Holds::Numbers(width)) => *weight += numbers(&field, width),
            Some(Holds::Text) => *weight += 1,
            None => {}
        }
        if *weight >= most {
            return;
        }
    }
}

fn numbers(field: &Field<'_>, width: Width) -> usize {
    if field.wire_type != WireType::LengthDelimited {
        return 1;
    }
    match width {
        // The last byte of each is the one without the highest bit.
        Width::Varint => field.bytes.iter().filter(|byte| **byte < 0x80).count(),
        Width::Eight => field.bytes.len() / 8,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// Field 1 is a message of the same kind, 2 and 3 are numbers, 4 is a text.
    #[derive(Debug, Clone, Copy)]
    struct Nested;

    impl Kind for Nested {
        fn of_field(self, number: u32) -> Option<Holds<Self>> {
            match number {
                1 => Some(Holds::Message(self, 10)),
                2 => Some(Holds::Numbers(Width::Varint)),
                3 => Some(Holds::Numbers(Width::Eight)),
                4 => Some(Holds::Text),
                _ => None,
            }
        }
    }

    #[test]
    fn weighs_what_counts() {
        for (message, expected) in [
            (&b""[..], 0),
            (b"\x0a\x00\x0a\x02\x0a\x00", 30),
            (b"\x12\x03\x01\x80\x01\x10\x05", 3),
            (b"\x1a\x10\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x19\0\0\0\0\0\0\0\0", 3),
            (b"\x22\x01x\x22\x00\x2a\x01x", 2),
            // A group that nobody knows, with a field in it, hides nothing behind it.
            (b"\x2b\x30\x01\x2c\x0a\x00", 10),
            // It is cut.
            (b"\x0a\x00\x0a\x05\x0a", 10),
            (b"\x0a\x00\x2c\x0a\x00", 10),
        ] {
            assert_eq!(weight(Nested, message, usize::MAX), expected, "{message:?}");
        }
        assert_eq!(weight(Nested, &b"\x0a\x00".repeat(1000), 25), 30);
    }

    proptest! {
        #[test]
        fn never_panics(message in proptest::collection::vec(any::<u8>(), 0..80)) {
            prop_assert!(weight(Nested, &message, usize::MAX) <= message.len() * 10);
            for field in fields(&message) {
                prop_assert_eq!(&message[field.start..field.start + field.bytes.len()], field.bytes);
            }
        }
    }
}
