//! What a body holds at most, before it is read: how many events, and how many values the heaviest of
//! them. Two bytes may be an event.

use event_schemas::MAX_VALUES;

use crate::limits::{EVENT_OVERHEAD, MAX_EVENTS, VALUE_BYTES};

/// What a body holds at most.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Load {
    pub(crate) events: usize,
    /// Of the events, which are read one after the other, the one that holds the most.
    pub(crate) values: usize,
}

impl Load {
    /// Memory in bytes besides the texts of the events: for all of them when they are read, and for
    /// reading the heaviest.
    pub(crate) fn bytes(self) -> usize {
        self.events.min(MAX_EVENTS) * EVENT_OVERHEAD + self.values * VALUE_BYTES
    }

    /// One more event.
    pub(crate) fn event(&mut self, text: &[u8]) {
        self.events += 1;
        self.values = self.values.max(most_values(text).min(MAX_VALUES));
    }

    /// Whichever of two it is.
    pub(crate) fn or(self, other: Self) -> Self {
        Self { events: self.events.max(other.events), values: self.values.max(other.values) }
    }
}

/// No fewer values than a text holds, whatever it is; most often a few more.
pub(crate) fn most_values(text: &[u8]) -> usize {
    // What parts values in JSON, in forms, and in what programs print.
    let parts = |byte: &u8| matches!(*byte, b',' | b'[' | b'{' | b'=' | b'&');
    // As many as a byte can count: many of them are counted at once.
    let of_chunk = |chunk: &[u8]| chunk.iter().map(|byte| u8::from(parts(byte))).sum::<u8>();
    1 + text.chunks(255).map(|chunk| usize::from(of_chunk(chunk))).sum::<usize>()
}

/// Of a text that may be lines, or JSON, or begin as JSON.
pub(super) fn of_text(text: &[u8]) -> Load {
    let mut of_lines = Load::default();
    let mut begin = 0;
    for end in memchr::memchr2_iter(b'\n', 0, text).chain([text.len()]) {
        of_lines.event(text.get(begin..end).unwrap_or_default());
        begin = end + 1;
    }
    match text.trim_ascii_start() {
        [b'[' | b'{', ..] => of_lines.or(of_json(text)),
        _ => of_lines,
    }
}

/// Of a list, of objects one after the other, or of one with a batch. Behind a fault it counts
/// anything; nothing is read there but lines.
pub(super) fn of_json(text: &[u8]) -> Load {
    let mut load = Load::default();
    // Where what is open at no depth, and in the list of events, begins.
    let (mut begin, mut element) = (0, 0);
    // How deep the elements of the list of events lie, where one is open.
    let mut list = None;
    each_mark(text, |mark| match mark.byte {
        b'[' if list.is_none() && (mark.depth == 0 || mark.depth == 1 && mark.may_be_batch()) => {
            (list, element) = (Some(mark.depth + 1), mark.at + 1);
        }
        b',' if list == Some(mark.depth) => {
            load.event(text.get(element..mark.at).unwrap_or_default());
            element = mark.at + 1;
        }
        b']' | b'}' => {
            if list == Some(mark.depth) {
                load.event(text.get(element..mark.at).unwrap_or_default());
                list = None;
            }
            if mark.depth <= 1 {
                if mark.byte == b'}' {
                    load.event(text.get(begin..mark.at).unwrap_or_default());
                }
                begin = mark.at + 1;
            }
        }
        _ => {}
    });
    let open = if list == Some(1) { element } else { begin };
    load.event(text.get(open..).unwrap_or_default());
    load
}

/// How many objects begin in no more than so many others and lists.
pub(crate) fn outer_objects(text: &[u8], depth: usize) -> usize {
    let mut count = 0;
    each_mark(text, |mark| count += usize::from(mark.byte == b'{' && mark.depth <= depth));
    count
}

/// One of `[`, `{`, `,`, `]`, `}` outside of strings.
struct Mark<'t> {
    byte: u8,
    at: usize,
    /// In how many lists and objects it lies; an end lies in what it ends.
    depth: usize,
    /// The string before it.
    string: &'t [u8],
}

impl Mark<'_> {
    /// Whether the string before it, where it is a name, may be that of a batch.
    fn may_be_batch(&self) -> bool {
        self.string == b"batch" || self.string.contains(&b'\\')
    }
}

fn each_mark<'t>(text: &'t [u8], mut each: impl FnMut(Mark<'t>)) {
    let (mut at, mut depth) = (0, 0_usize);
    let mut string: &[u8] = b"";
    while let Some(&byte) = text.get(at) {
        match byte {
            b'"' => {
                let rest = text.get(at + 1..).unwrap_or_default();
                string = rest.get(..end_of_string(rest)).unwrap_or(rest);
                at += string.len() + 1;
            }
            b'[' | b'{' => {
                each(Mark { byte, at, depth, string });
                depth += 1;
            }
            b',' => each(Mark { byte, at, depth, string }),
            b']' | b'}' => {
                each(Mark { byte, at, depth, string });
                depth = depth.saturating_sub(1);
            }
            _ => {}
        }
        at += 1;
    }
}

/// Where the quote is that ends a string.
fn end_of_string(text: &[u8]) -> usize {
    let mut at = 0;
    loop {
        let rest = text.get(at..).unwrap_or_default();
        match memchr::memchr2(b'"', b'\\', rest) {
            None => return text.len(),
            Some(found) if rest.get(found) == Some(&b'"') => return at + found,
            Some(found) => at += found + 2,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// What follows the last event is counted as one more.
    #[test]
    fn counts_events_and_the_values_of_the_heaviest() {
        let many = format!("[{}]", vec!["0"; 2 * MAX_VALUES].join(","));
        for (text, events, values) in [
            (r#"[{"a":1,"b":[2,3]},{"c":1}]"#, 3, 5),
            (r#" ["],[\"{,",{"a,:[":"\\"},"]"] "#, 4, 5),
            ("[]", 2, 1),
            ("[\n0,\n0,\n{\"a\":\n0}]", 4, 2),
            ("[1,2", 2, 1),
            (r#"{"batch":[0,0,{"a":1}],"b":[0,0,0]}"#, 5, 10),
            (r#"{"b\u0061tch":[0,0,0],"batch":[0,0,0]}"#, 8, 9),
            (r#"{"a":{"batch":[0,0,0]},"b":["batch",[0,0,0]]}"#, 2, 12),
            (r#"{"a":1,"b":2}{"a":1}{}"#, 4, 3),
            (r#"{"a":[0,0,"#, 1, 5),
            (&many, 2 * MAX_VALUES + 1, 1),
            (&format!("[{many}]"), 2, MAX_VALUES),
        ] {
            assert_eq!(of_json(text.as_bytes()), Load { events, values }, "{text:.60}");
        }
    }

    #[test]
    fn what_may_be_lines_is_counted_as_such_too() {
        for (text, events, values) in [
            ("", 1, 1),
            ("a=1&b=2", 1, 4),
            ("a\nb\0c=", 3, 2),
            ("{\"a\":1}\n{\"a\":1,\"b\":2}\n", 3, 3),
            // Each line is read apart, whatever the ones before it opened and did not close.
            ("{\"a\n[[[\n\"]]]\n{}", 4, 4),
            ("{\"\n[\"},{\",\"},{\"]\n", 3, 7),
            ("{\"a\":[\n0,\n0,\n0]}", 4, 5),
        ] {
            assert_eq!(of_text(text.as_bytes()), Load { events, values }, "{text}");
        }
    }

    #[test]
    fn finds_the_objects_that_lie_outside() {
        let text = br#"[{"a":[{"b":{},"{":"\"{"},{}]}]"#;
        let found = [0, 1, 2, 3, 4, 5].map(|depth| outer_objects(text, depth));
        assert_eq!(found, [0, 1, 1, 3, 4, 4]);
    }
}
