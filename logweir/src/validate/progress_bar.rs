//! How far a file of events has been read, on a terminal.

use std::{
    io::{self, IsTerminal as _, Write as _},
    time::{Duration, Instant},
};

use vector_config::Progress;

/// Drawn at most so often.
const EVERY: Duration = Duration::from_millis(100);

/// Characters of the bar.
const WIDTH: u64 = 30;

/// A line on standard error that is drawn again and again, and gone in the end. Where standard error
/// is no terminal, nothing is drawn.
#[derive(Debug)]
pub(super) struct ProgressBar {
    name: String,
    /// Bytes of the file, where that is known.
    length: Option<u64>,
    is_terminal: bool,
    drawn: Option<Instant>,
}

impl ProgressBar {
    pub(super) fn new(name: &str, length: Option<u64>) -> Self {
        let is_terminal = io::stderr().is_terminal();
        Self { name: name.to_owned(), length, is_terminal, drawn: None }
    }

    pub(super) fn show(&mut self, progress: Progress) {
        let recently = self.drawn.is_some_and(|drawn| drawn.elapsed() < EVERY);
        if self.is_terminal && !recently {
            // Nothing is lost with it.
            let _ = write!(io::stderr(), "\r{}\x1b[K", self.line(progress));
            self.drawn = Some(Instant::now());
        }
    }

    /// `lines.txt [#######-----------------------]  25 %, 1000 lines`
    fn line(&self, Progress { lines, bytes }: Progress) -> String {
        let name = &self.name;
        let Some(length) = self.length.filter(|length| *length > 0) else {
            return format!("{name}: {lines} lines");
        };
        let part = |whole: u64| {
            let part = u128::from(bytes.min(length)) * u128::from(whole) / u128::from(length);
            usize::try_from(part).unwrap_or_default()
        };
        let (done, width) = (part(WIDTH), usize::try_from(WIDTH).unwrap_or_default());
        let bar = "#".repeat(done) + &"-".repeat(width.saturating_sub(done));
        format!("{name} [{bar}] {:>3} %, {lines} lines", part(100))
    }
}

impl Drop for ProgressBar {
    fn drop(&mut self) {
        if self.drawn.is_some() {
            let _ = write!(io::stderr(), "\r\x1b[K");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bar_grows_with_what_was_read() {
        let line =
            |length, lines, bytes| ProgressBar::new("e", length).line(Progress { lines, bytes });
        let bar = |done| format!("{}{}", "#".repeat(done), "-".repeat(30 - done));
        for (bytes, done, percent) in [(0, 0, 0), (25, 7, 25), (99, 29, 99), (100, 30, 100)] {
            let expected = format!("e [{}] {percent:>3} %, 3 lines", bar(done));
            assert_eq!(line(Some(100), 3, bytes), expected);
        }
        // It grew while it was read.
        assert!(line(Some(100), 3, 200).contains("100 %"));
        assert_eq!(line(Some(u64::MAX), 1, u64::MAX).matches('#').count(), 30);
        assert_eq!(line(None, 3, 5), "e: 3 lines");
        assert_eq!(line(Some(0), 3, 5), "e: 3 lines");
    }
}
