//! How long a validation takes, and what memory.
//!
//! `cargo bench -p vector-config` runs our pipeline on lines of all seven services: 10,000 of them,
//! which must take less than 2 seconds, and a file of 100 MB, which must take no more memory than they
//! and a fifth. It ends with an error where one of these is missed.

use std::{
    fs::File,
    io::{BufReader, BufWriter, Write as _},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use vector_config::{ConfigPaths, Settings, Validation, VectorVersion};

const LINES: &str = include_str!("../fixtures/docker-lines.txt");
const FEW: usize = 10_000;
const LARGE: usize = 100_000_000;
const GOAL: Duration = Duration::from_secs(2);

fn main() {
    let folder = tempfile::tempdir().expect("a folder can be made");
    let few = written(folder.path().join("few.txt"), |lines, _| lines < FEW);
    let large = written(folder.path().join("large.txt"), |_, bytes| bytes < LARGE);
    let (mut missed, mut memory_of_few) = (false, 0);
    for (name, file) in [("10,000 events", few), ("a file of 100 MB", large)] {
        let (start, before) = (Instant::now(), processor_time());
        let (events, told) = validated(&file);
        let (time, processor) = (start.elapsed(), processor_time() - before);
        let each = processor.as_secs_f64() * 1e6 / events as f64;
        let memory = peak_megabytes();
        println!(
            "{name}: {time:.2?}, of a processor {processor:.2?}, {each:.1} µs for each of {events} \
             events, progress told {told} times, memory at most {memory} MB"
        );
        if memory_of_few == 0 {
            memory_of_few = memory;
            let is_met = time < GOAL;
            println!("  goal: less than {GOAL:?}: {}", if is_met { "met" } else { "missed" });
            missed |= !is_met;
        } else {
            let most = memory_of_few * 6 / 5;
            let is_met = memory <= most;
            println!("  goal: at most {most} MB: {}", if is_met { "met" } else { "missed" });
            missed |= !is_met;
        }
    }
    assert!(!missed, "a goal is missed");
}

/// A file of lines while there are to be more.
fn written(path: PathBuf, more: impl Fn(usize, usize) -> bool) -> PathBuf {
    let mut file = BufWriter::new(File::create(&path).expect("a file can be made"));
    let (mut lines, mut bytes) = (0, 0);
    for line in LINES.lines().cycle() {
        if !more(lines, bytes) {
            break;
        }
        writeln!(file, "{line}").expect("the file can be written");
        lines += 1;
        bytes += line.len() + 1;
    }
    file.flush().expect("the file can be written");
    path
}

/// How many events were given, and how often progress was told.
fn validated(file: &Path) -> (u64, u64) {
    let configuration = Path::new(env!("CARGO_MANIFEST_DIR")).join("vector.yml");
    let mut validation = Validation::load(Settings {
        paths: ConfigPaths {
            files: vec![(configuration.display().to_string(), None)],
            folders: Vec::new(),
        },
        variables: [].into(),
        interpolation: None,
        vector: VectorVersion::NEWEST,
        known_sources: Vec::new(),
        repaired_sources: Vec::new(),
        now: 1_795_176_000_000_000,
    });
    validation.keep_samples();
    let mut told = 0;
    let mut events = BufReader::new(File::open(file).expect("the file is there"));
    validation.run("lines", &mut events, None, &mut |_| told += 1).expect("the lines are events");
    let report = validation.finish();
    assert_eq!(report.exit_code(), 0, "{:?}", report.findings);
    (report.given, told)
}

/// What this process has had of processors until now.
fn processor_time() -> Duration {
    let status = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // Behind the name in parentheses; in user and in system mode, in hundredths of a second.
    let fields = status.rsplit(')').next().unwrap_or_default().split_whitespace();
    let hundredths = fields.skip(11).take(2).filter_map(|field| field.parse::<u64>().ok());
    Duration::from_millis(10 * hundredths.sum::<u64>())
}

/// The most memory that this process has had.
fn peak_megabytes() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kilobytes =
        peak.and_then(|peak| peak.trim().strip_suffix(" kB")?.trim().parse::<u64>().ok());
    kilobytes.unwrap_or_default() / 1024
}
