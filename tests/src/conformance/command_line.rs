//! What the runners take on their command lines that hold answers against expected ones.

use super::Report;

/// Which cases are run, and what is told of them.
#[derive(Debug, Default, clap::Args)]
pub struct Choice {
    /// Only cases whose id holds this text.
    #[arg(long, value_name = "TEXT")]
    only: Option<String>,
    /// Tell the causes of what did not pass, each with its cases.
    #[arg(long)]
    causes: bool,
    /// End with status 1 when fewer cases pass.
    #[arg(long, value_name = "N", default_value_t = 0)]
    min_passed: usize,
}

impl Choice {
    /// Whether a case is run.
    pub fn holds(&self, id: &str) -> bool {
        self.only.as_ref().is_none_or(|only| id.contains(only))
    }

    /// Prints what came out and ends the process, with 2 where nothing could be run. A translation
    /// that never ends must not hold it.
    pub fn end(&self, report: &Result<Report, String>) -> ! {
        std::process::exit(match report {
            Ok(report) => {
                if self.causes {
                    print!("{}", report.causes());
                }
                println!("{report}");
                i32::from(report.passed() < self.min_passed)
            }
            Err(problem) => {
                eprintln!("{problem}");
                2
            }
        })
    }
}
