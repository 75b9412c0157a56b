//! VRL programs: compiled and run as Vector does it.

mod assignments;
mod hashes;
mod not_here;

use std::{
    collections::BTreeSet,
    ops::ControlFlow,
    time::{Duration, Instant},
};

use vrl::{
    compiler::{
        CompileConfig, Function, TargetValueRef, TimeZone, TypeState,
        runtime::{Runtime, Terminate},
        state::ExternalEnv,
    },
    diagnostic::{Diagnostic, DiagnosticList, Formatter},
    path::{OwnedTargetPath, OwnedValuePath, ValuePath as _, parse_target_path},
    value::{Kind, Value, kind::Collection},
};

use crate::event::LogEvent;
use assignments::Assignment;
use hashes::Hash;

/// Longest run on one event. Programs cannot loop for ever, but over lists that they make.
const LONGEST_RUN: Duration = Duration::from_secs(1);

/// How often a run looks at the clock: once in so many expressions.
const LOOKS: u32 = 1024;

/// VRL's code of a call to a function that is not there.
const UNDEFINED_FUNCTION: usize = 105;

/// Functions that were in VRL, and what takes their place.
const REMOVED: [(&str, &str); 1] = [(
    "to_timestamp",
    "`to_timestamp` is gone since Vector 0.33: use `parse_timestamp!(value, format: …)` for text \
     and `from_unix_timestamp!(value, unit: …)` for numbers",
)];

/// What the compiler says of a program.
#[derive(Debug, Clone)]
pub(crate) struct Fault {
    /// VRL's number, for example 105.
    pub(crate) code: usize,
    pub(crate) message: String,
    /// Where in the program, in bytes.
    pub(crate) offset: usize,
    /// As Vector prints it.
    pub(crate) rendered: String,
    /// What takes the place of a function that was removed.
    pub(crate) instead: Option<&'static str>,
}

/// Why there is no program to run.
#[derive(Debug)]
pub(crate) enum NotCompiled {
    /// Vector would not start with it.
    Faults(Vec<Fault>),
    /// Vector may run it; here these functions are missing.
    Needs(Vec<String>),
}

/// Why a program did not come to its end.
#[derive(Debug, PartialEq, Eq)]
pub(crate) enum Stopped {
    /// By `abort`.
    Aborted(String),
    /// By an error that it does not handle.
    Failed(String),
    /// It takes too long for one event.
    TookTooLong,
}

/// A compiled program.
#[derive(Debug)]
pub(crate) struct Program {
    pub(crate) source: String,
    compiled: vrl::compiler::Program,
    pub(crate) warnings: Vec<Fault>,
    assignments: Vec<Assignment>,
}

impl Program {
    /// Compiles a program for events of a kind. A `condition` may not change them.
    pub(crate) fn compile(
        source: &str,
        events: &Kind,
        condition: bool,
    ) -> Result<Self, NotCompiled> {
        let any = Kind::object(Collection::any());
        let state = TypeState {
            external: ExternalEnv::new_with_kind(events.clone(), any),
            ..TypeState::default()
        };
        let config = || {
            let mut config = CompileConfig::default();
            if condition {
                config.set_read_only();
            } else if let Ok(path) = parse_target_path("%vector") {
                config.set_read_only_path(path, true);
            }
            config
        };
        let functions = functions();
        match vrl::compiler::compile_with_state(source, &functions, &state, config()) {
            Ok(result) => Ok(Self {
                source: source.to_owned(),
                compiled: result.program,
                warnings: faults(source, result.warnings),
                assignments: assignments::of(source),
            }),
            Err(list) => {
                Err(not_compiled(source, list, || not_here::other_errors(source, &state, config)))
            }
        }
    }

    pub(crate) fn is_boolean(&self) -> bool {
        self.compiled.final_type_info().result.is_boolean()
    }

    /// Whether it can end without having come to its end.
    pub(crate) fn may_fail(&self) -> bool {
        self.compiled.info().fallible
    }

    pub(crate) fn may_abort(&self) -> bool {
        self.compiled.info().abortable
    }

    /// What is known of its events when it has run.
    pub(crate) fn events_after(&self) -> Kind {
        self.compiled.final_type_info().state.external.target_kind().clone()
    }

    /// Runs it on an event, which it may leave half changed where it stops.
    pub(crate) fn run(&self, event: &mut LogEvent, timezone: TimeZone) -> Result<Value, Stopped> {
        self.run_within(LONGEST_RUN, event, timezone)
    }

    fn run_within(
        &self,
        longest: Duration,
        event: &mut LogEvent,
        timezone: TimeZone,
    ) -> Result<Value, Stopped> {
        let mut target = TargetValueRef {
            value: &mut event.value,
            metadata: &mut event.metadata,
            secrets: &mut event.secrets,
        };
        let mut looks = 0_u32;
        let mut until = None;
        let mut control = || {
            looks += 1;
            if !looks.is_multiple_of(LOOKS) {
                return ControlFlow::Continue(());
            }
            let until = *until.get_or_insert_with(|| Instant::now() + longest);
            if Instant::now() > until { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
        };
        Runtime::default()
            .resolve_with_control(&mut target, &self.compiled, &timezone, &mut control)
            .map_err(|stopped| match stopped {
                Terminate::Interrupted => Stopped::TookTooLong,
                Terminate::Abort(error) => Stopped::Aborted(error.to_string()),
                Terminate::Error(error) => Stopped::Failed(error.to_string()),
            })
    }

    /// Where in the program, in bytes, a field of the event is made: the last assignment to it, to
    /// what it is part of, or to a part of it.
    pub(crate) fn assignment_to(&self, field: &OwnedValuePath) -> Option<usize> {
        let reaches = |one: &&Assignment| (&one.path).can_start_with(field);
        let covers = |one: &&Assignment| !one.path.is_root() && field.can_start_with(&one.path);
        let last = self.assignments.iter().rev();
        let exact = last.clone().find(|one| one.path == *field);
        exact
            .or_else(|| last.clone().find(covers))
            .or_else(|| last.clone().find(reaches))
            .map(|one| one.offset)
    }

    /// Whether it assigns to a field, to what it is part of, or to a part of it.
    pub(crate) fn may_fill(&self, field: &OwnedValuePath) -> bool {
        let touches =
            |one: &Assignment| field.can_start_with(&one.path) || (&one.path).can_start_with(field);
        self.assignments.iter().any(touches)
    }

    /// Whether it asks for something inside of a field of the event.
    pub(crate) fn reads_inside(&self, field: &OwnedValuePath) -> bool {
        let queries = &self.compiled.info().target_queries;
        queries.iter().any(|query| query.path != *field && (&query.path).can_start_with(field))
    }

    /// Whether it assigns to exactly this field.
    pub(crate) fn names(&self, field: &OwnedValuePath) -> bool {
        self.assignments.iter().any(|one| one.path == *field)
    }
}

/// The functions that programs can call.
fn functions() -> Vec<Box<dyn Function>> {
    let mut functions = vrl::stdlib::all();
    functions.extend(Hash::ALL.map(|hash| Box::new(hash) as Box<dyn Function>));
    functions
}

/// A field of the event as a path of VRL: `metadata.context[0].pid`.
pub(crate) fn path_of(field: &str) -> Option<OwnedValuePath> {
    let path: OwnedTargetPath = parse_target_path(&format!(".{field}")).ok()?;
    Some(path.path)
}

/// What is wrong with a program. Functions that are missing here only are no fault of it, nor is
/// what follows from that; the `others` are.
fn not_compiled(
    source: &str,
    list: DiagnosticList,
    others: impl FnOnce() -> Vec<Diagnostic>,
) -> NotCompiled {
    let mut errors: Vec<Diagnostic> = list.into_iter().filter(Diagnostic::is_problem).collect();
    let missing = errors.iter().filter_map(|error| not_here::missing_call(source, error));
    let missing: BTreeSet<String> = missing.map(str::to_owned).collect();
    if !missing.is_empty() {
        errors = others();
    }
    if errors.is_empty() {
        NotCompiled::Needs(missing.into_iter().collect())
    } else {
        NotCompiled::Faults(faults(source, errors.into()))
    }
}

/// The text that a diagnostic points at.
fn called<'s>(source: &'s str, diagnostic: &Diagnostic) -> Option<&'s str> {
    source.get(diagnostic.labels.iter().find(|label| label.primary)?.span.range())
}

fn faults(source: &str, list: DiagnosticList) -> Vec<Fault> {
    let fault = |diagnostic: Diagnostic| {
        let primary = diagnostic.labels.iter().find(|label| label.primary);
        let label = primary.or(diagnostic.labels.first());
        let instead = called(source, &diagnostic)
            .filter(|_| diagnostic.code == UNDEFINED_FUNCTION)
            .and_then(|name| REMOVED.iter().find(|(removed, _)| *removed == name));
        Fault {
            code: diagnostic.code,
            message: diagnostic.message.clone(),
            offset: label.map_or(0, |label| label.span.start()),
            instead: instead.map(|(_, instead)| *instead),
            rendered: Formatter::new(source, DiagnosticList::from(vec![diagnostic])).to_string(),
        }
    };
    list.into_iter().map(fault).collect()
}

#[cfg(test)]
mod tests {
    use vrl::value;

    use super::*;

    fn any() -> Kind {
        Kind::object(Collection::any())
    }

    fn program(source: &str) -> Program {
        Program::compile(source, &any(), false).unwrap()
    }

    fn faults_of(source: &str) -> Vec<Fault> {
        match Program::compile(source, &any(), false) {
            Err(NotCompiled::Faults(faults)) => faults,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn a_program_changes_an_event() {
        let mut event = LogEvent::new(value!({"message": "GET"}), 1);
        program(".method = downcase!(del(.message))").run(&mut event, TimeZone::Local).unwrap();
        assert_eq!(event.value, value!({"method": "get"}));
    }

    #[test]
    fn a_program_stops_by_abort_or_by_an_error() {
        let run = |source: &str| {
            let mut event = LogEvent::new(value!({"a": 1}), 1);
            program(source).run(&mut event, TimeZone::Local).unwrap_err()
        };
        assert_eq!(run("abort"), Stopped::Aborted("aborted".to_owned()));
        let Stopped::Failed(error) = run(".b = upcase!(.a)") else { panic!("it fails") };
        assert!(error.contains("expected string, got integer"), "{error}");
    }

    #[test]
    fn mistakes_have_their_place() {
        for (source, code, at) in [
            (".a = parse_json(.b)", 103, 5),
            (".a = 1\n.b = nonsense(1)", 105, 12),
            (".a = = 1", 203, 5),
            ("x = y", 701, 4),
        ] {
            let faults = faults_of(source);
            assert_eq!((faults[0].code, faults[0].offset), (code, at), "{faults:?}");
            assert!(faults[0].rendered.contains(&format!("error[E{code}]")), "{faults:?}");
        }
    }

    #[test]
    fn what_takes_the_place_of_a_removed_function_is_said() {
        let faults = faults_of(".t = to_timestamp!(.t)");
        assert!(faults[0].instead.unwrap().contains("parse_timestamp"), "{faults:?}");
        assert!(faults_of(".t = nonsense!(.t)")[0].instead.is_none());
    }

    #[test]
    fn functions_of_a_running_vector_are_named() {
        match Program::compile(".a = get_secret(\"x\")", &any(), false) {
            Err(NotCompiled::Needs(names)) => assert_eq!(names, ["get_secret"]),
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn mistakes_beside_a_function_that_is_not_here_are_found() {
        for (source, expected) in [
            // What follows from the missing function is none.
            (".a = sha3(\"x\")\n.b = upcase(.a)", &[][..]),
            ("x = sha3!(.m, variant: \"SHA3-256\")\n.b = x", &[]),
            ("x, err = get_enrichment_table_record(\"t\", {\"id\": .id})\n.b = x.name", &[]),
            (".b = xxhash(.m, \"XXH32\") ?? 0", &[]),
            (".a = get_secret(\"x\")\n.b = nonsense(1)", &[105]),
            (".a = sha3(\"x\")\n.b = parse_json(.c)", &[103]),
            (".a = sha3(\"x\")\n.b = other", &[701]),
            ("x = sha3(\"x\")\n.b = x + y", &[701]),
        ] {
            let codes = match Program::compile(source, &any(), false) {
                Err(NotCompiled::Needs(names)) => {
                    assert_eq!(names.len(), 1, "{source}");
                    Vec::new()
                }
                Err(NotCompiled::Faults(faults)) => faults.iter().map(|one| one.code).collect(),
                Ok(_) => panic!("{source}"),
            };
            assert_eq!(codes, expected, "{source}");
        }
        let condition = Program::compile("sha3(.a) == \"x\" && nonsense(1)", &any(), true);
        assert!(matches!(condition, Err(NotCompiled::Faults(_))), "{condition:?}");
    }

    #[test]
    fn conditions_change_nothing() {
        let condition = Program::compile(".a == 1", &any(), true).unwrap();
        assert!(condition.is_boolean());
        assert!(!Program::compile(".a", &any(), true).unwrap().is_boolean());
        assert!(Program::compile(".a = 1", &any(), true).is_err());
    }

    #[test]
    fn a_program_that_takes_too_long_is_stopped() {
        let source = "l = split(\"a,a,a,a,a,a,a,a,a,a\", \",\")\n.n = 0\n\
            for_each(l) -> |_i, _v| { for_each(l) -> |_j, _w| { for_each(l) -> |_k, _x| { .n = 1 } } }";
        let Ok(program) = Program::compile(source, &any(), false) else {
            panic!("{:?}", Program::compile(source, &any(), false).err())
        };
        let mut event = LogEvent::new(value!({}), 1);
        let ran = program.run_within(Duration::ZERO, &mut event, TimeZone::Local);
        assert_eq!(ran, Err(Stopped::TookTooLong));
    }

    #[test]
    fn the_line_that_makes_a_field_is_found() {
        let program = program(
            ".a.b = 1\nif .x == 1 {\n  .a.c = 2\n} else {\n  .d, err = parse_json(.m)\n}\n.a.b = 3\n",
        );
        let line = |field: &str| {
            let offset = program.assignment_to(&path_of(field).unwrap())?;
            Some(program.source.get(..offset)?.matches('\n').count() + 1)
        };
        assert_eq!(line("a.b"), Some(7));
        assert_eq!(line("a.c"), Some(3));
        assert_eq!(line("d.deep.er[0]"), Some(5));
        assert_eq!(line("a"), Some(7));
        assert_eq!(line("other"), None);
        assert!(program.names(&path_of("a.c").unwrap()));
        assert!(!program.names(&path_of("a").unwrap()));
    }
}
